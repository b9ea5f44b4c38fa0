"""What came of the changes that were tried so far: by whom they were, what they gained, and whether the gate let them.

>>> passes(state)["rules"]
(1, 4)
"""

from collections.abc import Iterator
from typing import NamedTuple, get_args

from detent.charter import Explore
from detent.propose.trials import change_at, measured
from detent.values import Change, Decided, Proposed, Proposer, Reshape, State, Suggested, Tune
from detent.values.search import Told


class Tried(NamedTuple):
    """One change in one turn.

    gain: of the visible ladder over the plan as it is, at the last `rung` where both were measured; None where it was
    withdrawn. proposed: it was the turn's. promoted: and the gate, and people, let it.
    """

    generation: int
    change: Change
    gain: float | None
    rung: int
    proposed: bool
    promoted: bool


def history(state: State, explore: Explore) -> Iterator[Tried]:
    """Every change of the turns that led here, oldest first."""
    for generation, slots in state.past.items():
        found, trials = slots.get("suggested/v1"), state.tried.get(generation, {})
        if not isinstance(found, Suggested):
            continue
        plan, decided = slots.get("proposal/v1"), slots.get("decision/v1")
        mine = plan.proposal.change if isinstance(plan, Proposed) else None
        promoted = isinstance(decided, Decided) and decided.decision == "promote"
        for number in range(1, len(found.changes) + 1):
            change = change_at(found, number)
            assert change is not None  # noqa: S101  number 0 is the only one without
            gain, rung = _gain(found, trials, number, len(explore.rungs))
            yield Tried(generation, change, gain, rung, change == mine, promoted and change == mine)


def _gain(found: Suggested, trials: dict, number: int, rungs: int) -> tuple[float | None, int]:  # type: ignore[type-arg]
    for rung in reversed(range(rungs)):
        profiles = measured(trials, len(found.changes), rung)
        if {0, number} <= profiles.keys():
            return profiles[number].ladder() - profiles[0].ladder(), rung
    return None, 0


def passes(state: State, explore: Explore) -> dict[Proposer, tuple[int, int]]:
    """Of each proposer's changes how many were promoted, and how many were not.

    A turn in which something of its was declined and nothing tried counts as one that was not: else who never says
    anything that may be tried would be asked as often as who was never asked.
    """
    found: dict[Proposer, tuple[int, int]] = dict.fromkeys(get_args(Proposer), (0, 0))
    for one in history(state, explore):
        passed, failed = found[one.change.by]
        found[one.change.by] = (passed + one.promoted, failed + (not one.promoted))
    for slots in state.past.values():
        turn = slots.get("suggested/v1")
        if isinstance(turn, Suggested):
            for name in {one.by for one in turn.declined} - {one.by for one in turn.changes}:
                passed, failed = found[name]
                found[name] = (passed, failed + 1)
    return found


def told(state: State, explore: Explore) -> tuple[Told, ...]:
    """What a search is told: settings that were tried under this charter, and what they gained."""
    return tuple(
        Told(settings=one.change.settings, score=one.gain)
        for one in history(state, explore)
        if one.generation >= state.since and isinstance(one.change, Tune) and one.gain is not None
    )


def edits_before(state: State, explore: Explore) -> list[Reshape]:
    """Changes of shape that were tried since the shape last changed, and not promoted."""
    found: list[Reshape] = []
    for one in history(state, explore):
        if isinstance(one.change, Reshape):
            found = [] if one.promoted else [*found, one.change]
    return found


def settings_before(state: State, explore: Explore) -> list[Tune]:
    """The same of settings."""
    return [
        one.change for one in history(state, explore) if isinstance(one.change, Tune) and not one.promoted
    ]
