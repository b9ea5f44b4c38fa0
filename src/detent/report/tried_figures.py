"""The page's section about what was tried beside the data: tables, and a picture of what each change gained.

>>> tried(story).table.rows[1]
('2', '1', 'rotary positions off in every layer', 'rules', 'promoted', '.458 (+7.9)', '.512 (+13.1)')
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detent.report import _words as words
from detent.report.charts import Lines, Point, Series, axis, line_chart
from detent.report.figures import Figure, Table, generations
from detent.report.story import Story
from detent.report.tried import Alternative, Screening, outcome_text

UNKNOWN = "-"
PROPOSERS = ("rules", "search", "model")


class Tried(NamedTuple):
    """table: every alternative. reasons: in the words of whoever proposed it. declined, figure: None without any."""

    table: Table
    reasons: Table
    declined: Table | None
    figure: Figure | None


def tried(story: Story) -> Tried | None:
    """None where nothing was ever tried."""
    found = story.screenings
    if not found:
        return None
    rungs = max(screening.rungs for screening in found)
    head = ("generation", "number", "change", "by", "outcome", *(f"rung {rung + 1}" for rung in range(rungs)))
    rows = tuple(_row(screening, one, rungs) for screening in found for one in screening.alternatives)
    return Tried(Table(head, rows, numbers=5), _reasons(found), _declined(found), _gains(story))


def _row(screening: Screening, one: Alternative, rungs: int) -> tuple[str, ...]:
    what = ("the plan as it is", UNKNOWN) if one.change is None else (one.change.said, one.change.by)
    outcome = UNKNOWN if one.change is None else one.outcome
    measured = tuple(_cells(screening, one))
    return (
        str(screening.generation),
        str(one.number),
        *what,
        outcome,
        *measured,
        *[UNKNOWN] * (rungs - len(measured)),
    )


def _cells(screening: Screening, one: Alternative) -> Iterator[str]:
    """Its ladder at each rung, with what it is ahead of the plan there, in points."""
    if one.change is None:
        yield from map(words.rate, one.ladders)
        return
    for ladder, gain in zip(one.ladders, screening.gains(one), strict=False):
        yield f"{words.rate(ladder)} ({words.points(gain)})"


def _reasons(found: Sequence[Screening]) -> Table:
    """Why something was tried at all, and of each change why, and what came of it."""
    rows = []
    for screening in found:
        generation = str(screening.generation)
        rows.append((generation, UNKNOWN, UNKNOWN, screening.because, UNKNOWN))
        rows += [
            (generation, str(one.number), one.change.by, one.change.because or UNKNOWN, outcome_text(one))
            for one in screening.changes
            if one.change is not None
        ]
    return Table(("generation", "number", "by", "reason", "what came of it"), tuple(rows), numbers=5)


def _declined(found: Sequence[Screening]) -> Table | None:
    rows = tuple(
        (str(screening.generation), one.by, one.said, one.because)
        for screening in found
        for one in screening.declined
    )
    return Table(("generation", "by", "suggested", "declined because"), rows, numbers=4) if rows else None


def _gains(story: Story) -> Figure | None:
    """A mark a change: how far it was ahead of the plan where both were last measured."""
    seen = [
        (screening, one, screening.gains(one)[-1])
        for screening in story.screenings
        for one in screening.changes
        if screening.gains(one)
    ]
    if not seen:
        return None
    series = tuple(
        Series(
            proposer,
            tuple(_point(*mark) for mark in seen if mark[1].change and mark[1].change.by == proposer),
            tint,
            line=False,
        )
        for tint, proposer in enumerate(PROPOSERS)
    )
    chart = Lines(
        label=f"Gain of {words.number_of(len(seen), 'change')} over the plan as it is, by generation and proposer",
        series=tuple(one for one in series if one.points),
        x=generations(story),
        y=axis("points", [0.0, *(100 * gain for _, _, gain in seen)]),
    )
    rows = tuple(
        (str(screening.generation), str(one.number), str(len(screening.gains(one))), words.points(gain))
        for screening, one, gain in seen
    )
    return Figure(
        "Gain over the plan as it is",
        "Percentage points of the visible ladder, at the last rung that a change was tried at. Filled: it was its "
        "generation's change. Problems in the open; what was proposed was then made anew and had to pass the gate.",
        line_chart(chart),
        Table(("generation", "number", "rung", "points"), rows),
    )


def _point(screening: Screening, one: Alternative, gain: float) -> Point:
    said = one.change.said if one.change else ""
    title = (
        f"generation {screening.generation}, {words.plain(said)}: {words.points(gain)} points, {one.outcome}"
    )
    return Point(screening.generation, 100 * gain, title, strong=one is screening.chosen)
