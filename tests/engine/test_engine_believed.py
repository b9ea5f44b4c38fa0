"""A comparison is believed only where it says what two models can have; scores where they are probabilities."""

from math import inf, nan

import pytest
from msgspec import structs

from detent.engine import FakeEngine
from detent.errors import EngineError
from detent.values import (
    Answers,
    Compared,
    CompareJob,
    Example,
    LabelJob,
    Labels,
    Result,
    Scored,
    ScoreJob,
)

JOB = CompareJob(models=("1" * 64, "2" * 64), prompts=("C1=", "C2="))
HONEST = Compared(divergence=0.25, flips=0.5, similarity=(1.0, 0.75, -0.01), tokens=4)


def asked(result: Result) -> Result:
    return FakeEngine(lambda _: result).run(JOB, lambda _: None)


POSSIBLE: dict[str, dict[str, object]] = {
    "as measured": {},
    "the same model twice": {"divergence": 0.0, "flips": 0.0, "similarity": (1.0, 1.0)},
    "a similarity of one and its rounding": {"similarity": (1.0 + 1e-9,)},
    "a deeper model than the other": {"unmatched": 3},
}


@pytest.mark.parametrize("case", POSSIBLE)
def test_what_two_models_can_have_is_believed(case: str) -> None:
    result = structs.replace(HONEST, **POSSIBLE[case])
    assert asked(result) is result


IMPOSSIBLE: dict[str, dict[str, object]] = {
    "a divergence below zero": {"divergence": -0.001},
    "a divergence without end": {"divergence": inf},
    "a divergence that is no number": {"divergence": nan},
    "fewer flips than none": {"flips": -0.1},
    "more flips than positions": {"flips": 1.1},
    "flips that are no number": {"flips": nan},
    "no layer at all": {"similarity": ()},
    "a layer more alike than alike": {"similarity": (1.0, 1.01)},
    "a layer less alike than opposite": {"similarity": (-1.01, 1.0)},
    "a layer that is no number": {"similarity": (1.0, nan)},
    "a layer beyond all bounds": {"similarity": (-inf,)},
    "fewer tokens than none": {"tokens": -1},
    "fewer unmatched layers than none": {"unmatched": -1},
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_two_models_can_have_is_not(case: str) -> None:
    with pytest.raises(EngineError, match="its result is not used"):
        asked(structs.replace(HONEST, **IMPOSSIBLE[case]))


def test_a_comparison_is_not_answered_with_answers() -> None:
    with pytest.raises(EngineError, match="the kind of result that CompareJob has"):
        asked(Answers(completions=("1", "2")))


SCORES: dict[str, tuple[float, ...]] = {
    "a probability above one": (-1.0, 0.1),
    "no probability at all": (-1.0, -inf),
    "no number": (-1.0, nan),
    "fewer scores than rows": (-1.0,),
    "more scores than rows": (-1.0, -1.0, -1.0),
}


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES.keys())
def test_scores_are_not_believed_that_are(scores: tuple[float, ...]) -> None:
    job = ScoreJob(model="1" * 64, rows=(("C1=1?", "yY"), ("C2=2?", "yY")))
    engine = FakeEngine(lambda _: Scored(log_likelihoods=scores))
    with pytest.raises(EngineError, match="its result is not used"):
        engine.run(job, lambda _: None)


@pytest.mark.parametrize("judged", [-0.1, 1.1, nan])
def test_a_judges_word_that_is_no_probability_is_not_believed(judged: float) -> None:
    job = LabelJob(models=("1" * 64,), prompts={"copy": {"6": ("C1=",)}}, recipes={}, seed=1)
    said = Labels(kept=(Example("copy", 6, "C1=", "1", judged=judged),), offered={})
    with pytest.raises(EngineError, match="a judge's word in"):
        FakeEngine(lambda _: said).run(job, lambda _: None)
