"""What was measured beside the gate: profiles in the open and afresh, and the rungs that count as mastered."""

from collections.abc import Iterator

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.evaluate import fresh_stream, newly_mastered, plan_mastery
from detent.values import (
    IntentWritten,
    Mastered,
    OutcomeWritten,
    Profile,
    Profiled,
    Score,
    SubjectBuilt,
    candidates,
)


def check_profiles(case: Case, charters: Charters) -> Finding:
    """Problems came from the streams of the record, went to this turn's models, and cover every ladder."""
    faults: list[str] = []
    counts = {"visible": 0, "fresh": 0}
    for step, entry in case.all(Profiled):
        counts[entry.purpose] += 1
        signed = charters.at(step)
        asked = signed.charter.recipe.profile_problems
        if step.trial and entry.purpose != "visible":
            faults.append(f"{step.place}: a visible profile in a trial expected, got a {entry.purpose} one")
        if entry.purpose == "visible":
            stream = step.stream(signed, "visible")
            own = trained_by(step, entry.member)
        else:
            asked, own = signed.charter.recipe.fresh_problems, to_promote(step)
            stream = _fresh(case, step, entry.profile.subject)
        said = f"{step.place}: the {entry.purpose} profile"
        if entry.stream != stream.hex():
            faults.append(f"{said} from stream {stream.hex()} expected, got {entry.stream}")
        if entry.profile.subject not in own:
            faults.append(f"{said} of {own or 'no model'} expected, got {entry.profile.subject}")
        faults += [f"{said}: {fault}" for fault in _ladder_faults(entry.profile, signed, asked)]
    detail = f"{counts['visible']} visible, {counts['fresh']} fresh: each of its model, from its stream, on every rung"
    return Finding("profiles", detail, tuple(faults))


def check_mastery(case: Case, charters: Charters) -> Finding:
    """Rungs are mastered by their scores on problems drawn after the model was frozen, and none is passed over."""
    faults, rungs = [], 0
    for step, entry in case.all(Mastered):
        rungs += sum(map(len, entry.added.values()))
        faults += [f"{step.place}: {fault}" for fault in _mastery_faults(case, step, entry)]
    detail = f"{counted(rungs, 'rung')} of {len(charters.newest.charter.direction.improve)} ladders, by their scores"
    return Finding("mastery", detail, tuple(faults))


def trained_by(step: Step, member: int) -> tuple[str, ...]:
    """The model that a member of the team has in the turn so far: at most one."""
    made = candidates(step.before.slots)
    return (made[member],) if member in made else ()


def to_promote(step: Step) -> tuple[str, ...]:
    """The models that may become the incumbent in the turn so far: any first one, or the one the gate passed."""
    slots = step.before.slots
    if step.before.generation == 0:
        return tuple(entry.digest for entry in slots.values() if isinstance(entry, SubjectBuilt))
    outcome, intent = slots.get("outcome/v1"), slots.get("intent/v1")
    if isinstance(outcome, OutcomeWritten) and isinstance(intent, IntentWritten):
        return (intent.intent.candidate,) if outcome.outcome.verdict == "better" else ()
    return ()


def _fresh(case: Case, step: Step, subject: str) -> bytes:
    """The stream that nobody could know before the entries up to this one stood on the ledger."""
    try:
        return fresh_stream(case.tree.roots[step.index], subject)
    except ValueError:
        return b""  # no digest of a model: no stream is right


def _ladder_faults(profile: Profile, signed: SignedCharter, asked: int) -> Iterator[str]:
    tops = dict(signed.charter.direction.improve)
    got = {task: len(scores) for task, scores in profile.scores.items()}
    if got != tops:
        yield f"levels {tops} expected, got {got}"
    for task, scores in profile.scores.items():
        for level, score in enumerate(scores, 1):
            if score.asked != asked or not _possible(score):
                yield f"0 to {asked} right of {asked} expected at {task} {level}, got {score.right} of {score.asked}"


def _possible(score: Score) -> bool:
    return 0 <= score.right <= score.asked


def _mastery_faults(case: Case, step: Step, entry: Mastered) -> Iterator[str]:
    fresh = step.before.slots.get("profile/v1/fresh")
    if not isinstance(fresh, Profiled) or fresh.profile.subject != entry.subject:
        yield f"the fresh profile of {entry.subject} before its mastery expected, got none"
        return
    stream = _fresh(case, step, entry.subject)
    if entry.stream != stream.hex():
        yield f"stream {stream.hex()} expected, got {entry.stream}"
    plan = plan_mastery(fresh.profile, step.before.mastered)
    wanted = {task: {str(level): asked for level, asked in rungs.items()} for task, rungs in plan.items()}
    got = {
        task: {level: score.asked for level, score in rungs.items()} for task, rungs in entry.levels.items()
    }
    if got != wanted:
        yield f"problems on the rungs {wanted} expected, got {got}"
        return
    scores = {task: {int(level): s for level, s in rungs.items()} for task, rungs in entry.levels.items()}
    try:
        added = newly_mastered(scores)
    except DetentError as error:
        yield str(error)
        return
    if added != entry.added:
        yield f"mastered by these scores {added} expected, got {entry.added}"
