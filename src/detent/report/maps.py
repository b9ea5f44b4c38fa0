"""Two pictures without a y axis: a heat map of rungs, a family tree of models. Inline SVG, as in `charts`."""

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup
from msgspec import Struct

from detent.report._svg import element, path, picture
from detent.report.charts import WIDTH, whole_ticks

SHADES = 20
GUTTER = 30.0  # room for the rows' names
MAP_WIDTH = 330.0
MAP_HEIGHT = 330.0  # many rows share it, down to LOW_ROW each
LOW_ROW, HIGH_ROW = 7.0, 18.0
ROOM_FOR_NAME = 13.0
LANE = 34.0


class Cell(Struct, frozen=True):
    """One rung's accuracy in [0, 1]."""

    value: float
    title: str


class Row(Struct, frozen=True):
    """One generation: its number, its cells from level 1 on, and the level at which its horizon lies."""

    generation: int
    cells: tuple[Cell, ...]
    horizon: float


class Node(Struct, frozen=True):
    """One model of a family tree. lane: its place in the team, from 0.

    parent: index of its parent in the same sequence, -1 for none.
    """

    generation: int
    lane: int
    parent: int
    title: str
    fate: Literal["promoted", "carried", "discarded"]
    now: bool


def heat_map(rows: Sequence[Row], levels: int, label: str) -> Markup:
    """Generations downwards, levels across, the darker the more is right; a line traces the horizon."""
    high = min(max(MAP_HEIGHT / max(len(rows), 1), LOW_ROW), HIGH_ROW)
    wide = (MAP_WIDTH - GUTTER - 4) / levels
    bottom = high * len(rows)
    every = -(-ROOM_FOR_NAME // high)
    drawn = [_row(row, index * high, wide, high) for index, row in enumerate(rows)]
    names = [_row_name(row, (index + 0.5) * high) for index, row in enumerate(rows) if index % every == 0]
    feet = [
        element("text", text, x=_across(level, wide), y=bottom + 16, class_="tick middle")
        for level, text in whole_ticks(1, levels, 15)
    ]
    return picture(
        MAP_WIDTH,
        bottom + 38,
        label,
        *drawn,
        *names,
        *feet,
        _trace(rows, wide, high, levels),
        element("text", "level", x=(GUTTER + MAP_WIDTH) / 2, y=bottom + 33, class_="axis middle"),
        class_="chart map",
    )


def family_tree(nodes: Sequence[Node], label: str) -> Markup:
    """Generations across, a lane for each member of the team; lines from parent to child."""
    last = max((node.generation for node in nodes), default=0)
    bottom = LANE * (1 + max((node.lane for node in nodes), default=0))
    places = [(_along(node.generation, last), LANE * (node.lane + 0.5)) for node in nodes]
    lines = [
        element("path", d=_bend(places[node.parent], place), class_=f"kin {node.fate}")
        for node, place in zip(nodes, places, strict=True)
        if node.parent >= 0
    ]
    dots = [_dot(node, place) for node, place in zip(nodes, places, strict=True)]
    feet = [
        element("text", text, x=_along(int(x), last), y=bottom + 14, class_="tick middle")
        for x, text in whole_ticks(0, last)
    ]
    foot = element("text", "generation", x=WIDTH / 2, y=bottom + 31, class_="axis middle")
    return picture(WIDTH, bottom + 36, label, *lines, *dots, *feet, foot)


def shade(value: float) -> int:
    """Which of the page's shades an accuracy gets, 0 (none right) to SHADES (all right)."""
    return round(min(max(value, 0.0), 1.0) * SHADES)


def _row(row: Row, y: float, wide: float, high: float) -> Markup:
    cells = (
        element(
            "rect",
            element("title", cell.title),
            x=GUTTER + index * wide,
            y=y,
            width=wide - 1,
            height=high - 1,
            class_=f"h{shade(cell.value)}",
        )
        for index, cell in enumerate(row.cells)
    )
    return element("g", *cells)


def _row_name(row: Row, y: float) -> Markup:
    return element("text", str(row.generation), x=GUTTER - 8, y=y + 4, class_="tick end")


def _trace(rows: Sequence[Row], wide: float, high: float, levels: int) -> Markup:
    points = [
        (_across(min(row.horizon, levels + 0.5), wide), (index + 0.5) * high)
        for index, row in enumerate(rows)
    ]
    if len(points) == 1:
        (x, y), half = points[0], high / 2
        points = [(x, y - half), (x, y + half)]
    line = path(points)
    return element("g", element("path", d=line, class_="trace halo"), element("path", d=line, class_="trace"))


def _across(level: float, wide: float) -> float:
    return GUTTER + (level - 0.5) * wide


def _along(generation: int, last: int) -> float:
    return 16 + (WIDTH - 32) * (generation / last if last else 0.0)


def _bend(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        return path([start, end])
    middle = (x0 + x1) / 2
    return f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"


def _dot(node: Node, place: tuple[float, float]) -> Markup:
    x, y = place
    title = element("title", node.title)
    ring = [element("circle", cx=x, cy=y, r=8.5, class_="ring")] if node.now else []
    return element("g", title, *ring, element("circle", cx=x, cy=y, r=4.5, class_=f"dot {node.fate}"))
