"""A tripwire's page: its statistic and limit over generations, and each sentence that it said."""

from collections.abc import Sequence
from typing import NamedTuple

from detent.report import Story
from detent.report.figures import generations
from detent.report.shown import Axis, Figure, Lines, Point, Rule, Series, Table, axis, line_chart
from detent.values import Reading
from detent.web.gauges import number, watches
from detent.web.showing import Piece, piece

READINGS = 25
MOST_DRAWN = 200


class Said(NamedTuple):
    """One reading, and what the charter made of it where it fired."""

    generation: int
    reading: Reading
    action: str


class History(NamedTuple):
    """figure: None where it never measured a number."""

    figure: Figure | None
    readings: Piece[Said]


def history(story: Story, name: str, page: int) -> History | None:
    """Of the tripwire of that name; None where none was read."""
    found = [
        Said(generation, reading, watched.actions.get(name, ""))
        for generation, watched in watches(story).items()
        for reading in watched.readings
        if reading.wire == name
    ]
    if not found:
        return None
    return History(_figure(story, name, found[-MOST_DRAWN:]), piece(found[::-1], page, READINGS))


def _figure(story: Story, name: str, found: Sequence[Said]) -> Figure | None:
    points = tuple(
        Point(
            one.generation,
            one.reading.statistic,
            f"generation {one.generation}: {number(one.reading.statistic)}, {one.reading.status}",
            strong=one.reading.fired,
        )
        for one in found
        if one.reading.statistic is not None
    )
    if not points:
        return None
    seen = [one for one in found if one.reading.statistic is not None]
    limits = tuple(Point(one.generation, one.reading.limit) for one in seen if one.reading.limit is not None)
    drawn = Lines(
        label=f"{name} over generations, {len(points)} measurements",
        series=(Series("", points), Series("limit", limits, 1, marks=False)),
        x=_window(story, found),
        y=axis(seen[-1].reading.unit, [point.y for point in (*points, *limits)]),
        rules=(Rule(limits[0].y, "limit"),) if len(limits) == 1 else (),
    )
    rows = tuple(
        (
            str(one.generation),
            number(one.reading.statistic),
            number(one.reading.limit),
            one.reading.status.replace("_", " "),
        )
        for one in seen
    )
    return Figure(
        "Statistic and limit",
        "Filled: it fired. Which side of the limit is the wrong one, docs/tripwires.md says.",
        line_chart(drawn),
        Table(("generation", "statistic", "limit", "status"), rows, 1),
    )


def _window(story: Story, found: Sequence[Said]) -> Axis:
    """All generations, or of long runs those that are drawn."""
    if found[0].generation <= MOST_DRAWN:
        return generations(story)
    return axis("generation", (found[0].generation, found[-1].generation))
