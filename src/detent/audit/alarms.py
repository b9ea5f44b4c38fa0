"""Tripwires read again: whether one that found something was written down as quiet.

What a wire says is compared in what decides and in what was measured, not in its words.
"""

from collections.abc import Iterator, Mapping

from detent.audit.differences import Remade, judged, not_made
from detent.audit.turns import NotRead, Turn
from detent.values import Reading, Watched


def alarms_again(turn: Turn) -> Iterator[Remade]:
    """Every wire of the turn's watch that is a function of what is on record."""
    watched = turn.entry("watch/v1", Watched)
    if watched is None:
        return
    step = turn.steps["watch/v1"]
    again = turn.means.alarms(step, turn.engine)
    gone = [f"{name}: {one.because}" for name, one in again.items() if isinstance(one, NotRead) and one.gone]
    if gone:
        yield not_made("alarms", "; ".join(gone))
    read = {name: one for name, one in again.items() if isinstance(one, Reading)}
    if not read:
        return
    wrong = [
        fault
        for reading in watched.readings
        if reading.wire in read
        for fault in _faults(reading, read[reading.wire], exact=turn.rule.exact)
    ]
    fired = sum(reading.fired for reading in read.values())
    detail = f"{len(read)} of {len(watched.readings)} wires read again, {fired} fired{_left_out(again)}"
    yield judged("alarms", detail, [], asked=0, rule=turn.rule, wrong=wrong, steps=[step.index])


def _faults(was: Reading, now: Reading, *, exact: bool) -> Iterator[str]:
    if was.status == "unmeasured":
        return  # it counted as fired; that it can be measured now takes nothing back
    if was.status != now.status:
        yield f"{was.wire} {now.status} expected ({now.said}), got {was.status} ({was.said})"
    elif exact and _measured(was) != _measured(now):
        yield f"{was.wire}: {_measured(now)} expected, got {_measured(was)}"


def _measured(reading: Reading) -> tuple[float | None, float | None, tuple[str, ...]]:
    return reading.statistic, reading.limit, reading.about


def _left_out(again: Mapping[str, Reading | NotRead]) -> str:
    never = [name for name, one in again.items() if isinstance(one, NotRead) and not one.gone]
    return f"; not {', '.join(never)}, which looked at the machine as it was" if never else ""
