"""Points of a search are believed only where the job's space holds them, and there are as many as were asked for."""

import pytest

from detent.engine import FakeEngine
from detent.errors import EngineError
from detent.values import SPACE, Answers, Result, SuggestedPoints, SuggestJob
from detent.values.changes import Setting

JOB = SuggestJob(space=SPACE, told=(), count=2, seed=1)
GOOD: dict[str, Setting] = {"recipe.confidence": 0.5, "recipe.optimizer": "adamw"}


def asked(result: Result) -> Result:
    return FakeEngine(lambda _: result).run(JOB, lambda _: None)


def test_points_of_the_space_are_believed() -> None:
    result = SuggestedPoints(points=(GOOD, {"recipe.steps": 100}))
    assert asked(result) is result


IMPOSSIBLE: dict[str, Result] = {
    "one point too few": SuggestedPoints(points=(GOOD,)),
    "one point too many": SuggestedPoints(points=(GOOD, GOOD, GOOD)),
    "a point of nothing": SuggestedPoints(points=(GOOD, {})),
    "a point of more keys than were asked for": SuggestedPoints(
        points=(GOOD, {**GOOD, "recipe.steps": 100, "recipe.ahead": 1})
    ),
    "a key that oversight rests on": SuggestedPoints(points=(GOOD, {"recipe.audit": 1})),
    "a key of another section": SuggestedPoints(points=(GOOD, {"constraints.error_budget": 0.5})),
    "a value out of bounds": SuggestedPoints(points=(GOOD, {"recipe.confidence": 0.0})),
    "a value that is no number": SuggestedPoints(points=(GOOD, {"recipe.confidence": float("nan")})),
    "a truth for a number": SuggestedPoints(points=(GOOD, {"recipe.ahead": True})),
    "a text for a number": SuggestedPoints(points=(GOOD, {"recipe.ahead": "1"})),
    "a choice that is none": SuggestedPoints(points=(GOOD, {"recipe.optimizer": "sgd"})),
    "another kind of result": Answers(completions=("a", "b")),
}


@pytest.mark.parametrize("result", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_not_believed_is(result: Result) -> None:
    with pytest.raises(EngineError, match="expected from the worker"):
        asked(result)
