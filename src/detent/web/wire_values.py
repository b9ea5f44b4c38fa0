"""A tripwire's page: its statistic and limit over generations, and each sentence that it said."""

from collections.abc import Sequence
from typing import NamedTuple

from detent.report import Story
from detent.report.figures import generations
from detent.report.shown import Axis, Figure, Lines, Point, Rule, Series, Table, axis, line_chart, number_of
from detent.values import Reading
from detent.web.gauges import number, reading_of
from detent.web.index import Measured, Note
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


def history(story: Story, notes: Sequence[Note], name: str, page: int) -> History | None:
    """Of the tripwire of that name; None where none was read."""
    found = [(note.generation, one) for note in notes for one in note.measured if one.wire == name]
    if not found:
        return None
    listed = piece(found[::-1], page, READINGS)
    said = [Said(generation, *reading_of(story, generation, name)) for generation, _ in listed.items]
    readings = Piece(said, listed.number, listed.last, listed.total, listed.newer, listed.older)
    return History(_figure(story, name, found[-MOST_DRAWN:], said[0].reading.unit), readings)


def _figure(story: Story, name: str, found: Sequence[tuple[int, Measured]], unit: str) -> Figure | None:
    seen = [(generation, one, one.statistic) for generation, one in found if one.statistic is not None]
    if not seen:
        return None
    points = tuple(
        Point(
            generation,
            value,
            f"generation {generation}: {number(value)}{', fired' if one.fired else ''}",
            strong=one.fired,
        )
        for generation, one, value in seen
    )
    limits = tuple(Point(generation, one.limit) for generation, one, _ in seen if one.limit is not None)
    drawn = Lines(
        label=f"{name} over generations, {number_of(len(points), 'measurement')}",
        series=(Series("", points), Series("limit", limits, 1, marks=False)),
        x=_window(story, found[0][0], found[-1][0]),
        y=axis(unit, [point.y for point in (*points, *limits)]),
        rules=(Rule(limits[0].y, "limit"),) if len(limits) == 1 else (),
    )
    rows = tuple(
        (str(generation), number(value), number(one.limit), "fired" if one.fired else "quiet")
        for generation, one, value in seen
    )
    return Figure(
        "Statistic and limit",
        "Filled: it fired. Which side of the limit is the wrong one, docs/tripwires.md says.",
        line_chart(drawn),
        Table(("generation", "statistic", "limit", ""), rows, 1),
    )


def _window(story: Story, first: int, last: int) -> Axis:
    """All generations, or of long runs those that are drawn."""
    return generations(story) if first <= MOST_DRAWN else axis("generation", (first, last))
