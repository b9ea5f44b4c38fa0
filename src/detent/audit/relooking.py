"""Looks inside, once more: the same models on the same prompts, and every figure against the one on record.

A section that was absent is not asked for: that it can be made now takes nothing back.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from math import isclose
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, structs

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.turns import Turn, completions
from detent.engine import Ask, figures_of
from detent.evaluate import Inquiry, deeper_job, lineage_at, oldest
from detent.tripwires.looks import probe_prompts
from detent.values import AnswerJob, Explained, Interpreted
from detent.values.inside import Section, always_job

NEAR = 0.02
"""Of figures on another kind of machine: their relative difference, and of those near 0 the absolute one."""

_WORDS = frozenset({"examples", "more", "fewer", "labels"})
"""What a rounding may put in another order or turn over; not compared on another kind of machine."""

_OF_ROWS: tuple[Section, ...] = ("splices", "patches")
"""Sections that are of the rows that were gained."""


def looks_again(turn: Turn) -> Iterator[Remade]:
    """The looks of every generation, and the one that goes deeper where a person was asked."""
    for slot, again in (("explained/v1", _always), ("explained/v1/deeper", _deeper)):
        entry = turn.entry(slot, Explained)
        if entry is None or not any(found.sections for found in entry.found.values()):
            continue
        if gone := turn.gone(_models(turn, entry)):
            yield not_made("inside", gone)
            continue
        made = again(turn, entry)
        rows = [] if made.gained == entry.gained else [_gained(entry.gained, made.gained)]
        # Of other rows no share is the same; whether they may be others is told by how many answers differ.
        left_out = _OF_ROWS if rows and not turn.rule.exact else ()
        faults = [
            f"{field}: {fault}"
            for field, recorded in entry.found.items()
            if field in made.looks
            for fault in differing(_without(recorded, left_out), made.looks[field], exact=turn.rule.exact)
        ]
        sections = sum(len(found.sections) for found in entry.found.values())
        detail = f"{counted(sections, 'section')} of figures, {entry.depth}"
        yield judged(
            "inside",
            detail,
            rows,
            asked=made.asked,
            rule=turn.rule,
            wrong=faults,
            steps=turn.places(slot),
        )


class _Made(NamedTuple):
    """looks: by the entry's field. gained: prompts that only the second model answers rightly, of `asked` answers."""

    looks: dict[str, Interpreted]
    gained: int = 0
    asked: int = 0


def _gained(recorded: int, again: int) -> Difference:
    return Difference(f"{recorded} prompts that were gained recorded, {again} again", abs(recorded - again))


def _without(found: Interpreted, sections: Sequence[Section]) -> Interpreted:
    return structs.replace(found, **dict.fromkeys(sections, UNSET))


def _models(turn: Turn, entry: Explained) -> tuple[str, ...]:
    if entry.depth == "always":
        befores = [before for before, _ in entry.pairs.values()]
        state = turn.steps[entry.slot].before
        return (*befores, *(oldest(state, before) for before in befores), entry.candidate)
    return lineage_at(turn.steps[entry.slot].before, entry.candidate).probed


def _always(turn: Turn, entry: Explained) -> _Made:
    room = turn.signed.charter.subject.room
    prompts = _prompts(turn)
    made = {}
    for field, pair in entry.pairs.items():
        found = entry.found.get(field)
        if found is not None and found.sections:
            job = always_job(pair, prompts, room, first=oldest(turn.steps[entry.slot].before, pair[0]))
            with turn.engine.opening() as ask:
                made[field] = figures_of(ask(structs.replace(job, sections=found.sections), turn.means.watch))
    return _Made(made)


def _deeper(turn: Turn, entry: Explained) -> _Made:
    charter, lineage = turn.signed.charter, lineage_at(turn.steps[entry.slot].before, entry.candidate)
    tops, sections = dict(charter.direction.improve), entry.changed.sections
    asked = Inquiry(turn.tasks, tops, charter.run.seed, charter.subject.room, _prompts(turn), sections)
    with turn.engine.opening() as ask:
        job = deeper_job(lineage, asked, partial(_answers, turn, ask))
        looks = {"changed": figures_of(ask(job, turn.means.watch))}
    if job.known is UNSET and not job.gained:  # nobody was asked: no section that is made again needs it
        return _Made(looks, entry.gained)
    asked_again = 0 if job.known is UNSET else len(job.known.prompts) * len(job.known.models)
    return _Made(looks, len(job.gained), asked_again)


def _prompts(turn: Turn) -> tuple[str, ...]:
    charter = turn.signed.charter
    return probe_prompts(turn.tasks, dict(charter.direction.improve), charter.run.seed)


def _answers(turn: Turn, ask: Ask, model: str, prompts: Sequence[str]) -> Sequence[str]:
    room = turn.signed.charter.subject.room
    return completions(
        ask(AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=room), turn.means.watch)
    )


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
