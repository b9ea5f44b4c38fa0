"""What 1, 10, 100 and 1000 GPUs would give: the tables and the picture of docs/scale.md, worked out, not measured.

    scale.py                                 Markdown; a minute
    scale.py --picture docs/scale.svg        and the picture

No GPU is used. Every phase that the formula places is also simulated event by event, with jobs that are equal and with
jobs that are not.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random

from msgspec import structs

from detent.report.charts import Axis, Lines, Point, Series, line_chart
from detent.sizing.scale import Answering, Cluster, Learner, Training, Way, place
from detent.sizing.scale_gain import Screened, beyond_chance
from detent.sizing.scale_work import EIGHT_BILLION, HOUR, LEARNERS, Generation, Work, generation, knee, phases
from detent.testing.cluster import simulated_in_order

SIZES = (1, 10, 100, 1000)
SEARCHED = (*range(1, 33), *range(48, 257, 16), *range(288, 513, 32))
DOUBLINGS = tuple(1 << power for power in range(9))
WAYS: tuple[Way, ...] = ("today", "cut", "spread")
DRAWN = tuple(round(10 ** (step / 8)) for step in range(25))  # 1 to 1000
CANDIDATES = (1, 2, 4, 8, 16, 32, 64, 128)
USUAL = 4
JITTER = 0.1  # standard deviation of the logarithm of a job's time
MINUTE = 60.0
POINTS = 100  # of a ladder of 1
SCREENED = Screened()


def main() -> None:
    """Print Markdown, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    for table in (times, stops, parts, savings, choices, best_choices, outlooks, doubts):
        print("\n".join(table()), end="\n\n", flush=True)
    if options.picture:
        options.picture.write_text(picture(), encoding="utf-8")


@cache
def placed(learner: Learner, candidates: int, gpus: int, way: Way = "spread") -> Generation | None:
    """A generation of the usual work."""
    return generation(learner, Work(candidates=candidates), Cluster(gpus=gpus, way=way))


@cache
def gains(rungs: tuple[int, ...] = Work().rungs, steps: int = Work().steps) -> dict[int, float]:
    """Points of the ladder a generation, by candidates."""
    found = beyond_chance(CANDIDATES, SCREENED, [rung / steps for rung in rungs])
    return dict(zip(CANDIDATES, (POINTS * gain for gain in found), strict=True))


def times() -> Iterator[str]:
    """Time and cost of a generation with the usual number of candidates."""
    yield "| model | GPUs | today | answers cut | all spread | times as fast | GPU-hours | busy | jobs unlike |"
    yield "|---" * 9 + "|"
    for learner in LEARNERS:
        first = fewest(learner)
        for size in SIZES:
            found = placed(learner, USUAL, size)
            ways = [placed(learner, USUAL, size, way) for way in WAYS]
            cells = [learner.name, f"{size:,}", *map(_time, ways)]
            if found is None:
                yield f"| {' | '.join([*cells, *[''] * 4])} |"
                continue
            unlike = simulated_in_order(found.phases, _slower(size))
            cells += [
                f"{first.seconds / found.seconds:.1f}",
                f"{found.gpu_hours:.3g}",
                f"{found.busy:.0%}",
                f"{unlike.seconds / found.seconds - 1:+.0%}",
            ]
            yield f"| {' | '.join(cells)} |"


def stops() -> Iterator[str]:
    """How many GPUs it takes at the least, and from how many on a share of time costs more than its share of money."""
    yield "| model | candidates | fewest GPUs | stops paying at, today | answers cut | all spread |"
    yield "|---" * 6 + "|"
    for learner in LEARNERS:
        for number in (1, USUAL, 16, 64):
            ends = [knee(learner, Work(candidates=number), SEARCHED, Cluster(1, way)) for way in WAYS]
            cells = [
                f"{fewest(learner).gpus}",
                *("does not fit" if end is None else f"{end}" for end in ends),
            ]
            yield f"| {learner.name} | {number} | {' | '.join(cells)} |"


@cache
def fewest(learner: Learner) -> Generation:
    """On as few GPUs as it takes."""
    return next(one for size in SEARCHED if (one := placed(learner, USUAL, size)) is not None)


def parts() -> Iterator[str]:
    """Where the seconds are, on one GPU or the fewest, and on a thousand."""
    groups = {
        "rungs": ("rung",),
        "labels": ("labels",),
        "training": ("training", "freezing"),
        "preferences": ("preferences",),
        "gate": ("gate",),
        "profiles, watching, fresh": ("profiles", "watching", "fresh"),
        "overseeing": ("overseeing",),
    }
    yield f"| model, GPUs | {' | '.join(groups)} | of all, fetching |"
    yield "|---" * (len(groups) + 2) + "|"
    for learner in LEARNERS:
        for size in SIZES:
            if (found := placed(learner, USUAL, size)) is not None:
                cells = [f"{found.seconds_of(*names):,.0f}" for names in groups.values()]
                cells.append(f"{sum(one.fetching for one in found.phases):,.0f}")
                yield f"| {learner.name}, {size:,} | {' | '.join(cells)} |"


def savings() -> Iterator[str]:
    """What trials that go on from rung to rung would save, in time and so in GPU-hours."""
    yield "| model | GPUs | rungs, seconds | training goes on | and labels are kept | of a generation |"
    yield "|---" * 6 + "|"
    for learner in LEARNERS:
        for size in SIZES:
            if (found := placed(learner, USUAL, size)) is not None:
                training, labels = _saved(learner, size)
                cells = [f"{-spared:,.0f}" for spared in (training, training + labels)]
                cells.append(f"{-(training + labels) / found.seconds:.0%}")
                yield (
                    f"| {learner.name} | {size:,} | {found.seconds_of('rung'):,.0f} | {' | '.join(cells)} |"
                )


def _saved(learner: Learner, size: int) -> tuple[float, float]:
    """Seconds of the rungs after the first: of steps that a trial has behind it, and of labels that it has."""
    cluster, before, training, labels = Cluster(size), 0, 0.0, 0.0
    for phase in phases(learner, Work(candidates=USUAL), cluster):
        if not phase.name.startswith("rung"):
            continue
        whole = place(phase, learner, cluster)
        if isinstance(phase, Training):
            onward = place(structs.replace(phase, steps=phase.steps - before), learner, cluster)
            training += whole.seconds - onward.seconds if whole and onward else 0.0
            before = phase.steps
        elif isinstance(phase, Answering) and phase.name.endswith("labels") and before and whole:
            labels += whole.seconds
    return training, labels


def choices(learner: Learner = EIGHT_BILLION) -> Iterator[str]:
    """What one more doubling of the candidates brings and costs."""
    yield f"| candidates ({learner.name}) | points a generation | {' | '.join(_heads())} |"
    yield "|---" * (2 + len(_heads())) + "|"
    before = 0
    for number in CANDIDATES:
        cells = [f"{gains()[number]:.2f}"]
        for size in (10, 1000):
            found = placed(learner, number, size)
            cells += [f"{found.gpu_hours:.3g}", _more(learner, before, number, size)] if found else ["-", "-"]
        yield f"| {number} | {' | '.join(cells)} |"
        before = number


def _heads() -> list[str]:
    return [f"{size:,} GPUs: {what}" for size in (10, 1000) for what in ("GPU-hours", "points a further one")]


def _more(learner: Learner, before: int, number: int, size: int) -> str:
    """Points for each GPU-hour more than with fewer candidates; of the first, for each at all."""
    now = placed(learner, number, size)
    then = placed(learner, before, size) if before else None
    if now is None:
        return "-"
    points, hours = gains()[number], now.gpu_hours
    if then is not None:
        points, hours = points - gains()[before], hours - then.gpu_hours
    return f"{points / hours:.3g}"


def best_choices() -> Iterator[str]:
    """How many candidates give most an hour, and most a GPU-hour."""
    yield "| model | GPUs | candidates for most points an hour | points an hour | points a GPU-hour |"
    yield "|---|---|---|---|---|"
    for learner in LEARNERS:
        for size in SIZES:
            rates = {number: _rates(learner, number, size) for number in CANDIDATES}
            known = {number: rate for number, rate in rates.items() if rate is not None}
            if known:
                number = max(known, key=lambda number: known[number])
                yield (
                    f"| {learner.name} | {size:,} | {number} | {known[number]:.3g} | {known[number] / size:.3g} |"
                )


def outlooks(learner: Learner = EIGHT_BILLION) -> Iterator[str]:
    """The best number of candidates, by what they are like: what the answer hangs on most."""
    yield f"| mean gain | spread | {' | '.join(map(_gpus, SIZES))} |"
    yield "|---" * (2 + len(SIZES)) + "|"
    for mean, spread in ((0.048, 0.025), (0.048, 0.0125), (0.012, 0.025), (0.0, 0.025)):
        rungs = [rung / Work().steps for rung in Work().rungs]
        found = beyond_chance(CANDIDATES, Screened(mean=mean, spread=spread), rungs)
        best = []
        for size in SIZES:
            rates = {}
            for number, gain in zip(CANDIDATES, found, strict=True):
                if (one := placed(learner, number, size)) is not None:
                    rates[number] = gain / one.seconds
            best.append(str(max(rates, key=lambda number, rates=rates: rates[number])))
        yield f"| {POINTS * mean:.1f} | {POINTS * spread:.2g} | {' | '.join(best)} |"


def doubts(learner: Learner = EIGHT_BILLION) -> Iterator[str]:
    """What becomes of it when an assumed constant is half as large, or twice."""
    yield "| constant | minutes on 1,000 GPUs: half, as assumed, twice | stops paying at: half, as assumed, twice |"
    yield "|---|---|---|"
    of_card = ("share", "bandwidth", "link", "network", "message", "training", "writing")
    for name in (*of_card, "start", "store", "reader", "overseeing"):
        minutes, ends = [], []
        for times_as_much in (0.5, 1.0, 2.0):
            base = Cluster(1000)
            whole = base.card if name in of_card else base
            changed = structs.replace(whole, **{name: times_as_much * getattr(whole, name)})
            cluster = changed if isinstance(changed, Cluster) else structs.replace(base, card=changed)
            found = generation(learner, Work(candidates=USUAL), cluster)
            minutes.append(f"{found.seconds / MINUTE:.1f}" if found else "-")
            ends.append(f"{knee(learner, Work(candidates=USUAL), DOUBLINGS, cluster)}")
        yield f"| {name} | {', '.join(minutes)} | {', '.join(ends)} |"


def _rates(learner: Learner, number: int, size: int) -> float | None:
    found = placed(learner, number, size)
    return None if found is None else gains()[number] / (found.seconds / HOUR)


def _slower(seed: int) -> Callable[[int], float]:
    chance = Random(seed)  # noqa: S311  no secret
    return lambda _: math.exp(chance.gauss(0.0, JITTER))


def _gpus(size: int) -> str:
    return f"{size:,} GPU{'s' * (size > 1)}"


def _time(found: Generation | None) -> str:
    if found is None:
        return "does not fit"
    return f"{found.seconds / MINUTE:.1f} min"


def picture() -> str:
    """Time by GPUs, and points an hour by candidates: two charts, one under the other."""
    upper, lower = str(line_chart(_times_drawn())), str(line_chart(_points_drawn()))
    wide, high = 640, 2 * 376
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
        f'<rect width="{wide}" height="{high}" fill="#fff"/>{_at(upper, 0)}{_at(lower, 376)}'
        f"<style>{STYLE}</style></svg>\n"
    )


def _at(chart: str, top: int) -> str:
    return chart.replace("<svg ", f'<svg x="0" y="{top}" width="640" height="376" ', 1)


def _times_drawn() -> Lines:
    title = f"minutes a generation, {USUAL} candidates; dashed: as Detent works today"
    series = []
    for tint, learner in enumerate(LEARNERS):
        stops = knee(learner, Work(candidates=USUAL), SEARCHED, Cluster(1)) or 0
        sizes = sorted({*DRAWN, stops, fewest(learner).gpus})
        series += [
            Series(learner.name, tuple(_times_of(learner, sizes, "spread", stops)), tint),
            Series("", tuple(_times_of(learner, sizes, "today", 0)), tint, marks=False, weight="thin"),
        ]
    return Lines(
        f"{title}, by number of GPUs",
        tuple(series),
        x=Axis(
            "GPUs; full mark: where it stops paying",
            -0.1,
            3.05,
            tuple((math.log10(size), f"{size:,}") for size in SIZES),
        ),
        y=Axis(
            title,
            0,
            2.3,
            tuple((math.log10(minutes), f"{minutes}") for minutes in (1, 2, 5, 10, 20, 50, 100)),
        ),
    )


def _times_of(learner: Learner, sizes: Sequence[int], way: Way, stops: int) -> Iterator[Point]:
    for size in sizes:
        if (found := placed(learner, USUAL, size, way)) is not None:
            minutes = found.seconds / MINUTE
            words = f"{learner.name}, {size:,} GPUs: {minutes:.1f} min, {found.gpu_hours:.3g} GPU-hours"
            yield Point(math.log10(size), math.log10(minutes), words, strong=size == stops)


def _points_drawn() -> Lines:
    title = f"points of the ladder an hour, {EIGHT_BILLION.name}"
    series, top = [], 0.0
    for tint, size in enumerate(SIZES):
        rates = {number: _rates(EIGHT_BILLION, number, size) or 0.0 for number in CANDIDATES}
        best = max(rates, key=lambda number: rates[number])
        top = max(top, *rates.values())
        points = (
            Point(
                math.log2(number),
                math.log10(rate),
                f"{size:,} GPUs, {number} candidates: {rate:.3g} points an hour",
                strong=number == best,
            )
            for number, rate in rates.items()
        )
        series.append(Series(_gpus(size), tuple(points), tint))
    steps = tuple((math.log10(value), f"{value}") for value in (1, 3, 10, 30, 100, 300) if value <= 2 * top)
    return Lines(
        f"{title}, by number of candidates, on 1 to 1000 GPUs",
        tuple(series),
        x=Axis(
            "candidates; full mark: most points",
            -0.2,
            7.2,
            tuple((math.log2(number), f"{number}") for number in CANDIDATES),
        ),
        y=Axis(title, -0.2, steps[-1][0], steps),
    )


STYLE = """
svg { font: 12px sans-serif; color: #1f5f99; font-variant-numeric: tabular-nums }
text { fill: #444 } .middle { text-anchor: middle } .end { text-anchor: end }
.s0 { color: #1f5f99 } .s1 { color: #b3541e } .s2 { color: #3a7d44 } .s3 { color: #7a3e9d }
.name { fill: currentColor; font-weight: 600 }
.grid { stroke: #e5e5e5 } .base { stroke: #888 } .line { fill: none; stroke: currentColor; stroke-width: 2 }
.thin { stroke-width: 1.2; stroke-dasharray: 5 4 }
.mark { fill: #fff; stroke: currentColor; stroke-width: 1.5 } .strong { fill: currentColor } .reach { fill: none }
"""

if __name__ == "__main__":
    main()
