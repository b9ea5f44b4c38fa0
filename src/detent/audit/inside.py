"""What changed inside: that every turn was looked into, at the right models, and that its wires read what was found.

Whether the figures are right is what `replay` shows.
"""

from collections.abc import Iterator

from msgspec import UNSET

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.screening import measured
from detent.audit.signatures import Charters
from detent.audit.steps import Step, outside_turns
from detent.engine import unbelievable
from detent.evaluate import MOST_GAINED, best, lineage_at
from detent.tripwires import reference_divergence, representation_shift
from detent.values import (
    CandidateTrained,
    Decided,
    Explained,
    Interpreted,
    Requested,
    Watched,
)
from detent.values.inside import ALWAYS, DEEPER, Section


def check_inside(case: Case, _: Charters) -> Finding:
    """Each turn that trained anything was looked into before it was watched, and deeper before a person was asked."""
    faults: list[str] = []
    looks = [entry for _, entry in case.all(Explained)]
    for step in case.steps:
        if step.hangs or step.before.returning is not None or outside_turns(step.entry):
            continue
        faults += [f"{step.place}: {fault}" for fault in _faults(step)]
    sections = sum(len(look.changed.sections) for look in looks)
    absent = sum(len(look.changed.absent) for look in looks)
    detail = (
        f"{counted(len(looks), 'look')} inside, {counted(sections, 'section')}, {absent} absent with a reason"
    )
    return Finding("inside", detail, tuple(faults))


def _faults(step: Step) -> Iterator[str]:
    slots, entry = step.before.slots, step.entry
    match entry:
        case Explained():
            yield from _look_faults(step, entry)
        case Watched():
            yield from _read_faults(slots.get("explained/v1"), entry)
        case Requested():
            if "explained/v1/deeper" not in slots:
                yield "a deeper look inside before a person is asked expected, got none"
        case Decided() if entry.decision != "rollback":
            if (
                any(isinstance(made, CandidateTrained) for made in slots.values())
                and "explained/v1" not in slots
            ):
                yield "a look inside before the decision on what was trained expected, got none"


def _look_faults(step: Step, entry: Explained) -> Iterator[str]:
    """It is about the candidate that leads, the incumbent and generation 0's model, and has what it must have."""
    before, deeper = step.before, entry.depth == "deeper"
    profiles = measured(step, len(before.team))
    leader = best(profiles).subject if profiles else ""
    for what, wanted, got in (
        ("the candidate that leads", leader, entry.candidate),
        ("the incumbent", before.incumbent, entry.incumbent),
        ("generation 0's model", before.first, entry.first),
        ("what the candidate descends from", lineage_at(before, entry.candidate).before, entry.basis),
    ):
        if wanted != got:
            yield f"a look at {what}, {wanted[:12] or 'none'}, expected, got {got[:12]}"
    if deeper != ("watch/v1" in before.slots) or ("request/v1" in before.slots):
        yield f"a look that is {entry.depth} {'after' if deeper else 'before'} the watch expected, got it elsewhere"
    yield from _asked_faults(step, entry)
    if set(entry.found) != set(entry.pairs):
        yield f"looks {', '.join(entry.pairs)} expected, got {', '.join(entry.found)}: each model once"
    for found in entry.found.values():
        yield from _section_faults(found, DEEPER if deeper else ALWAYS, entry)


def _asked_faults(step: Step, entry: Explained) -> Iterator[str]:
    """Which models were asked for the deeper sections, and how many of their answers can have been gained."""
    nobody: tuple[str, ...] = ()
    if entry.depth == "always":
        allowed = [nobody]
    else:
        probed = lineage_at(step.before, entry.candidate).probed
        allowed = [probed] if entry.changed.sections else [nobody, probed]
    if entry.models not in allowed:
        yield (
            f"probes of {len(allowed[-1])} models that were in force expected, got {len(entry.models)} models"
        )
    most = MOST_GAINED if entry.models else 0
    if not 0 <= entry.gained <= most:
        yield f"0 to {most} prompts that were gained expected, got {entry.gained}"


def _section_faults(found: Interpreted, wanted: tuple[Section, ...], entry: Explained) -> Iterator[str]:
    fault = unbelievable(wanted, found, entry.models, entry.gained)
    if fault is not None:
        yield f"{fault[0]} expected of a look inside, got {fault[1]}"
    if any(not reason for reason in found.absent.values()):
        yield "a reason for each section that is absent expected, got none"


def _read_faults(look: object, watched: Watched) -> Iterator[str]:
    """What the two wires that read it say is what it says."""
    readings = {reading.wire: reading for reading in watched.readings}
    if not isinstance(look, Explained):
        if watched.readings:
            yield "a look inside before the tripwires are read expected, got none"
        return
    if unbelievable(ALWAYS, look.changed) is not None:
        return  # said where the look stands: there is no telling what a wire reads from such a table
    words, layers = look.since_first.words, look.changed.layers
    apart = None if words is UNSET else words.divergence
    least = None if layers is UNSET else min(layers.similarity[a][b] for a, b in layers.matched)
    for name, wanted in ((reference_divergence.NAME, apart), (representation_shift.NAME, least)):
        if name in readings and readings[name].statistic != wanted:
            yield f"{_said(wanted)} as the look inside found expected of {name}, got {_said(readings[name].statistic)}"


def _said(value: float | None) -> str:
    return "nothing measured" if value is None else f"{value:g}"
