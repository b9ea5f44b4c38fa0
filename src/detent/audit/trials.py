"""Changes beside the data: that what was tried is what the charter lets be tried, and that what came of it was heeded.

Whether a change is tried at all, who goes on at each rung and which change is proposed are pure functions of record and
charter, and are computed again; what a language model proposed is read again from its server's answer (`advising`).
What a search suggested is its word: that it lies within the charter's bounds is all there is to check, and no trial
promotes anything.
"""

from collections.abc import Iterator

from msgspec import Struct

from detent.audit.advising import advised_faults
from detent.audit.constitutions import constitution_of
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.material import believed_tasks
from detent.audit.signatures import Charters
from detent.audit.steps import Step, followed
from detent.charter import Charter, SignedCharter
from detent.errors import CharterError, DetentError
from detent.propose import (
    COMPARED,
    change_at,
    check_change,
    choice,
    compared_on,
    complete,
    due,
    planned,
    reshape_flops,
    reshape_label,
    standing,
    trial_name,
    tried,
)
from detent.values import (
    NEAR,
    Change,
    DataProposal,
    Diagnosed,
    Entry,
    Proposed,
    Reshape,
    Reshaped,
    Suggested,
    Withdrawn,
)


def check_trials(case: Case, charters: Charters) -> Finding:
    """Changes were tried when the charter wants it, each allowed, at the rungs it stands at, before one is proposed."""
    faults: list[str] = []
    changes, trials = 0, set[tuple[int, str]]()
    for step in case.steps:
        if step.hangs or step.entry.generation != step.before.generation:
            continue
        signed = charters.at(step)
        charter = signed.charter
        if isinstance(step.entry, Suggested):
            changes += len(step.entry.changes)
            faults += followed(step.place, "what is tried", _suggested_faults(step, step.entry, charter))
            advised = advised_faults(case, step, step.entry, signed)
            faults += followed(step.place, "what a model proposed", advised)
        if step.trial:
            trials.add((step.before.generation, step.trial))
            faults += followed(step.place, "a trial", _trial_faults(step, charter))
    detail = (
        f"{counted(changes, 'change')} tried in {counted(len(trials), 'trial')}, as the charter lets them"
    )
    return Finding("trials", detail, tuple(faults))


def _suggested_faults(step: Step, entry: Suggested, charter: Charter) -> Iterator[str]:
    diagnosed = step.before.slots.get("diagnosis/v1")
    if not isinstance(diagnosed, Diagnosed) or not due(charter, diagnosed.diagnosis):
        yield "changes tried only where the charter wants it, after a diagnosis, expected, got some"
    most = charter.pace.candidates - 1
    if len(entry.changes) > most:
        yield f"at most {most} changes beside the plan as it is expected, got {len(entry.changes)}"
    tried_once = {(change.kind, change.said) for change in entry.changes}
    if len(tried_once) < len(entry.changes):
        yield "each change tried once expected, got one twice"
    for change in entry.changes:
        if change.by not in charter.explore.proposers:
            yield f"proposers {', '.join(charter.explore.proposers)} expected, got {change.by}"
        try:
            check_change(change, charter)
        except CharterError as error:
            yield str(error)


def _trial_faults(step: Step, charter: Charter) -> Iterator[str]:
    """It is one of those that stand at its rung, once the rung before is complete."""
    place = _place(step.trial)
    found, trials = step.before.slots.get("suggested/v1"), step.before.trials
    rungs = len(charter.explore.rungs)
    if place is None or not isinstance(found, Suggested) or not place[1] < rungs:
        yield f"a trial of a change that was suggested, at one of {rungs} rungs, expected, got {step.trial}"
        return
    number, rung = place
    if number == 0 and isinstance(step.entry, Withdrawn):
        yield "the plan as it is to be tried to its end expected, got it withdrawn"
    lacking = [name for before in range(rung) for name in _open(found, trials, charter, before)]
    if lacking:
        yield f"trial {lacking[0]} to be complete before {step.trial} expected, got it later"
        return
    stands = standing(found, trials, charter.explore, rung)
    if number not in stands or stands == (0,):
        yield f"a trial of {', '.join(map(str, stands))} at rung {rung} expected, got {step.trial}"


def _place(trial: str) -> tuple[int, int] | None:
    number, _, rung = trial.partition(".")
    if not (number.isascii() and number.isdecimal() and rung.isascii() and rung.isdecimal()):
        return None
    place = int(number), int(rung)
    return place if trial_name(*place) == trial else None


def _open(found: Suggested, trials: dict[str, dict[str, Entry]], charter: Charter, rung: int) -> list[str]:
    """Trials of a rung without a profile that were not withdrawn; none where nothing is left to compare with."""
    stands = standing(found, trials, charter.explore, rung)
    if stands == (0,):
        return []
    names = [trial_name(number, rung) for number in stands]
    return [name for name in names if not complete(trials.get(name, {}))]


def proposal_faults(case: Case, step: Step, entry: Proposed, signed: SignedCharter) -> Iterator[str]:
    """A proposal is what the rule makes of the diagnosis and of the change that the trials came to, or is on trial."""
    proposal, charter, before = entry.proposal, signed.charter, step.before
    if "data" not in charter.constraints.changes:
        yield f"a change among {charter.constraints.changes} expected, got data"
    if proposal.team != before.team:
        yield f"the team {before.team} expected in the proposal, got {proposal.team}"
        return
    diagnosed = before.slots.get("diagnosis/v1")
    if not isinstance(diagnosed, Diagnosed) or any(member not in before.visible for member in proposal.team):
        yield "a diagnosis, and a profile of each member, before the proposal expected, got none"
        return
    if not step.trial:
        yield from _unfinished(step, diagnosed, charter)
    change = _tried(step) if step.trial else _chosen(step, charter)
    wanted = planned(charter, before, diagnosed.diagnosis, constitution_of(case, signed), change)
    if step.trial and (place := _place(step.trial)) is not None and place[1] < len(charter.explore.rungs):
        wanted = tried(wanted, charter, place[1])
    if proposal != wanted:
        yield f"the rule's proposal expected, with {difference(wanted, proposal)}"


def _unfinished(step: Step, diagnosed: Diagnosed, charter: Charter) -> Iterator[str]:
    """Where changes were to be tried, they were, to the last rung."""
    found, wanted = step.before.slots.get("suggested/v1"), due(charter, diagnosed.diagnosis)
    if wanted != isinstance(found, Suggested):
        yield f"{'changes' if wanted else 'no change'} tried before the proposal expected, got otherwise"
    if isinstance(found, Suggested):
        for rung in range(len(charter.explore.rungs)):
            for name in _open(found, step.before.trials, charter, rung):
                yield f"trial {name} to be complete before the proposal expected, got it unfinished"


def _tried(step: Step) -> Change | None:
    found, place = step.before.slots.get("suggested/v1"), _place(step.trial)
    if not isinstance(found, Suggested) or place is None:
        return None
    return change_at(found, place[0])


def _chosen(step: Step, charter: Charter) -> Change | None:
    found = step.before.slots.get("suggested/v1")
    return choice(found, step.before.trials, charter)[0] if isinstance(found, Suggested) else None


def parent_of(step: Step, proposal: DataProposal, member: int) -> str:
    """The model that a member's candidate is trained from; "" where there is none."""
    if not isinstance(proposal.change, Reshape):
        return proposal.team[member] if 0 <= member < len(proposal.team) else ""
    made = step.before.slots.get(f"reshaped/v1/{member}")
    return made.digest if isinstance(made, Reshaped) else ""


def reshaped_faults(case: Case, step: Step, entry: Reshaped, signed: SignedCharter) -> Iterator[str]:
    """A model is reshaped as proposed, and says what it said where the edit keeps that."""
    proposed = step.before.slots.get("proposal/v1")
    change = proposed.proposal.change if isinstance(proposed, Proposed) else None
    if not isinstance(proposed, Proposed) or not isinstance(change, Reshape) or change.edit != entry.edit:
        yield f"a model in the shape that was proposed expected, got one after {entry.edit.said}"
        return
    team = proposed.proposal.team
    if not 0 <= entry.member < (1 if step.trial else len(team)) or team[entry.member] != entry.parent:
        yield f"member {entry.member} of the proposal's team as the parent expected, got {entry.parent}"
        return
    if entry.digest == entry.parent:
        yield f"another model than its parent {entry.parent} expected, got the same"
    if entry.seed != (seed := step.number(signed, reshape_label(entry.member))):
        yield f"seed {seed} expected, got {entry.seed}"
    if not 0 <= entry.distance < float("inf") or (entry.edit.keeps and entry.distance > NEAR):
        yield f"a model within {NEAR:g} of what it said expected, got one at {entry.distance:.2g}"
    try:
        prompts = compared_on(
            believed_tasks(case, signed),
            dict(signed.charter.direction.improve),
            step.stream(signed, COMPARED),
        )
    except DetentError:
        return  # without its code nothing is drawn again: `tasks` says so
    sizes = step.before.sizes
    flops = reshape_flops(sizes.get(entry.parent, 0), entry.parameters, prompts)
    if entry.flops != flops:
        yield f"{flops:g} floating point operations for the comparison expected, got {entry.flops:g}"


def difference(wanted: Struct, got: Struct) -> str:
    """The first field that differs, as it should be and as it is."""
    name = next(field for field in wanted.__struct_fields__ if getattr(wanted, field) != getattr(got, field))
    return f"{name} {getattr(wanted, name)!r:.200}, got {getattr(got, name)!r:.200}"
