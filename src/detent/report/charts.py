"""Charts with two axes, from values: lines and intervals. Inline SVG, styled by the page.

    >>> line_chart(Lines("Ladder by generation", (series,), x=axis("generation", (0, 8)), y=axis("", (0, 1))))
    Markup('<svg ...')

Knows nothing of runs or gates. Colours are classes (`s0`..`s5`), so that one picture serves light, dark and
paper; what a colour tells is told a second time by a shape, a dash or a label. Coordinates are SVG user
units; a chart is drawn about 460 wide and scales from there.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup
from msgspec import Struct

from detent.report._svg import element, path, picture
from detent.report._words import MINUS, clip, plain

WIDTH, HEIGHT = 460.0, 270.0
TOP, BOTTOM = 16.0, 42.0
LABEL_GAP = 15.0  # least distance of two line labels
TINTS = 6
GLYPH, BOLD_GLYPH = 6.6, 7.4  # about the width of a character in a chart
LONGEST_NAME = 16


class Axis(Struct, frozen=True):
    """A scale from `low` to `high` with ticks (value, text)."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """Where a value lies, 0 at low and 1 at high, never outside."""
        width = self.high - self.low
        return min(max((value - self.low) / width, 0.0), 1.0) if width else 0.5


class Point(Struct, frozen=True):
    """One mark. `strong` is drawn filled. low, high: ends of its interval. `title` is shown on hover."""

    x: float
    y: float
    title: str = ""
    strong: bool = False
    low: float | None = None
    high: float | None = None


class Series(Struct, frozen=True):
    """Points with a name at their end.

    tint: which colour, dash and shape. line, marks, band, bars: what is drawn of it, the line between the
    points, a mark at each, and their intervals, as a band or as bars. weight: "thin", "faint" or "".
    """

    name: str
    points: tuple[Point, ...]
    tint: int = 0
    line: bool = True
    marks: bool = True
    band: bool = False
    bars: bool = False
    weight: str = ""


class Rule(Struct, frozen=True):
    """A horizontal line at y, with its words if it has any."""

    y: float
    name: str = ""


class Lines(Struct, frozen=True):
    """A line chart. `label` says in a sentence what it shows, for those who do not see it."""

    label: str
    series: tuple[Series, ...]
    x: Axis
    y: Axis
    rules: tuple[Rule, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT


def axis(title: str, values: Sequence[float], text: Callable[[float], str] | None = None) -> Axis:
    """A scale with round ends that holds all values. `text` writes its ticks, else they are plain numbers."""
    low, high = min(values), max(values)
    step = _round_step((high - low) / 5 or 1.0)
    low, high = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    marks = _multiples(low, high, step)
    return Axis(title, low, high, tuple((value, text(value)) for value, _ in marks) if text else marks)


def ticks(low: float, high: float, about: int = 5) -> tuple[tuple[float, str], ...]:
    """Round values (1, 2 or 5 times a power of ten) covering low..high, with their text."""
    return _multiples(low, high, _round_step((high - low) / max(about, 1)))


def whole_ticks(low: int, high: int, most: int = 10) -> tuple[tuple[float, str], ...]:
    """The same for whole numbers, at most about `most` of them."""
    step = max(1, round(_round_step((high - low) / most)))
    return tuple((float(n), str(n)) for n in range(-(-low // step) * step, high + 1, step))


def line_chart(chart: Lines) -> Markup:
    """Axes, rules, bands, lines, marks and the names at the lines' ends."""
    frame = _Frame.around(chart)
    return picture(
        chart.width,
        chart.height,
        chart.label,
        _axes(chart, frame),
        *(_rule(rule, frame) for rule in chart.rules),
        *(_band(series, frame) for series in chart.series if series.band),
        *(_line(series, frame) for series in chart.series),
        *(
            _whisker(point, series.tint, frame)
            for series in chart.series
            if series.bars
            for point in series.points
        ),
        *(_marks(series, frame) for series in chart.series if series.marks),
        *(_rule_name(rule, frame) for rule in chart.rules if rule.name),
        *_names(chart.series, frame),
    )


class _Frame(Struct, frozen=True):
    """Where on the picture the axes' values lie."""

    x: Axis
    y: Axis
    left: float
    right: float
    top: float
    bottom: float
    mark: float

    @classmethod
    def around(cls, chart: Lines) -> "_Frame":
        names = max((len(clip(plain(series.name), LONGEST_NAME)) for series in chart.series), default=0)
        ticks_wide = max((len(text) for _, text in chart.y.ticks), default=0)
        return cls(
            x=chart.x,
            y=chart.y,
            left=14 + GLYPH * ticks_wide,
            right=chart.width - (14 + BOLD_GLYPH * names if names else 14),
            top=TOP + (14 if chart.y.title else 0),
            bottom=chart.height - BOTTOM,
            mark=_mark_size(chart),
        )

    def px(self, x: float) -> float:
        return self.left + self.x.share(x) * (self.right - self.left)

    def py(self, y: float) -> float:
        return self.bottom - self.y.share(y) * (self.bottom - self.top)


def _mark_size(chart: Lines) -> float:
    """Smaller in a small chart, and where there are so many marks that they would touch."""
    most = max([1, *(len(series.points) for series in chart.series if series.marks)])
    return min(3.2 if chart.width >= WIDTH else 2.4, chart.width / (4.5 * most))


def _axes(chart: Lines, frame: _Frame) -> Markup:
    middle = (frame.left + frame.right) / 2
    lines = [
        element("line", x1=frame.left, x2=frame.right, y1=frame.py(y), y2=frame.py(y), class_="grid")
        for y, _ in chart.y.ticks
    ]
    sides = [
        element("text", text, x=frame.left - 7, y=frame.py(y) + 4, class_="tick end")
        for y, text in chart.y.ticks
    ]
    feet = [
        element("text", text, x=frame.px(x), y=frame.bottom + 18, class_="tick middle")
        for x, text in chart.x.ticks
    ]
    base = element("line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="base")
    foot = element("text", chart.x.title, x=middle, y=chart.height - 5, class_="axis middle")
    head = element("text", chart.y.title, x=0, y=12, class_="axis")
    return element("g", *lines, base, *sides, *feet, foot, head)


def _rule(rule: Rule, frame: _Frame) -> Markup:
    y = frame.py(rule.y)
    return element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="rule")


def _rule_name(rule: Rule, frame: _Frame) -> Markup:
    """Over the lines, which it may cross."""
    y = frame.py(rule.y)
    below = y - frame.top < LABEL_GAP  # no room above it
    return element("text", rule.name, x=frame.left + 4, y=y + 13 if below else y - 5, class_="ruled")


def _line(series: Series, frame: _Frame) -> Markup:
    if not series.line or len(series.points) < 2:  # noqa: PLR2004  a line has two ends
        return Markup()
    drawn = path([(frame.px(point.x), frame.py(point.y)) for point in series.points])
    return element("path", d=drawn, class_=f"line s{series.tint % TINTS} {series.weight}".rstrip())


def _band(series: Series, frame: _Frame) -> Markup:
    edged = [(point.x, point.low, point.high) for point in series.points]
    upper = [(frame.px(x), frame.py(high)) for x, _, high in edged if high is not None]
    lower = [(frame.px(x), frame.py(low)) for x, low, _ in reversed(edged) if low is not None]
    return element("path", d=path(upper + lower) + "Z", class_=f"band s{series.tint % TINTS}")


def _marks(series: Series, frame: _Frame) -> Markup:
    drawn = (_mark(point, series.tint % TINTS, frame) for point in series.points)
    return element("g", *drawn, class_=f"marks s{series.tint % TINTS}")


def _mark(point: Point, tint: int, frame: _Frame) -> Markup:
    x, y = frame.px(point.x), frame.py(point.y)
    kind = "mark strong" if point.strong else "mark"
    shape = _shape(tint, x, y, frame.mark * (1.4 if point.strong else 1), kind)
    reach = element("circle", cx=x, cy=y, r=10, class_="reach")
    return element("g", element("title", point.title), shape, reach)


def _shape(tint: int, x: float, y: float, size: float, kind: str) -> Markup:
    """Circle, square, triangle, diamond: a second way to tell lines apart."""
    match tint % 4:
        case 0:
            return element("circle", cx=x, cy=y, r=size, class_=kind)
        case 1:
            side = 1.8 * size
            return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side, class_=kind)
        case 2:
            corners = [
                (x, y - 1.25 * size),
                (x + 1.15 * size, y + 0.85 * size),
                (x - 1.15 * size, y + 0.85 * size),
            ]
        case _:
            reach = 1.3 * size
            corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    return element("path", d=path(corners) + "Z", class_=kind)


def _names(series: Sequence[Series], frame: _Frame) -> Iterable[Markup]:
    """Names at the lines' right ends, pushed apart where they would lie on each other."""
    named = [line for line in series if line.points and line.name]
    wanted = [frame.py(line.points[-1].y) for line in named]
    for line, y in zip(named, spread(wanted, LABEL_GAP, frame.top, frame.bottom), strict=True):
        name = clip(plain(line.name), LONGEST_NAME)
        yield element("text", name, x=frame.right + 9, y=y + 4, class_=f"name s{line.tint % TINTS}")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least `gap` apart and inside low..high where they fit at all."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = list(wanted)
    edge = low - gap
    for index in order:
        edge = places[index] = max(places[index], edge + gap)
    edge = high + gap
    for index in reversed(order):
        edge = places[index] = min(places[index], edge - gap)
    return places


def _multiples(low: float, high: float, step: float) -> tuple[tuple[float, str], ...]:
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    digits = max(0, -floor(log10(step) + 1e-9))
    texts = (f"{n * step:,.{digits}f}".replace("-", MINUS) for n in range(first, last + 1))
    return tuple(zip((n * step for n in range(first, last + 1)), texts, strict=True))


def _round_step(raw: float) -> float:
    if raw <= 0:
        return 1.0
    power = 10.0 ** floor(log10(raw))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw * (1 - 1e-9))


def _whisker(point: Point, tint: int, frame: _Frame) -> Markup:
    if point.low is None or point.high is None:
        return Markup()
    x = frame.px(point.x)
    ends = {"y1": frame.py(point.low), "y2": frame.py(point.high)}
    return element("line", x1=x, x2=x, **ends, class_=f"whisker s{tint % TINTS}")
