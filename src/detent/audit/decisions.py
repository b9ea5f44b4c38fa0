"""What became of each generation: promoted exactly when the gate said better, and by nobody else."""

from collections.abc import Iterator

from detent.audit.evidence import Case, Step
from detent.audit.findings import Finding, counted
from detent.audit.profiles import to_promote
from detent.charter import SignedCharter
from detent.values import CandidateTrained, Decided, Mastered, Profiled, SubjectBuilt


def check_decisions(case: Case, signed: SignedCharter) -> Finding:
    """Each decision follows from its turn: verdict, incumbent, candidate, team."""
    faults, promoted, closed = [], 0, 0
    for step, decided in case.all(Decided):
        closed += 1
        promoted += decided.decision == "promote" and step.before.generation > 0
        wrong = [*_change_faults(step, decided), *_team_faults(step, decided, signed.charter.recipe.team)]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    return Finding(
        "decisions",
        f"{counted(closed, 'decision')}; {promoted} promoted what the gate had passed",
        tuple(faults),
    )


def _change_faults(step: Step, decided: Decided) -> Iterator[str]:
    """The incumbent changes when, and only when, the gate said so; then it was measured afresh."""
    passed = to_promote(step)
    if (decided.decision == "promote") != bool(passed):
        said = (
            "promote expected, the verdict is better"
            if passed
            else "no promotion expected without a verdict better"
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


def _unmeasured(step: Step, model: str) -> Iterator[str]:
    """A promotion that skips these would leave the next gates nothing to defend."""
    fresh, mastery = (step.before.slots.get(slot) for slot in ("profile/v1/fresh", "mastery/v1"))
    if not isinstance(fresh, Profiled) or fresh.profile.subject != model:
        yield f"a fresh profile of {model} before its promotion expected, got none"
    if not isinstance(mastery, Mastered) or mastery.subject != model:
        yield f"{model} to be measured for mastery before its promotion expected, got nothing"


def _team_faults(step: Step, decided: Decided, size: int) -> Iterator[str]:
    known = _made(step) | set(step.before.team)
    strangers = [digest for digest in decided.team if digest not in known]
    if strangers:
        yield f"a team of this generation's models or members before expected, got {', '.join(strangers)}"
    if len(decided.team) != size:
        yield f"a team of {size} expected, as the charter says, got {len(decided.team)}"
    moved = decided.team != step.before.team
    if decided.decision != "promote" and (decided.decision == "carry") != moved:
        wanted = (
            "carry, since training goes on from a candidate,"
            if moved
            else "discard, since the team is as it was,"
        )
        yield f"{wanted} expected, got {decided.decision}"


def _made(step: Step) -> set[str]:
    slots = step.before.slots.values()
    return {entry.digest for entry in slots if isinstance(entry, SubjectBuilt | CandidateTrained)}
