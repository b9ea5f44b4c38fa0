"""What a teacher's answers come to: those that the subject could have written, and no others, are learnt from."""

import pytest

from detent.charter import Feedback, Subject
from detent.errors import TrustError
from detent.propose import taught_again
from detent.values.serving import Kept, Wrote

TEACHER = "server:wise"
FEEDBACK = Feedback(teacher=TEACHER, samples=2)
MADE_HERE = Subject(extra_tokens=4)
GIVEN = Subject(source="given", answer_tokens=16)

WORTH_NOTHING: dict[str, tuple[Subject, str]] = {
    "a model made here has no token for a letter of it": (MADE_HERE, "42\u00e9"),
    "a model made here has no token for its lines": (MADE_HERE, "4\n2"),
    "a model made here has no token for a control character of it": (MADE_HERE, "42\0"),
    "a model made here could not end it in its room": (MADE_HERE, "4" * 9),
    "a given model could not end it in its room": (GIVEN, "x" * 129),
    "it takes all the memory that there is": (GIVEN, "x" * 65_536),
}


@pytest.mark.parametrize(("subject", "text"), WORTH_NOTHING.values(), ids=WORTH_NOTHING.keys())
def test_an_answer_of_a_teacher_is_not_learnt_where(subject: Subject, text: str) -> None:
    """On record it would end that training in every try, and the run with it."""
    rows: list[Kept] = [Wrote(TEACHER, "C42=", one) for one in (text, "42")]
    (samples,) = taught_again(rows, ["C42="], FEEDBACK, subject).samples
    assert [(one.text, one.ended) for one in samples] == [(text, False), ("42", True)]


def test_answers_of_somebody_else_are_no_teachers() -> None:
    rows: list[Kept] = [Wrote("server:other", "C42=", "42")] * 2
    with pytest.raises(TrustError, match="2 answers of server:wise to each of 1 prompts expected"):
        taught_again(rows, ["C42="], FEEDBACK, GIVEN)


def test_words_of_any_script_are_learnt_by_a_given_model() -> None:
    rows: list[Kept] = [Wrote(TEACHER, "Capital?", one) for one in ("\u6771\u4eac", "Tokyo,\nJapan")]
    (samples,) = taught_again(rows, ["Capital?"], FEEDBACK, GIVEN).samples
    assert all(one.ended for one in samples)
