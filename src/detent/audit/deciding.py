"""What a generation had to come to, from the profiles and a verdict that was made again, by the loop's own rules.

>>> wanted_decision(slots, before, verdict="better", allowed=True).decision
'promote'
"""

from collections.abc import Mapping
from typing import NamedTuple

from detent.charter import Charter
from detent.evaluate import best, team_after
from detent.oversight import promising, rules_of, stays
from detent.values import (
    Decided,
    Diagnosed,
    Entry,
    IntentWritten,
    Profile,
    Profiled,
    State,
    Verdict,
    candidates,
)


class Wanted(NamedTuple):
    """The fields of a decision that follow."""

    decision: str
    incumbent: str
    candidate: str
    team: tuple[str, ...]


def decision_faults(
    slots: Mapping[str, Entry],
    before: State,
    decided: Decided,
    verdict: Verdict | None,
    charter: Charter,
    *,
    allowed: bool,
) -> list[str]:
    """What of a decision, and of whether there was an opening at all, does not follow.

    Args:
        slots: what the turn wrote.
        before: the state that the decision met.
        decided: the decision on record.
        verdict: of the opening, as it was made again; None without one.
        charter: in force at the decision.
        allowed: whether nobody was asked, or somebody approved in time.
        stays: whether nobody goes on from the turn's change unless it is promoted.
    """
    if decided.decision == "rollback":
        return []  # people ordered it; `decisions` has compared it with their order
    faults = _opening_faults(slots, before, charter)
    stay = stays(before, charter)
    wanted = wanted_decision(slots, before, verdict, allowed=allowed, stays=stay)
    got = Wanted(decided.decision, decided.incumbent, decided.candidate, decided.team)
    for field, right, said in zip(Wanted._fields, wanted, got, strict=True):
        if right != said:
            faults.append(f"{field} {right or 'none'} expected, got {said or 'none'}")
    return faults


def wanted_decision(
    slots: Mapping[str, Entry], before: State, verdict: Verdict | None, *, allowed: bool, stays: bool = False
) -> Wanted:
    """The decision that follows. Args as `decision_faults`."""
    profiles = _visible(slots)
    if not profiles:  # nothing was tried: every task is at its top
        return Wanted("discard", before.incumbent, "", before.team)
    leader = best(profiles).subject
    made = tuple(profile.subject for profile in profiles)
    if before.generation == 0:
        return Wanted("promote", leader, leader, made)
    if not allowed:
        return Wanted("discard", before.incumbent, leader, before.team)
    if verdict == "better":
        return Wanted("promote", leader, leader, made)
    team = team_after(before.team, before.visible, profiles, stays=stays)
    return Wanted("discard" if team == before.team else "carry", before.incumbent, leader, team)


def _opening_faults(slots: Mapping[str, Entry], before: State, charter: Charter) -> list[str]:
    """The seal is opened exactly where the open promises something, and for the candidate that looks best."""
    profiles, intent = _visible(slots), slots.get("intent/v1")
    if before.generation == 0 or not profiles:
        return _idle_faults(slots, before)
    first, known = best(profiles), before.visible.get(before.incumbent)
    worth = known is not None and promising(before, known, first, rules_of(charter, None))
    if worth != isinstance(intent, IntentWritten):
        return [f"{'an opening' if worth else 'no opening'} expected by the visible profiles, got the other"]
    if isinstance(intent, IntentWritten) and intent.intent.candidate != first.subject:
        return [f"the candidate {first.subject}, best in the open, expected, got {intent.intent.candidate}"]
    return []


def _idle_faults(slots: Mapping[str, Entry], before: State) -> list[str]:
    """A turn may try nothing only when there is nothing left to climb."""
    found = slots.get("diagnosis/v1")
    if before.generation == 0:
        return []
    weak = found.diagnosis.weaknesses if isinstance(found, Diagnosed) else ()
    climbing = [each.task for each in weak if each.remedy != "rest"]
    return [f"candidates expected, since {', '.join(climbing)} can climb, got none"] if climbing else []


def _visible(slots: Mapping[str, Entry]) -> list[Profile]:
    """The visible profiles of the turn's models, by member."""
    made = set(candidates(slots).values())
    found = [e for e in slots.values() if isinstance(e, Profiled) and e.purpose == "visible"]
    return [entry.profile for entry in sorted(found, key=lambda e: e.member) if entry.profile.subject in made]
