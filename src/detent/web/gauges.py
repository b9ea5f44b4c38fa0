"""Small pictures of how much is used or how far something is from its limit: leases, error budget, tripwires."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from detent.report import Story
from detent.report.shown import count, element, number_of, path, picture, small
from detent.values import Reading, State, Watched, live
from detent.web.index import Measured, Note

WIDE, HIGH = 240.0, 8.0
SPARK_WIDE, SPARK_HIGH = 150.0, 30.0
MOST_SPARKED = 60
"""Generations of a tripwire's small picture; its own page has all."""

NEAR = 0.8
"""Share of what was granted from which on a gauge says that it runs out."""


class Gauge(NamedTuple):
    """How much of something is used. value: in words."""

    name: str
    value: str
    note: str
    drawing: Markup


class Wire(NamedTuple):
    """A tripwire's newest reading, and a small picture of those before. action: of its charter, where it fired."""

    name: str
    generation: int
    reading: Reading
    action: str
    statistic: str
    limit: str
    spark: Markup


def gauges(story: Story, now: str) -> tuple[Gauge, ...]:
    """Of the lease that pays for the next generation, and of the error budget."""
    return (*_lease(story.state, now), *_error_budget(story))


def _lease(state: State, now: str) -> Iterator[Gauge]:
    paying = live(state.grants, now) or (state.grants[-1] if state.grants else None)
    if paying is None:
        return
    left = f"{count(paying.left)} of {count(paying.generations)} left"
    yield _gauge("Lease, generations", paying.spent / paying.generations, left, f"lease {paying.number}")
    used = f"{paying.used:.3g} of {paying.petaflop:.3g} PFLOP used"
    yield _gauge(
        "Lease, compute",
        paying.used / paying.petaflop if paying.petaflop else 1.0,
        used,
        f"lease {paying.number}",
    )
    begun, ends, here = _seconds(paying.granted), _seconds(paying.expires), _seconds(now)
    if ends is None or here is None:
        return
    over = here >= ends
    share = 1.0 if over else (here - begun) / (ends - begun) if begun is not None and ends > begun else 0.0
    left = "expired" if over else f"{_duration(ends - here)} left"
    yield _gauge("Lease, time", share, left, f"until {paying.expires}")


def _error_budget(story: Story) -> Iterator[Gauge]:
    total = story.budget
    if total is not None:
        spent = story.state.alpha_spent
        value = f"{small(spent)} of {small(total)} spent"
        yield _gauge("Error budget", spent / total, value, number_of(len(story.openings), "opening"))


def _gauge(name: str, share: float, value: str, note: str) -> Gauge:
    share = min(max(share, 0.0), 1.0)
    kind = "filled full" if share >= 1 else "filled near" if share >= NEAR else "filled"
    drawing = picture(
        WIDE,
        HIGH,
        f"{name}: {value}",
        element("rect", x=0, y=0, width=WIDE, height=HIGH, rx=2, class_="track"),
        element("rect", x=0, y=0, width=share * WIDE, height=HIGH, rx=2, class_=kind),
        class_="gauge",
    )
    return Gauge(name, value, note, drawing)


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return None


def _duration(seconds: float) -> str:
    hours, minutes = int(seconds // 3600), int(seconds // 60 % 60)
    if hours >= 48:  # noqa: PLR2004  two days
        return number_of(hours // 24, "day")
    return f"{hours} h {minutes:02} min"


def wires(story: Story, notes: Sequence[Note]) -> tuple[Wire, ...]:
    """Every tripwire that was read lately: those whose newest reading fired first, then by name."""
    seen = [note for note in notes[-MOST_SPARKED:] if note.measured]
    histories: dict[str, list[tuple[int, Measured]]] = {}
    for note in seen:
        for one in note.measured:
            histories.setdefault(one.wire, []).append((note.generation, one))
    found = [_wire(story, name, history) for name, history in histories.items()]
    return tuple(sorted(found, key=lambda wire: (not wire.reading.fired, wire.name)))


def _wire(story: Story, name: str, history: Sequence[tuple[int, Measured]]) -> Wire:
    generation, _ = history[-1]
    reading, action = reading_of(story, generation, name)
    spark = _spark(name, history)
    return Wire(name, generation, reading, action, number(reading.statistic), number(reading.limit), spark)


def reading_of(story: Story, generation: int, name: str) -> tuple[Reading, str]:
    """What a tripwire said in a generation that it was read in, and what the charter makes of it where it fired."""
    watched = story.written[generation]["watch/v1"]
    assert isinstance(watched, Watched)  # noqa: S101  the slot's own kind
    reading = next(one for one in watched.readings if one.wire == name)
    return reading, watched.actions.get(name, "")


def number(value: float | None) -> str:
    """A statistic, to three digits."""
    return "-" if value is None else f"{value:.3g}"


def _spark(name: str, history: Sequence[tuple[int, Measured]]) -> Markup:
    """The statistic over generations, its limit dashed, and a dot where it fired."""
    seen = [(at, one.statistic, one.limit, one.fired) for at, one in history if one.statistic is not None]
    if not seen:
        return Markup()
    values = [value for _, value, _, _ in seen] + [limit for _, _, limit, _ in seen if limit is not None]
    low, high = min(values), max(values)
    first, last = seen[0][0], seen[-1][0]

    def at(generation: int, value: float) -> tuple[float, float]:
        x = 4 + (SPARK_WIDE - 8) * ((generation - first) / (last - first) if last > first else 0.5)
        y = SPARK_HIGH - 4 - (SPARK_HIGH - 8) * ((value - low) / (high - low) if high > low else 0.5)
        return x, y

    limits = [at(generation, limit) for generation, _, limit, _ in seen if limit is not None]
    line = [at(generation, value) for generation, value, _, _ in seen]
    fired = [at(generation, value) for generation, value, _, did in seen if did]
    return picture(
        SPARK_WIDE,
        SPARK_HIGH,
        f"{name}: {number_of(len(seen), 'measurement')}, {number(min(v for _, v, _, _ in seen))} to "
        f"{number(max(v for _, v, _, _ in seen))}, fired {len(fired)} times",
        *([element("path", d=path(_wide(limits)), class_="rule")] if limits else []),
        element("path", d=path(_wide(line)), class_="line s0 thin"),
        *(element("circle", cx=x, cy=y, r=2.6, class_="alarm") for x, y in fired),
        class_="spark",
    )


def _wide(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A line that can be seen where there is a single point."""
    (x, y), *more = points
    return points if more else [(x - 6, y), (x + 6, y)]
