"""Tripwires: that every wire of the charter was read in every turn, and that what fired was not left at that."""

from collections import Counter
from collections.abc import Iterator, Mapping

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.signatures import Charters
from detent.audit.steps import Step, outside_turns
from detent.charter import SignedCharter
from detent.tripwires import sandbagging
from detent.values import (
    Answered,
    CandidateTrained,
    Cosigned,
    Decided,
    Explained,
    Profiled,
    Reading,
    Requested,
    Watched,
    candidates,
)


def check_watch(case: Case, charters: Charters) -> Finding:
    """Each turn that trained anything was watched, after all of it, with every wire and its action."""
    faults: list[str] = []
    readings = [reading for _, watched in case.all(Watched) for reading in watched.readings]
    for step in case.steps:
        if step.hangs:
            continue
        wrong = [*_order_faults(step)]
        if isinstance(step.entry, Watched):
            wrong += _watch_faults(step, step.entry, charters.at(step))
        faults += [f"{step.place}: {fault}" for fault in wrong]
    fired = sum(reading.fired for reading in readings)
    watches = counted(sum(1 for _ in case.all(Watched)), "turn")
    detail = f"{watches} watched, {counted(len(readings), 'reading')}, {fired} fired: all wires of the charter in force"
    return Finding("watch", detail, tuple(faults))


def _order_faults(step: Step) -> Iterator[str]:
    """A turn is watched once, when all is measured and the gate has spoken, and before anything is decided."""
    slots, entry = step.before.slots, step.entry
    if step.before.returning is not None or outside_turns(entry):
        return
    if entry.generation != step.before.generation:
        return  # of no turn that is known; `order` says so
    trained = any(isinstance(made, CandidateTrained) for made in slots.values())
    if isinstance(entry, Decided):
        if trained and "watch/v1" not in slots:
            yield "a watch before the decision on what was trained expected, got none"
    elif "watch/v1" in slots and not isinstance(entry, Explained | Requested | Answered | Cosigned):
        yield f"nothing but a question or cosignatures after the watch expected, got {entry.kind}: nobody watched it"


def _watch_faults(step: Step, watched: Watched, signed: SignedCharter) -> Iterator[str]:
    yield from _early(step)
    wires = {name: wire.action for name, wire in signed.charter.tripwires.items()}
    times = Counter(reading.wire for reading in watched.readings)
    wrong = sorted(name for name in wires.keys() | times if times[name] != (name in wires))
    if wrong:
        yield f"one reading of each wire of the charter expected, got {_numbers(times, wrong)}"
    fired = {reading.wire for reading in watched.readings if reading.fired}
    wanted = {name: action for name, action in wires.items() if name in fired}
    if dict(watched.actions) != wanted:
        yield f"the charter's actions for what fired, {wanted}, expected, got {watched.actions}"
    for reading in watched.readings:
        yield from _reading_faults(reading)
        if reading.status == "not_due" and (
            reading.wire != sandbagging.NAME or sandbagging.due(step.before.past)
        ):
            yield f"a measurement of {reading.wire} in generation {watched.generation} expected, got none: it is due"


def _early(step: Step) -> Iterator[str]:
    """What is measured later would not have been looked at."""
    before = step.before
    profiled = {
        e.profile.subject for e in before.slots.values() if isinstance(e, Profiled) and e.purpose == "visible"
    }
    made = set(candidates(before.slots).values())
    if len(made) < len(before.team) or made - profiled or before.open_intent:
        yield "a watch when candidates are measured and the opening is closed expected, got it before"


def _numbers(times: Mapping[str, int], names: list[str]) -> str:
    return ", ".join(f"{times.get(name, 0)} of {name}" for name in names)


def _reading_faults(reading: Reading) -> Iterator[str]:
    """A reading says in words what it found; in numbers what was measured, and the limit where there is one.

    A wire may have no limit unless the charter sets one; it cannot fire then.
    """
    measured, limited = reading.statistic is not None, reading.limit is not None
    lone = (limited and not measured) or (measured and not limited and reading.status == "fired")
    if lone or (measured and reading.status not in ("fired", "quiet")):
        yield (
            f"statistic and limit of what {reading.wire} measured, or neither, expected, got "
            f"{reading.statistic} and {reading.limit} of a reading that is {reading.status}"
        )
    if not reading.said:
        yield f"a sentence of what {reading.wire} found expected, got none"
