"""Pictures of the sections that every generation has: how alike layers are, how far weights moved, where they part."""

from collections.abc import Sequence

from msgspec import UNSET

from detent.report import _inside_words as said
from detent.report import _words as words
from detent.report._inside_told import block_of
from detent.report.charts import axis
from detent.report.figures import Figure, Table
from detent.report.grids import Bars, Grid, Square, bars, grid, group_starts
from detent.report.inside_tables import capped, pair_text
from detent.values.inside import Layers, Lens, Moved, Weights

MOST_BARS = 40
"""Bars in one picture; of more modules, the one of each block that moved most."""


def layers(found: Layers) -> Figure:
    matched = set(found.matched)
    rows = tuple(str(i) for i in range(len(found.similarity)))
    columns = tuple(str(j) for j in range(len(found.similarity[0])))
    squares = tuple(
        tuple(
            Square(
                value,
                f"layer {i} before, layer {j} after: CKA {said.hundredths(value)}"
                f"{', matched' if (i, j) in matched else ''}",
                said.hundredths(value),
                outlined=(i, j) in matched,
            )
            for j, value in enumerate(values)
        )
        for i, values in enumerate(found.similarity)
    )
    label = f"CKA of {len(rows)} layers before with {len(columns)} after; {len(matched)} pairs matched"
    table = (
        (
            str(i),
            *(f"{words.rate(value)}{'*' if (i, j) in matched else ''}" for j, value in enumerate(values)),
        )
        for i, values in enumerate(found.similarity)
    )
    return Figure(
        "How alike layers are",
        "Debiased linear CKA of each layer before with each after, on the same texts; full colour is 1. Outlined, and "
        "starred in the table: matched layers. Layer 0 is the embedding; block n ends in layer n.",
        grid(Grid(label, rows, columns, squares, "layer before", "layer after")),
        Table(("before", *columns), tuple(table)),
    )


def weights(found: Weights) -> Figure:
    shown = _shown(found.modules)
    groups = [_group(one.module) for one in shown]
    most = max(one.share for one in shown)
    label = (
        f"How far {words.number_of(len(shown), 'module')} moved, {said.percent(most)} of their norm at most"
    )
    whole = len(shown) == len(found.modules)
    caption = "|after - before| / |before| of each module's weights, and at the right the effective rank of the change."
    if not whole:
        caption += (
            f" Of {words.count(len(found.modules))} modules each block's that moved most, after its number."
        )
    rows = (
        (
            one.module,
            said.percent(one.share),
            "-" if one.rank is UNSET else said.figure(one.rank),
            said.percent(one.top[0] ** 2) if one.top else "-",
            "-" if one.along is UNSET else said.hundredths(one.along),
        )
        for one in found.modules
    )
    head = ("module", "moved by", "rank", "first direction's energy", "cosine with the earlier change")
    return Figure(
        "How far weights moved",
        caption,
        bars(
            Bars(
                label,
                tuple(_rest(one.module) if whole else _short(one.module) for one in shown),
                tuple((100 * one.share,) for one in shown),
                tuple(_module_title(one) for one in shown),
                axis("", [0.0, 100 * most or 1.0], lambda value: said.percent(value / 100)),
                notes=tuple("" if one.rank is UNSET else f"rank {said.figure(one.rank)}" for one in shown),
                groups=group_starts(groups) if whole else (),
            )
        ),
        capped(head, rows, numbers=1),
    )


def lens(found: Lens) -> Figure:
    most = max((max(row, default=0.0) for row in found.divergence), default=0.0)
    rows = tuple(pair_text(pair) for pair in found.layers)
    columns = tuple(str(place + 1) for place in range(len(found.counts)))
    squares = tuple(
        tuple(
            Square(
                (value / most if most else 0.0) if found.counts[place] else None,
                f"{said.layer(pair)}, {said.place(place)}: KL {said.nats(value)} "
                f"over {words.number_of(found.counts[place], 'text')}",
                said.figure(value),
            )
            for place, value in enumerate(values)
        )
        for pair, values in zip(found.layers, found.divergence, strict=True)
    )
    table = (
        (pair_text(pair), *map(said.figure, values))
        for pair, values in zip(found.layers, found.divergence, strict=True)
    )
    return Figure(
        "Where they part",
        "KL of what a layer would say if it were the last, after from before, in nats, by place of the answer; "
        f"full colour: {said.nats(most)}.",
        grid(
            Grid(
                f"Divergence of {len(rows)} layers at {len(columns)} places, {said.nats(most)} at most",
                rows,
                columns,
                squares,
                "layer",
                "place of the answer",
            )
        ),
        capped(("layer", *columns), (*table, ("texts", *map(words.count, found.counts)))),
    )


def _shown(modules: Sequence[Moved]) -> list[Moved]:
    if len(modules) <= MOST_BARS:
        return list(modules)
    best: dict[str, Moved] = {}
    for one in modules:
        group = _group(one.module)
        if group not in best or one.share > best[group].share:
            best[group] = one
    ranked = sorted(best.values(), key=lambda one: -one.share)[:MOST_BARS]
    return [one for one in modules if one in ranked][:MOST_BARS]


def _group(module: str) -> str:
    number = block_of(module)
    return f"block {number}" if number else "outside of blocks"


def _rest(module: str) -> str:
    """A module's name without what its group says, and its end where it is long."""
    number = block_of(module)
    name = words.plain(module)
    rest = name.partition(f".{number - 1}.")[2] if number else name
    rest = rest.removesuffix(".weight") or name
    return rest if len(rest) <= 20 else "…" + rest[-19:]  # noqa: PLR2004  what fits at the left of a bar


def _short(module: str) -> str:
    """With its block's number, where no group says it."""
    number = block_of(module)
    return f"{number} {_rest(module)}" if number else _rest(module)


def _module_title(one: Moved) -> str:
    rank = "" if one.rank is UNSET else f", effective rank {said.figure(one.rank)}"
    along = "" if one.along is UNSET else f", cosine {said.hundredths(one.along)} with the earlier change"
    return f"{one.module}: {said.percent(one.share)}{rank}{along}"
