"""What became of each generation: promoted exactly when the gate said better and people who were asked said yes."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.profiles import to_promote
from detent.audit.screening import decision_faults
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.oversight import permission
from detent.values import (
    Decided,
    Mastered,
    Profiled,
    candidates,
    restored,
)


def check_decisions(case: Case, charters: Charters) -> Finding:
    """Each decision follows from its turn: what was tried, order, verdict, permission, incumbent, candidate, team."""
    faults, promoted, closed = [], 0, 0
    for step, decided in case.all(Decided):
        closed += 1
        promoted += decided.decision == "promote" and step.before.generation > 0
        charter = charters.at(step).charter
        wrong = [
            *_change_faults(step, decided),
            *_team_faults(step, decided, charter.recipe.team),
            *decision_faults(step, decided, charter),
        ]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    return Finding(
        "decisions",
        f"{counted(closed, 'decision')}; {promoted} promoted what the gate had passed",
        tuple(faults),
    )


def _change_faults(step: Step, decided: Decided) -> Iterator[str]:
    """The incumbent changes when, and only when, the gate said so and nobody who was asked said no, or went back."""
    allowed = permission(step.before, decided.at) in ("free", "approved")
    passed = to_promote(step) if allowed else ()
    if decided.to is not None and decided.decision != "rollback":
        yield f"no generation to go back to expected in a decision to {decided.decision}, got {decided.to}"
    if step.before.returning is not None or decided.decision == "rollback":
        yield from _rollback_faults(step, decided)
    elif (decided.decision == "promote") != bool(passed):
        lacking = "a verdict better" if allowed else "the approval of those who were asked"
        said = (
            "promote expected, the verdict is better"
            if passed
            else f"no promotion expected without {lacking}"
        )
        yield f"{said}, got {decided.decision}"
    elif decided.decision != "promote":
        if decided.incumbent != step.before.incumbent:
            yield f"the incumbent {step.before.incumbent} to stay expected, got {decided.incumbent}"
        if decided.candidate and decided.candidate not in _made(step):
            yield f"a candidate of this generation expected, got {decided.candidate}"
    else:
        if decided.incumbent not in passed or decided.candidate != decided.incumbent:
            yield f"one of {passed} promoted expected, got {decided.candidate} and incumbent {decided.incumbent}"
        yield from _unmeasured(step, decided.incumbent)


def _rollback_faults(step: Step, decided: Decided) -> Iterator[str]:
    """What people ordered back is what was in force at the end of that generation, and nothing else."""
    to = step.before.returning
    if to is None or decided.decision != "rollback":
        wanted = "no rollback that nobody ordered" if to is None else f"the rollback to generation {to}"
        yield f"{wanted} expected, got {decided.decision}"
        return
    past = restored(step.before.history, to)
    wanted_models = (to, past.incumbent, past.team, "")
    got = (decided.to, decided.incumbent, decided.team, decided.candidate)
    if got != wanted_models:
        yield f"the models of generation {to}, {wanted_models[1:3]}, in force again expected, got {got[1:]}"


def _unmeasured(step: Step, model: str) -> Iterator[str]:
    """A promotion that skips these would leave the next gates nothing to defend."""
    fresh, mastery = (step.before.slots.get(slot) for slot in ("profile/v1/fresh", "mastery/v1"))
    if not isinstance(fresh, Profiled) or fresh.profile.subject != model:
        yield f"a fresh profile of {model} before its promotion expected, got none"
    if not isinstance(mastery, Mastered) or mastery.subject != model:
        yield f"{model} to be measured for mastery before its promotion expected, got nothing"


def _team_faults(step: Step, decided: Decided, size: int) -> Iterator[str]:
    if len(decided.team) != size:
        yield f"a team of {size} expected, as the charter says, got {len(decided.team)}"
    if len(set(decided.team)) != len(decided.team):
        yield f"different models in the team expected, since they must agree, got {', '.join(decided.team)}"
    if decided.decision == "rollback":
        return
    known = _made(step) | set(step.before.team)
    strangers = [digest for digest in decided.team if digest not in known]
    if strangers:
        yield f"a team of this generation's models or members before expected, got {', '.join(strangers)}"
    moved = decided.team != step.before.team
    if decided.decision != "promote" and (decided.decision == "carry") != moved:
        wanted = (
            "carry, since training goes on from a candidate,"
            if moved
            else "discard, since the team is as it was,"
        )
        yield f"{wanted} expected, got {decided.decision}"


def _made(step: Step) -> set[str]:
    return set(candidates(step.before.slots).values())
