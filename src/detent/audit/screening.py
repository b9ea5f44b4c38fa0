"""What the open said of a turn's candidates: what was opened for it, and who went on from what.

The rules are the loop's own (`detent.evaluate.screening`), on the profiles that stand on the ledger.
"""

from collections.abc import Iterator

from detent.audit.profiles import trained_by
from detent.audit.steps import Step
from detent.charter import Charter
from detent.evaluate import best, team_after
from detent.oversight import permission, promising, rules_of, stays
from detent.values import CandidateTrained, Decided, Diagnosed, IntentWritten, Profile, Profiled, State


def intent_faults(step: Step, candidate: str, charter: Charter) -> Iterator[str]:
    """Only the best candidate is opened, and only where it is above the incumbent in the open, or smaller and near."""
    before = step.before
    profiles = measured(step, len(before.team))
    if not profiles:
        yield f"{len(before.team)} candidates with their visible profiles before the intent expected, got fewer"
        return
    first, incumbent = best(profiles), before.visible.get(before.incumbent)
    if candidate != first.subject:
        yield f"the best candidate in the open, {first.subject}, expected, got {candidate}"
    elif (
        incumbent is not None
        and _comparable(before)
        and not promising(before, incumbent, first, rules_of(charter, None))
    ):
        yield (
            f"a candidate with a visible ladder above the incumbent's {incumbent.ladder():.3f}, or a smaller one "
            f"near it on every task where the charter promotes such, expected, got {first.ladder():.3f}: not worth an "
            "opening"
        )


def decision_faults(step: Step, decided: Decided, charter: Charter) -> Iterator[str]:
    """A turn is closed when all of it was tried, opened where it promised anything, and moves by what the open said."""
    before = step.before
    if before.returning is not None or decided.decision == "rollback":
        return
    if before.generation > 0:
        diagnosed = before.slots.get("diagnosis/v1")
        if not isinstance(diagnosed, Diagnosed):
            yield "a diagnosis before the decision expected, got none"
            return
        if diagnosed.diagnosis.nothing_to_do:
            if any(isinstance(entry, CandidateTrained) for entry in before.slots.values()):
                yield "no candidate expected where every task is at its top, got one"
            return
    wanted = len(before.team) if before.generation > 0 else charter.recipe.team
    profiles = measured(step, wanted)
    if not profiles:
        yield f"{wanted} candidates with their visible profiles before the decision expected, got fewer"
    elif before.generation == 0:
        yield from _first_faults(decided, profiles)
    else:
        yield from _unopened(step, best(profiles), charter)
        yield from _moved(step, decided, profiles, stay=stays(before, charter))


def _first_faults(decided: Decided, profiles: tuple[Profile, ...]) -> Iterator[str]:
    leader, team = best(profiles).subject, tuple(profile.subject for profile in profiles)
    if (decided.incumbent, decided.team) != (leader, team):
        yield (
            f"the best of the first models in the open, {leader}, of the team {team} expected, got "
            f"{decided.incumbent} of {decided.team}"
        )


def _unopened(step: Step, first: Profile, charter: Charter) -> Iterator[str]:
    incumbent = step.before.visible.get(step.before.incumbent)
    if isinstance(step.before.slots.get("intent/v1"), IntentWritten):
        return
    if incumbent is None or not _comparable(step.before):
        return
    if promising(step.before, incumbent, first, rules_of(charter, None)):
        above = first.ladder() > incumbent.ladder()
        yield (
            f"an opening for {first.subject} before the decision expected, since its visible ladder "
            f"{first.ladder():.3f} is {'above' if above else 'near'} the incumbent's {incumbent.ladder():.3f}"
            f"{'' if above else ' and it is smaller'}, got none"
        )


def _moved(step: Step, decided: Decided, profiles: tuple[Profile, ...], *, stay: bool) -> Iterator[str]:
    before, first = step.before, best(profiles).subject
    if decided.decision != "promote" and decided.candidate != first:
        yield f"the best candidate in the open, {first}, to be named expected, got {decided.candidate or 'none'}"
    if decided.decision == "promote":
        team = tuple(profile.subject for profile in profiles)
    elif permission(before, decided.at) == "denied":
        team = before.team
    elif all(member in before.visible and _countable(before.visible[member]) for member in before.team):
        team = team_after(before.team, before.visible, profiles, stays=stay)
    else:
        return  # a member that was never measured: the turn it came from has that fault
    if decided.team != team:
        yield (
            f"the team {', '.join(team)} expected, since members move where their visible ladder rose and only there "
            f"(all of them with a promotion; none after a no, in another shape, or by a change that nobody approved), "
            f"got {', '.join(decided.team)}"
        )


def measured(step: Step, size: int) -> tuple[Profile, ...]:
    """The visible profiles of the turn's models by member; none unless each member's model has one."""
    entries = [step.before.slots.get(f"profile/v1/visible/{member}") for member in range(size)]
    found = tuple(
        entry.profile
        for entry in entries
        if isinstance(entry, Profiled)
        and entry.profile.subject in trained_by(step, entry.member)
        and _countable(entry.profile)
    )
    return found if len(found) == size else ()


def _comparable(before: State) -> bool:
    """Whether incumbent and anchor have ladders at all; where not, `profiles` says so."""
    known = [before.visible.get(model) for model in (before.incumbent, before.anchor)]
    return all(profile is not None and _countable(profile) for profile in known)


def _countable(profile: Profile) -> bool:
    """Whether it has a ladder at all; where not, `profiles` says so."""
    rows = profile.scores.values()
    return bool(rows) and all(row and all(0 <= one.right <= one.asked for one in row) for row in rows)
