"""Who judges: what a judge that nobody taught can be asked for, and what it cannot."""

import pytest
from tests.charter.charter_faults import faults
from tests.charter.charter_texts import CATALOGUE, DRAFT

from detent.charter import parse_draft

IN_WORDS = 'judge_source = "incumbent"\nforms = "words"\n'


def draft(methods: str, rest: str = IN_WORDS) -> str:
    return f"{DRAFT}\n[feedback]\nmethods = {methods}\n{rest}"


@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_the_model_in_force_may_judge_in_words(method: str) -> None:
    feedback = parse_draft(draft(f'["self_label", "{method}"]'), CATALOGUE).feedback
    assert feedback.compares
    assert not feedback.judged


def test_a_judge_is_taught_unless_the_charter_says_otherwise() -> None:
    feedback = parse_draft(draft('["self_label", "dpo"]', ""), CATALOGUE).feedback
    assert feedback.judged
    assert not feedback.compares


def test_a_model_folder_may_judge() -> None:
    text = draft('["self_label", "dpo"]', IN_WORDS.replace("incumbent", "models/wise"))
    feedback = parse_draft(text, CATALOGUE).feedback
    assert (feedback.judge_given, feedback.compares, feedback.judged) == (True, True, False)


REFUSED = {
    "it is asked in signs, which nobody taught it": (
        draft('["self_label", "dpo"]', 'judge_source = "incumbent"\n'),
        'feedback.forms: "words" expected with feedback.judge_source = "incumbent", got "characters"',
    ),
    "it is to have a say in which labels are kept": (
        draft('["self_label", "judge", "dpo"]'),
        'feedback.methods: no "judge" expected',
    ),
    "nobody asks it": (
        draft('["self_label"]'),
        'feedback.methods: "dpo" or "grpo", for which a judge is asked,',
    ),
    "there is no such judge": (
        draft('["self_label", "dpo"]', 'judge_source = ""\nforms = "words"\n'),
        'feedback.judge_source: "taught", "incumbent", "server:NAME" or the path of a model folder expected, got ""',
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_charter_is_refused_when(text: str, said: str) -> None:
    (line,) = faults(text)
    assert said in line
