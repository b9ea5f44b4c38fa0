"""A question to people, as text: why they are asked, what changed, what the wires say, and what nobody looked at."""

from collections.abc import Iterator, Mapping, Sequence

from detent.evaluate import horizon
from detent.report import _words as words
from detent.report.explained import explanation_of
from detent.values import (
    Answered,
    Diagnosed,
    Entry,
    IntentWritten,
    OutcomeWritten,
    Profile,
    Profiled,
    Requested,
    Watched,
)


def request_page(
    asked: Requested,
    answer: Answered | None,
    slots: Mapping[str, Entry],
    change: Sequence[str] = (),
) -> str:
    """The whole of it, in lines. Everything from the ledger is untrusted text, and shown as such.

    change: lines about what was proposed beside the data (`tried_lines`); none where nothing was.
    """
    sections = (
        ("why you are asked", asked.reasons),
        *([("proposed beside the data", tuple(change))] if change else []),
        ("what changed", tuple(_changes(slots))),
        *([("what changed inside", tuple(inside))] if (inside := list(_inside(slots))) else []),
        ("the gate", tuple(_gate(slots))),
        ("tripwires", tuple(_wires(slots))),
        ("not checked by anybody", asked.unchecked),
        ("answer", tuple(_answer(asked, answer))),
    )
    lines = [_title(asked)]
    for name, rows in sections:
        lines += ["", f"{name}:", *(f"  {words.plain(row)}" for row in rows or ("nothing",))]
    return "\n".join(lines)


def request_line(asked: Requested, answer: Answered | None) -> str:
    """One line: number, when it expires or what was answered, and the first reason."""
    said = f"{answer.verdict} after {answer.seconds:.0f} s" if answer else f"open until {asked.expires}"
    reason = asked.reasons[0] if asked.reasons else ""
    return words.clip(
        f"{asked.number:>3} | generation {asked.generation} | {said} | {words.plain(reason)}", 160
    )


def _title(asked: Requested) -> str:
    about = f"promote {asked.candidate[:16]}" if asked.candidate else "go on (nothing would be promoted)"
    return f"request {asked.number}, generation {asked.generation}, of {asked.at}: {about}?"


def _changes(slots: Mapping[str, Entry]) -> Iterator[str]:
    fresh, diagnosed = slots.get("profile/v1/fresh"), slots.get("diagnosis/v1")
    if isinstance(diagnosed, Diagnosed):
        yield f"before: {diagnosed.diagnosis.reading}"
    if isinstance(fresh, Profiled):
        yield from _profile(fresh.profile)
    else:
        yield "the candidate was not measured afresh: it would not be promoted"


def _inside(slots: Mapping[str, Entry]) -> Iterator[str]:
    """A line a section against what it was trained from, the incumbent where that is another, and the first."""
    found = explanation_of(slots)
    if found is None:
        return
    yield from (reading.line for reading in found.readings)
    if found.replaced is not None:
        yield (
            f"the candidate does not descend from the incumbent {found.incumbent[:12]}: it was trained from another "
            f"member of the team, {found.basis[:12]}, which began from another seed"
        )
    yield from (f"against the incumbent, {reading.line}" for reading in found.replaced_readings)
    yield from (f"since generation 0, {reading.line}" for reading in found.since_readings)


def _profile(profile: Profile) -> Iterator[str]:
    yield f"the candidate's ladder on fresh problems: {words.rate(profile.ladder())}"
    for task in profile.scores:
        reached = horizon(profile, task)
        yield f"{task}: horizon {reached.level:.1f}, first level below mastery {profile.frontier(task)}"


def _gate(slots: Mapping[str, Entry]) -> Iterator[str]:
    outcome = slots.get("outcome/v1")
    if not isinstance(outcome, OutcomeWritten):
        yield "not opened: no candidate looked better in the open"
        return
    found, written = outcome.outcome, slots.get("intent/v1")
    smaller = isinstance(written, IntentWritten) and written.intent.smaller
    yield f"opening {found.k}: {words.verdict(found.verdict, smaller=smaller)}; {found.because}"
    if found.gain:
        yield f"gain {words.interval(found.gain)} points (95 % confidence sequence, {found.gain.items} items)"
    for result in found.results:
        counts = result.counts
        yield f"{result.name}: {counts.wins} won, {counts.losses} lost, {counts.ties} alike"


def _wires(slots: Mapping[str, Entry]) -> Iterator[str]:
    watched = slots.get("watch/v1")
    if not isinstance(watched, Watched):
        return
    for reading in sorted(watched.readings, key=lambda reading: not reading.fired):
        action = f", {watched.actions[reading.wire]}" if reading.wire in watched.actions else ""
        yield f"{reading.wire} ({reading.status.replace('_', ' ')}{action}): {reading.said}"


def _answer(asked: Requested, answer: Answered | None) -> Iterator[str]:
    if answer is None:
        needed = words.number_of(asked.approvers, "approver")
        yield f"none yet; from {asked.expires} on, none means no. To say yes takes {needed} at least"
        yield "detent approve, or detent deny, with --because: for the record"
        return
    yield f"{answer.verdict} by {', '.join(answer.signers)} after {answer.seconds:.0f} s: {answer.because}"
