"""Pictures of the sections that are made when people are asked: heads, probes, splices, patches."""

from collections.abc import Iterator, Mapping, Sequence

from detent.report import _inside_words as said
from detent.report import _words as words
from detent.report._inside_drawn import MOST_BARS
from detent.report.charts import Axis, Lines, Point, Rule, Series, axis, line_chart
from detent.report.figures import Figure
from detent.report.grids import Bars, Grid, Square, bars, grid
from detent.report.inside_tables import capped, pair_text
from detent.values.inside import Head, Heads, Patches, Probe, Probes, Splices

MOST_PATCHES = 24
FEW_PLACES = 8
"""So many have room for a token each under a grid."""

MOST_LINES = 5
"""Layers that are drawn of one trait; there are as many tints, and one for nothing else."""


def heads(found: Heads) -> Figure:
    most = max(one.moved for one in found.heads)
    blocks = sorted({one.blocks for one in found.heads})
    numbers = range(1, max(one.head for one in found.heads) + 1)
    by = {(one.blocks, one.head): one for one in found.heads}
    squares = tuple(
        tuple(
            _head_square(by[blocks_, head], most)
            if (blocks_, head) in by
            else Square(None, f"no head {head} in both")
            for head in numbers
        )
        for blocks_ in blocks
    )
    rows = (
        (pair_text(one.blocks), str(one.head), words.rate(one.moved), *map(said.figure, one.entropy))
        for one in found.heads
    )
    return Figure(
        "What heads look at",
        "How much of where each attention head looks is elsewhere now, 0 to 1, mean over "
        f"{words.number_of(found.places, 'place')}; full colour: {said.hundredths(most)}.",
        grid(
            Grid(
                f"How far {words.number_of(len(found.heads), 'head')} look elsewhere, {said.hundredths(most)} at most",
                tuple(map(pair_text, blocks)),
                tuple(map(str, numbers)),
                squares,
                "block",
                "head",
            )
        ),
        capped(("block", "head", "moved", "entropy before, nats", "after"), rows),
    )


def probes(found: Probes, names: Mapping[str, str]) -> Iterator[Figure]:
    """A picture a trait: models across, a line a layer."""
    shown = [names.get(digest, words.short(digest)) for digest in found.models]
    for trait in dict.fromkeys(one.trait for one in found.probes):
        lines = [one for one in found.probes if one.trait == trait]
        if any(accuracy is not None for one in lines for accuracy in one.accuracy):
            yield _probe(trait, lines, shown, found.prompts)


def splices(found: Splices) -> Figure:
    values = [share for one in found.parts for share in (one.carries, one.loses)]
    shown = found.parts
    if len(shown) > MOST_BARS:
        top = sorted(shown, key=lambda one: -max(one.carries, one.loses))[:MOST_BARS]
        shown = tuple(one for one in found.parts if one in top)
    rows = ((one.part, said.percent(one.carries), said.percent(one.loses)) for one in found.parts)
    return Figure(
        "Which part carries the gain",
        f"Of the gain of {said.nats(found.gain)} over {words.number_of(found.rows, 'row')}: what before has with this "
        "part of after (filled), and what after has not without it (hollow).",
        bars(
            Bars(
                f"Shares of the gain that {words.number_of(len(shown), 'part')} carry, and that are lost without",
                tuple(one.part for one in shown),
                tuple((_held(one.carries), _held(one.loses)) for one in shown),
                tuple(
                    f"{one.part}: carries {said.percent(one.carries)}, without it {said.percent(one.loses)} lost"
                    for one in shown
                ),
                axis("", [0.0, 1.0, *map(_held, values)], said.percent),
                names=("carried with it", "lost without it"),
            )
        ),
        capped(("part", "carries", "lost without it"), rows, numbers=1),
    )


def patches(found: Patches) -> Figure:
    top = sorted(found.patches, key=lambda one: -one.carries)[:MOST_PATCHES]
    shown = sorted(top, key=lambda one: (one.block, not one.head, one.head))
    wide = max(len(one.places) for one in found.patches)
    few = wide <= FEW_PLACES
    columns = ("all", *(_label(found.labels, n, short=True) if few else str(n + 1) for n in range(wide)))
    head = ("component", "all places", *(_label(found.labels, n, short=False) for n in range(wide)))
    most = max([one.carries for one in shown] + [share for one in shown for share in one.places] + [0.0])
    squares = tuple(
        tuple(
            _patch_square(one.said, column, share, most)
            for column, share in enumerate((one.carries, *one.places, *[None] * (wide - len(one.places))))
        )
        for one in shown
    )
    rows = (
        (
            one.said,
            said.percent(one.carries),
            *map(said.percent, one.places),
            *["-"] * (wide - len(one.places)),
        )
        for one in found.patches
    )
    some = (
        f" The {len(shown)} of {words.count(len(found.patches))} that carry most."
        if len(found.patches) > len(shown)
        else ""
    )
    return Figure(
        "Where the new skill sits",
        f"Share of the gain of {said.nats(found.gain)} that comes with one head's or MLP's output of after put into "
        f"before, at all places and at each alone, in percent; full colour: {said.percent(most)}.{some}",
        grid(
            Grid(
                f"Share of the gain of {words.number_of(len(shown), 'component')}, {said.percent(most)} at most",
                tuple(one.said for one in shown),
                columns,
                squares,
                "",
                "place",
            )
        ),
        capped(head, rows, numbers=1),
    )


def _head_square(one: Head, most: float) -> Square:
    was, now = one.entropy
    name = f"{said.block(one.blocks)} head {one.head}"
    title = f"{name}: {said.hundredths(one.moved)} elsewhere; entropy {said.nats(was)}"
    return Square(
        one.moved / most if most else 0.0, f"{title}, then {said.nats(now)}", said.hundredths(one.moved)
    )


def _probe(trait: str, lines: Sequence[Probe], models: Sequence[str], prompts: int) -> Figure:
    drawn = _spread(lines)
    every = -(-len(models) // 6)
    marks = tuple((float(n), words.clip(name, 12)) for n, name in enumerate(models) if n % every == 0)
    chance = max(one.chance for one in lines)
    series = tuple(
        Series(f"layer {one.layer}", _probe_points(one, models), tint, weight="thin")
        for tint, one in enumerate(drawn)
    )
    anew = Series("made anew", _anew_points(lines, models), len(drawn), weight="faint")
    chart = Lines(
        label=f"How well {trait} is read from {words.number_of(len(drawn), 'layer')}, by model",
        series=(*series, *([anew] if len(models) > 1 else ())),
        x=Axis("model", 0, max(len(models) - 1, 1), marks),
        y=axis("", (0.0, 1.0), lambda value: words.rate(value)[:-1]),
        rules=(Rule(chance, "chance"),),
        height=220.0,
    )
    rows = (
        (
            str(one.layer),
            *map(_share, one.accuracy),
            *map(_share, one.anew[1:]),
            words.rate(one.chance),
            words.rate(one.shuffled),
        )
        for one in lines
    )
    left_out = f" Drawn: {len(drawn)} of {len(lines)} layers." if len(drawn) < len(lines) else ""
    return Figure(
        f"What can be read: {said.named(trait)}",
        f"Share of {words.number_of(prompts, 'prompt')} at which a straight line, fitted on the first model and never "
        f"again, reads it; made anew: the best that lines fitted on each model read.{left_out}",
        line_chart(chart),
        capped(("layer", *models, *(f"{one}, anew" for one in models[1:]), "chance", "shuffled"), rows),
    )


def _spread(lines: Sequence[Probe]) -> list[Probe]:
    """So many layers as can be told apart, evenly, with the first and the last."""
    if len(lines) <= MOST_LINES:
        return list(lines)
    places = sorted({round(n * (len(lines) - 1) / (MOST_LINES - 1)) for n in range(MOST_LINES)})
    return [lines[place] for place in places]


def _probe_points(one: Probe, models: Sequence[str]) -> tuple[Point, ...]:
    return tuple(
        Point(n, accuracy, f"layer {one.layer}, {models[n]}: {words.rate(accuracy)}")
        for n, accuracy in enumerate(one.accuracy)
        if accuracy is not None
    )


def _anew_points(lines: Sequence[Probe], models: Sequence[str]) -> tuple[Point, ...]:
    """Of each model the layer from which a line that was fitted on it reads best."""
    found = []
    for n, model in enumerate(models):
        known = [(share, one.layer) for one in lines if (share := one.anew[n]) is not None]
        if known:
            share, layer = max(known)
            found.append(Point(n, share, f"made anew, {model}: {words.rate(share)} from layer {layer}"))
    return tuple(found)


def _held(share: float) -> float:
    """Inside of what is drawn: of a gain near nothing a share can be any number."""
    return min(max(share, -1.0), 2.0)


def _label(labels: Sequence[str], place: int, *, short: bool) -> str:
    """A place's number with its token; under a cell as much of the token as has room there, or else the number."""
    if place >= len(labels):
        return str(place + 1)
    return said.quoted(labels[place], 4)[1:-1] if short else f"{place + 1} {said.quoted(labels[place])}"


def _patch_square(name: str, column: int, share: float | None, most: float) -> Square:
    where = f"place {column}" if column else "all places"
    if share is None:
        return Square(None, f"{name}, {where}: not tried")
    return Square(
        share / most if most > 0 else 0.0, f"{name}, {where}: {said.percent(share)}", said.percent(share)[:-2]
    )


def _share(value: float | None) -> str:
    return "-" if value is None else words.rate(value)
