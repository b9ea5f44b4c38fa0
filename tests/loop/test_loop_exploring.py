"""Changes beside the data: tried in the open, approved where they break the function, confirmed by the gate."""

from collections.abc import Callable
from typing import Any

from detent.loop import drive
from detent.testing.toy import ToyRules
from detent.values import (
    Answered,
    Decided,
    Proposed,
    Reshape,
    Reshaped,
    State,
    Suggested,
)
from detent.values.shape import Rotary

MakeRun = Callable[..., Any]

ARCHITECTURE: dict[str, object] = {
    "pace": {"lease": {"generations": 6}, "candidates": 6},
    "constraints": {"changes": ["data", "architecture"]},
    "explore": {"patience": 1, "rungs": [10, 20], "proposers": ["rules"]},
}
HELD_BACK = ToyRules(rotary=True, rotary_ceiling=5.6, seed_horizon=5.5)


def turn_all(run: Any, generations: int | None = None, **changes: object) -> tuple[str, State]:
    with run.open() as ledger:
        parts = run.parts(ledger, **changes)
        stop = drive(parts, generations, lambda _: None)
        return stop, parts.book.state


def suggested(state: State) -> dict[int, Suggested]:
    found = {generation: slots.get("suggested/v1") for generation, slots in state.history.items()}
    found[state.generation] = state.slots.get("suggested/v1")
    return {generation: one for generation, one in found.items() if isinstance(one, Suggested)}


def proposed(state: State, generation: int) -> Proposed:
    slots = state.history.get(generation, state.slots)
    entry = slots["proposal/v1"]
    assert isinstance(entry, Proposed)
    return entry


def approve(run: Any) -> None:
    with run.open() as ledger:
        run.parts(ledger).book.write(
            Answered(
                request=1, verdict="approve", because="looked", signers=("ada",), seconds=5.0, envelope=""
            )
        )


def test_what_holds_a_model_back_is_found_approved_and_then_it_climbs(make_run: MakeRun) -> None:
    run = make_run(rules=HELD_BACK, charter=ARCHITECTURE)
    stop, state = turn_all(run)
    assert stop == "asked"
    assert len(suggested(state)[state.generation].changes) == 5
    change = proposed(state, state.generation).proposal.change
    assert isinstance(change, Reshape)
    assert change.edit == Rotary((False, False))
    assert state.request is not None
    assert state.request.reasons[0].startswith("architecture: rotary positions off in every layer")
    approve(run)
    stop, after = turn_all(run)
    assert stop == "lease_spent"
    decided = after.history[state.generation]["decision/v1"]
    assert isinstance(decided, Decided)
    assert decided.decision == "promote"
    assert after.fresh is not None
    assert state.fresh is not None
    assert after.fresh.ladder() > state.fresh.ladder() + 0.1


def test_where_the_shape_is_not_at_fault_it_is_left_alone(make_run: MakeRun) -> None:
    rules = ToyRules(rotary=True, step=0.0)  # it learns nothing whatever its shape
    _, state = turn_all(make_run(rules=rules, charter=ARCHITECTURE))
    assert suggested(state)
    assert all(proposed(state, generation).proposal.kind == "data" for generation in suggested(state))
    assert not any(isinstance(one, Reshaped) for slots in state.history.values() for one in slots.values())


def test_a_change_nobody_answered_about_is_gone_with_all_it_made(make_run: MakeRun) -> None:
    soon = {"pace": {"lease": {"generations": 6}, "candidates": 6, "answer_hours": 1.0}}
    run = make_run(rules=HELD_BACK, charter=ARCHITECTURE | soon)
    _, state = turn_all(run)
    with run.open() as ledger:
        parts = run.parts(ledger, clock="2026-01-31T14:00:00Z")
        drive(parts, 1, lambda _: None)
        after = parts.book.state
    decided = after.history[state.generation]["decision/v1"]
    assert isinstance(decided, Decided)
    assert (decided.decision, decided.team) == ("discard", state.team)
