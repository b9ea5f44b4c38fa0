"""Two pictures of figures that have names on both sides: a grid of shades, and bars from a line. Inline SVG.

    >>> grid(Grid("how alike", rows=("0", "1"), columns=("0", "1"), squares=squares, down="before", across="after"))
    Markup('<svg ...')

As in `charts`: colours are classes, what a colour tells is told again by a number or a shape; lengths are SVG units.
"""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup
from msgspec import Struct, structs

from detent.report._svg import element, picture
from detent.report._words import clip, plain
from detent.report.charts import GLYPH, WIDTH, Axis
from detent.report.maps import shade

LONGEST = 20
CELL_WIDE, CELL_HIGH, CELL_LOW = 46.0, 22.0, 8.0
MOST_HIGH = 400.0
NUMBER_WIDE = 34.0  # room that a number in a cell needs
NAME_HIGH = 13.0
MIDDLE_SHADE, HIGH_SHADE = (
    10,
    13,
)  # where a number on the shade changes its colour, in the dark and in the light
BAR, GAP = 11.0, 6.0
HEAD = 24.0  # room for a group's name
WIDE_GLYPH = 7.0  # names of modules have more wide characters than numbers do
MOST_TITLES = 1500
"""Cells in a grid that still say in words what they are; of more, the table alone does, or the page grows large."""


class Square(Struct, frozen=True):
    """One cell. value: 0 to 1, None for an empty one. text: in it, where there is room. outlined: it stands out."""

    value: float | None
    title: str
    text: str = ""
    outlined: bool = False


class Grid(Struct, frozen=True):
    """Rows of squares, named at their left and their foot. down, across: what rows and columns are."""

    label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: tuple[tuple[Square, ...], ...]
    down: str
    across: str


class Bars(Struct, frozen=True):
    """Bars from 0, of one or two values a row. groups: names above the rows at these places.

    names: of the values, "" of a single one. notes: at the rows' right ends.
    """

    label: str
    rows: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    titles: tuple[str, ...]
    axis: Axis
    notes: tuple[str, ...] = ()
    groups: tuple[tuple[int, str], ...] = ()
    names: tuple[str, ...] = ()


def grid(drawn: Grid) -> Markup:
    """Rows downwards, columns across, the darker the more; numbers in the cells where there is room."""
    left = 10 + WIDE_GLYPH * max((len(_named(name)) for name in drawn.rows), default=0)
    wide = min((WIDTH - left - 4) / max(len(drawn.columns), 1), CELL_WIDE)
    high = min(max(MOST_HIGH / max(len(drawn.rows), 1), CELL_LOW), CELL_HIGH)
    top = NAME_HIGH + 6
    bottom = top + high * len(drawn.rows)
    longest = GLYPH * max((len(_named(name)) for name in drawn.columns), default=1) + 4
    every, each = max(1, -int(-longest // wide)), max(1, -int(-NAME_HIGH // high))
    titled = len(drawn.rows) * len(drawn.columns) <= MOST_TITLES
    cells = [
        _square(
            square if titled else structs.replace(square, title=""),
            (left + column * wide, top + row * high),
            (wide, high),
        )
        for row, squares in enumerate(drawn.squares)
        for column, square in enumerate(squares)
    ]
    sides = [
        element("text", _named(name), x=left - 6, y=top + (row + 0.5) * high + 4, class_="tick end")
        for row, name in enumerate(drawn.rows)
        if row % each == 0
    ]
    feet = [
        element("text", _named(name), x=left + (column + 0.5) * wide, y=bottom + 16, class_="tick middle")
        for column, name in enumerate(drawn.columns)
        if column % every == 0
    ]
    middle = left + wide * len(drawn.columns) / 2
    return picture(
        WIDTH,
        bottom + 38,
        drawn.label,
        element("text", drawn.down, x=0, y=NAME_HIGH - 2, class_="axis"),
        *cells,
        *sides,
        *feet,
        element("text", drawn.across, x=middle, y=bottom + 33, class_="axis middle"),
        class_="chart inside",
    )


def bars(drawn: Bars) -> Markup:
    """Names at the left, bars from the line at 0, notes at the right; the second of two is hollow."""
    left = 10 + WIDE_GLYPH * max((len(_named(name)) for name in drawn.rows), default=0)
    right = WIDTH - (12 + GLYPH * max((len(note) for note in drawn.notes), default=0))
    tall = BAR * max((len(values) for values in drawn.values), default=1) + GAP
    headed = dict(drawn.groups)
    top = NAME_HIGH + 8 if drawn.names else 4.0
    tops, bottom = [], top
    for row in range(len(drawn.rows)):
        bottom += (HEAD if headed.get(row) else 0) + tall
        tops.append(bottom - tall)
    frame = _Frame(drawn.axis, left, right)
    heads = [
        element("text", _named(name), x=0, y=tops[row] - 6, class_="tick strong")
        for row, name in drawn.groups
    ]
    return picture(
        WIDTH,
        bottom + 26,
        drawn.label,
        *_scale(drawn.axis, frame, top, bottom),
        *heads,
        *(_bar_row(drawn, row, tops[row], frame) for row in range(len(drawn.rows))),
        element("line", x1=frame.px(0), x2=frame.px(0), y1=top, y2=bottom, class_="base"),
        *_legend(drawn.names, left),
        class_="chart inside",
    )


def group_starts(groups: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Where each group begins, by the groups of the rows."""
    if not groups:
        return ()
    changes = ((row + 1, now) for row, (was, now) in enumerate(pairwise(groups)) if was != now)
    return ((0, groups[0]), *changes)


class _Frame(Struct, frozen=True):
    """Where values lie across."""

    axis: Axis
    left: float
    right: float

    def px(self, value: float) -> float:
        return self.left + self.axis.share(value) * (self.right - self.left)


def _square(square: Square, at: tuple[float, float], size: tuple[float, float]) -> Markup:
    (x, y), (wide, high) = at, size
    gap = 1 if wide > 4 and high > 4 else 0.4  # noqa: PLR2004  a gap would eat a small cell
    title = element("title", square.title) if square.title else Markup()
    if square.value is None:
        return element("rect", title, x=x, y=y, width=wide - gap, height=high - gap, class_="empty")
    tone = shade(square.value)
    outline = " outlined" if square.outlined else ""
    drawn = element("rect", title, x=x, y=y, width=wide - gap, height=high - gap, class_=f"h{tone}{outline}")
    if not square.text or wide < NUMBER_WIDE or high < NAME_HIGH:
        return drawn
    over = "high" if tone >= HIGH_SHADE else "mid" if tone >= MIDDLE_SHADE else "low"
    number = element(
        "text",
        square.text,
        x=x + (wide - gap) / 2,
        y=y + high / 2 + 3.5,
        class_=f"on middle {over}",
    )
    return element("g", drawn, number)


def _bar_row(drawn: Bars, row: int, top: float, frame: _Frame) -> Markup:
    values, zero = drawn.values[row], frame.px(0)
    shapes = []
    for number, value in enumerate(values):
        end = frame.px(value)
        shapes.append(
            element(
                "rect",
                x=min(zero, end),
                y=top + number * BAR,
                width=max(abs(end - zero), 0.6),
                height=BAR - 2,
                class_=f"bar s{number}{' hollow' if number else ''}",
            )
        )
    middle = top + BAR * len(values) / 2 + 3
    note = drawn.notes[row] if drawn.notes else ""
    return element(
        "g",
        element("title", drawn.titles[row]),
        element("text", _named(drawn.rows[row]), x=frame.left - 6, y=middle, class_="tick end"),
        *shapes,
        *([element("text", note, x=WIDTH, y=middle, class_="tick end")] if note else []),
    )


def _scale(axis: Axis, frame: _Frame, top: float, bottom: float) -> list[Markup]:
    lines = [
        element("line", x1=frame.px(value), x2=frame.px(value), y1=top, y2=bottom, class_="grid")
        for value, _ in axis.ticks
    ]
    feet = [
        element("text", text, x=frame.px(value), y=bottom + 16, class_="tick middle")
        for value, text in axis.ticks
    ]
    return [*lines, *feet]


def _legend(names: Sequence[str], left: float) -> list[Markup]:
    drawn, x = [], left
    for number, name in enumerate(names):
        kind = f"bar s{number}{' hollow' if number else ''}"
        drawn.append(element("rect", x=x, y=3, width=14, height=BAR - 2, class_=kind))
        drawn.append(element("text", name, x=x + 20, y=12, class_="tick"))
        x += 34 + GLYPH * len(name)
    return drawn


def _named(name: str) -> str:
    return clip(plain(name), LONGEST)
