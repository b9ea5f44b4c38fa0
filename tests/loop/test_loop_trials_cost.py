"""What `estimate` says trials take is what the ledger of a run counts."""

from collections.abc import Callable
from typing import Any

import pytest

from detent.assembly.estimating import lengths_of
from detent.loop import drive
from detent.sizing import Plan, Shape, screening
from detent.testing.toy import ToyRules
from detent.values import CandidateTrained, DataMade, Profiled, State

MakeRun = Callable[..., Any]

ALWAYS: dict[str, object] = {
    "pace": {"lease": {"generations": 3}, "candidates": 6},
    "constraints": {"changes": ["data", "architecture"]},
    "explore": {"when": "always", "rungs": [10, 20], "proposers": ["rules"], "approval": "none"},
}
ONE = Shape(1, 2, 16, 32, 4, 4, 4, 97)
"""As the toy world counts: a model is one number."""


def tried(run: Any) -> State:
    with run.open() as ledger:
        parts = run.parts(ledger)
        drive(parts, 2, lambda _: None)
        state: State = parts.book.state
        return state


def test_trials_take_what_was_estimated(make_run: MakeRun) -> None:
    run = make_run(rules=ToyRules(step=0.5), charter=ALWAYS)
    state = tried(run)
    found = screening(Plan(run.charter, ONE, lengths_of(run.world.tasks, run.charter.direction.improve)), 6)
    assert found is not None
    trials = state.tried[1]
    assert len(trials) == found.trials == 10
    every = [entry for slots in trials.values() for entry in slots.values()]
    assert sum(isinstance(entry, CandidateTrained) for entry in every) == found.trials
    answers = sum(entry.flops for entry in every if isinstance(entry, DataMade | Profiled))
    assert answers == pytest.approx(found.answers.flops, rel=0.25)


def test_what_trials_took_is_paid_by_the_lease_and_counted_in_the_share_of_compute(make_run: MakeRun) -> None:
    with_trials = tried(make_run("with", rules=ToyRules(step=0.5), charter=ALWAYS))
    without = tried(
        make_run("without", rules=ToyRules(step=0.5), charter={"pace": {"lease": {"generations": 3}}})
    )
    taken = sum(
        getattr(entry, "flops", 0.0)
        for trials in with_trials.tried.values()
        for slots in trials.values()
        for entry in slots.values()
    )
    assert taken > 0
    assert with_trials.flops >= without.flops + 0.9 * taken
    assert with_trials.grants[0].used * 1e15 == pytest.approx(with_trials.flops, rel=0.2)
