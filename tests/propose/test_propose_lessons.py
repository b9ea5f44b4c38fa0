"""What a judge learns from is made of answers and a public stream alone, and says of each draft what is true of it."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.propose import lessons, sources_of
from detent.propose.lessons import spoilt
from detent.propose.mixing import judge_sources
from detent.tasks import Rng
from detent.values import DataMade, Example, Origin, State, marks, praise, question

ANSWERS = [Example("copy", 4, f"C{n:04}=", f"{n:04}") for n in range(300)]


def test_every_other_draft_is_the_answer_and_the_others_differ_in_one_or_two_places() -> None:
    made = lessons(ANSWERS, b"stream", most=300)
    drafts = [
        lesson.prompt.removeprefix(answer.prompt)[:-1] for lesson, answer in zip(made, ANSWERS, strict=True)
    ]
    right = sum(draft == answer.completion for draft, answer in zip(drafts, ANSWERS, strict=True))
    assert 120 < right < 190
    for draft, answer in zip(drafts, ANSWERS, strict=True):
        assert abs(len(draft) - len(answer.completion)) <= 2
        assert set(draft) <= set("0123456789")


@given(st.text("0123456789", min_size=1, max_size=12), st.text("0123456789", max_size=14))
def test_marks_praise_what_is_right_and_nothing_else(answer: str, draft: str) -> None:
    found = marks(draft, answer)
    assert len(found) == len(draft) + 1
    assert (found == praise(draft)) == (draft == answer)
    assert found.endswith("Y") == (draft == answer)


def test_lessons_are_those_of_the_stream_and_no_more_of_a_rung_than_asked() -> None:
    made = lessons(ANSWERS, b"stream", most=20)
    assert made == lessons(ANSWERS, b"stream", most=20)
    assert made != lessons(ANSWERS, b"another", most=20)
    assert len(made) == 20
    assert all(one.prompt.startswith(answer.prompt) for one, answer in zip(made, ANSWERS, strict=False))


def test_a_lesson_asks_as_the_judge_is_asked() -> None:
    for lesson, answer in zip(lessons(ANSWERS, b"stream", most=300), ANSWERS, strict=True):
        draft = lesson.prompt.removeprefix(answer.prompt).removesuffix("?")
        assert lesson.prompt == question(answer.prompt, draft)
        assert lesson.completion == marks(draft, answer.completion)


@given(st.text("abc", max_size=6), st.integers(0, 1000))
def test_whatever_is_spoilt_stays_writable(answer: str, seed: int) -> None:
    found = spoilt(answer, "abc", Rng(b"%d" % seed))
    assert set(found) <= set("abc")
    assert abs(len(found) - len(answer)) <= 2


def made(name: str, source: Literal["seed", "self", "lessons"], generation: int) -> DataMade:
    return DataMade(
        digest=name,
        origin=Origin(source),
        counts={"copy": {"1": 5}},
        offered={},
        stream="",
        generation=generation,
    )


@pytest.mark.parametrize("generation", [0, 3])
def test_a_judge_is_taught_to_mark_and_to_answer(generation: int) -> None:
    first = (made("seed", "seed", 0), made("seed lessons", "lessons", 0))
    labels, taught = made("labels", "self", 3), made("lessons", "lessons", 3)
    state = State(generation=generation, data=(*first, labels, taught) if generation else first)
    found = judge_sources(taught if generation else first[1], labels if generation else first[0], state)
    assert {one.data for one in found} == {one.digest for one in state.data}
    assert sum(one.weight for one in found) == pytest.approx(1.0)


def test_lessons_are_never_among_what_the_team_is_trained_on() -> None:
    from tests.propose.test_propose_mixing import SEED, proposal  # noqa: PLC0415

    labels = DataMade(digest="l", origin=Origin("self"), counts={"copy": {"6": 5}}, offered={}, stream="")
    lesson = DataMade(digest="x", origin=Origin("lessons"), counts={"copy": {"6": 5}}, offered={}, stream="")
    found = sources_of(proposal(copy=(6,)), labels, State(data=(SEED, lesson, labels)))
    assert "x" not in {one.data for one in found}
