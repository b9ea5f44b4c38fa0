"""Whom a change beside the data has to ask, and from what nobody goes on unless it is promoted."""

import pytest
from msgspec import structs

from detent.charter import Charter
from detent.oversight import reasons_to_ask, stays, unapproved
from detent.signing import SigningKey
from detent.values import (
    Change,
    DataProposal,
    Mix,
    Proposed,
    Reading,
    Reshape,
    State,
    Tune,
    Watched,
)
from detent.values.shape import AddBlock, Rotary

GROWS = Reshape(AddBlock(at=1), "rules", "it may be too small")
BREAKS = Reshape(Rotary((False,)), "search")
SETS = Tune({"recipe.steps": 60}, "rules")
QUIET = Watched(readings=(), actions={})


def charter(approval: str) -> Charter:
    return Charter.model_validate(
        {
            "name": "toy",
            "purpose": "Test",
            "stewards": {"quorum": 1, "keys": [str(SigningKey.from_seed("one", b"p" * 32).verify_key)]},
            "pace": {"lease": {"generations": 3}, "candidates": 2},
            "direction": {"improve": {"copy": 12}},
            "constraints": {"changes": ["data", "architecture", "feedback"]},
            "explore": {"approval": approval},
            "seal": {"tip": "0" * 64, "length": 400},
        }
    )


def state(change: Change | None) -> State:
    plan = DataProposal(team=(), recipes={}, mix=Mix(newest=0.5, earlier=0.3, seed=0.2), steps=1, because="")
    plan = structs.replace(plan, change=change) if change is not None else plan
    return State(slots={"proposal/v1": Proposed(proposal=plan), "watch/v1": QUIET})


ASKED: dict[str, tuple[Change, ...]] = {
    "breaking": (BREAKS,),
    "architecture": (BREAKS, GROWS),
    "all": (BREAKS, GROWS, SETS),
    "none": (),
}


@pytest.mark.parametrize("approval", ASKED)
def test_people_are_asked_about_what_the_charter_says_and_about_nothing_else(approval: str) -> None:
    for change in (BREAKS, GROWS, SETS):
        asked = change in ASKED[approval]
        found = state(change)
        assert (unapproved(found, charter(approval)) is not None) == asked
        assert bool(reasons_to_ask(found, charter(approval), QUIET, "passed")) == asked
        assert reasons_to_ask(found, charter(approval), QUIET, "") == ()  # what the gate stops asks nobody
    assert unapproved(state(None), charter(approval)) is None


def test_the_reason_says_what_is_changed_by_whom_and_why() -> None:
    (reason,) = reasons_to_ask(state(GROWS), charter("all"), QUIET, "passed")
    assert reason == "architecture: a block more at 1; proposed by rules: it may be too small"
    (reason,) = reasons_to_ask(state(BREAKS), charter("all"), QUIET, "passed")
    assert "the model no longer said what it had said" in reason


def test_a_wires_finding_is_a_reason_beside_the_change() -> None:
    fired = Reading("drift", "fired", "it moved", statistic=1.0, limit=0.5)
    watched = Watched(readings=(fired,), actions={"drift": "pause"})
    reasons = reasons_to_ask(state(BREAKS), charter("breaking"), watched, "passed")
    assert [reason.partition(":")[0] for reason in reasons] == ["drift", "architecture"]


def test_nobody_goes_on_in_another_shape_unless_it_is_promoted_since_a_team_is_of_one() -> None:
    for approval in ASKED:
        assert stays(state(GROWS), charter(approval))
        assert stays(state(BREAKS), charter(approval))
        assert stays(state(SETS), charter(approval)) == (approval == "all")
        assert not stays(state(None), charter(approval))
