"""Looks inside, once more: the same models on the same prompts, and every figure against the one on record.

A section that was absent is not asked for: that it can be made now takes nothing back.
"""

from collections.abc import Iterator
from math import isclose
from typing import Any

import msgspec

from detent.audit.differences import Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.turns import Turn
from detent.errors import EngineError
from detent.tripwires.looks import probes_of
from detent.values import Explained, Interpreted, InterpretJob
from detent.values.inside import always_job, models_of

NEAR = 0.02
"""Of figures on another kind of machine: their relative difference, and of those near 0 the absolute one."""

_WORDS = frozenset({"examples", "more", "fewer", "labels"})
"""What a rounding may put in another order or turn over; not compared on another kind of machine."""


def looks_again(turn: Turn) -> Iterator[Remade]:
    """The looks of every generation: the candidate against the incumbent, and against generation 0's model."""
    entry = turn.entry("explained/v1", Explained)
    if entry is None:
        return
    charter = turn.signed.charter
    items = probes_of(turn.tasks, dict(charter.direction.improve), charter.run.seed)
    prompts = tuple(item.problem.prompt for item in items)
    faults: list[str] = []
    compared = 0
    for field, pair in entry.pairs.items():
        recorded: Interpreted = getattr(entry, field)
        if not recorded.sections:
            continue
        job = always_job(pair, prompts, charter.subject.room, first=entry.first)
        job = msgspec.structs.replace(job, sections=recorded.sections)
        if gone := turn.gone(models_of(job)):
            yield not_made("inside", gone)
            return
        compared += len(recorded.sections)
        faults += [
            f"{field}: {fault}" for fault in differing(recorded, looked(turn, job), exact=turn.rule.exact)
        ]
    if compared:
        detail = f"{counted(compared, 'section')} of figures, on {counted(len(prompts), 'prompt')}"
        step = turn.steps["explained/v1"]
        yield judged("inside", detail, [], asked=0, rule=turn.rule, wrong=faults, steps=[step.index])


def looked(turn: Turn, job: InterpretJob) -> Interpreted:
    """A look by a worker that has run no job before."""
    with turn.engine.opening() as ask:
        found = ask(job, turn.means.watch)
    if not isinstance(found, Interpreted):
        raise EngineError(f"a look inside expected, got {type(found).__name__}; run again")
    return found


def differing(recorded: Interpreted, again: Interpreted, *, exact: bool) -> Iterator[str]:
    """Each section whose figures are others, and the first of them."""
    for name in recorded.sections:
        was, now = (msgspec.to_builtins(getattr(one, name, None)) for one in (recorded, again))
        if name in again.absent:
            yield f"{name}: figures expected, got none: {again.absent[name]}"
        elif was != now and (exact or not _near(was, now)):
            yield f"{name}: {_first(was, now)}"


def _near(was: Any, now: Any) -> bool:
    match was, now:
        case dict(), dict():
            keys = (was.keys() | now.keys()) - _WORDS
            return all(key in was and key in now and _near(was[key], now[key]) for key in keys)
        case (list() | tuple(), list() | tuple()):
            return len(was) == len(now) and all(map(_near, was, now))
        case (float() | int(), float() | int()):
            return isclose(was, now, rel_tol=NEAR, abs_tol=NEAR)
        case _:
            return bool(was == now)


def _first(was: Any, now: Any) -> str:
    """The first figure that is another, where both have one."""
    match was, now:
        case dict(), dict() if was.keys() == now.keys():
            key = next(key for key in was if was[key] != now[key])
            return f"{key}, {_first(was[key], now[key])}"
        case (list() | tuple(), list() | tuple()) if len(was) == len(now):
            place = next(place for place, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1])
            return f"{place}, {_first(was[place], now[place])}"
        case _:
            return f"{str(was)[:80]} recorded, {str(now)[:80]} again"
