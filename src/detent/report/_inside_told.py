"""The sentences of the four sections that every generation has: layers, weights, lens, words."""

import re
from collections import Counter
from collections.abc import Mapping
from statistics import median

from msgspec import UNSET, Struct

from detent.report._inside_words import (
    figure,
    hundredths,
    layer,
    named,
    nats,
    percent,
    place,
    quoted,
    several,
    things,
)
from detent.report._words import count, rate
from detent.values.inside import Layers, Lens, Moved, Weights, Words

SAME = 5e-4
"""A similarity, or a share, that is nearer than this to nothing having changed reads so at three decimals."""

ROUNDING = 1e-6
"""Below it a change of weights, or nats, is what arithmetic in single precision leaves."""

OUTSTANDING = 1.25
"""What stands out is so many times the median of its kind, or more."""

AS_LARGE = 0.9
"""Share of a change's figure from which on a control's is called as large."""

ALONG = 0.3
"""Cosine from which on two changes are said to go in one direction."""

_BLOCK = re.compile(r"(?:^|\.)(?:layers|h|blocks|layer)\.(\d+)\.")


class Told(Struct, frozen=True):
    """A sentence; its figure again in few words; how large that is, to hold a control's against; and where it lies.

    size: 0 is no change. where: "" of a figure that lies nowhere. parts: sizes of a sentence that tells of several
    figures, which a control has to show each of.
    """

    sentence: str
    short: str
    size: float
    where: str = ""
    parts: tuple[float, ...] = ()

    def as_large(self, change: "Told") -> bool:
        """Whether this, a control's, is as large as the change that it stands beside; each part of it that is one."""
        if not change.size:
            return False
        sizes = change.parts or (change.size,)
        beside = self.parts if change.parts else (self.size,)
        return len(beside) == len(sizes) and all(
            other >= AS_LARGE * size for size, other in zip(sizes, beside, strict=True)
        )


def layers(found: Layers, _names: Mapping[str, str]) -> Told:
    """`block 3 is least like it was: CKA .71; block 2 of 4 is new`."""
    rows, deep = found.similarity, len(found.similarity[0]) if found.similarity else 0
    alike = [(rows[i][j], (i, j)) for i, j in found.matched]
    if not alike:
        return Told("no layer of the one corresponds to one of the other", "no layer corresponds", 0.0)
    least, pair = min(alike)
    most = max(alike)[0]
    short = f"{layer(pair)}, CKA {hundredths(least)}"
    tails = [
        f"{several(gone, many - 1)} {'is' if len(gone) == 1 else 'are'} {what}"
        for gone, many, what in (
            ([j for j in range(1, deep) if j not in {b for _, b in found.matched}], deep, "new"),
            ([i for i in range(1, len(rows)) if i not in {a for a, _ in found.matched}], len(rows), "gone"),
        )
        if gone
    ]
    if least >= 1 - SAME:
        said = f"no layer differs beyond rounding: CKA {rate(least)} at least"
    elif most - least < 0.01:  # noqa: PLR2004  alike at two decimals
        said = f"every layer is about as like what it was: CKA {hundredths(least)} to {hundredths(most)}"
    else:
        said = f"{layer(pair)} is least like it was: CKA {hundredths(least)}"
    return Told("; ".join([said, *tails]), short, 0.0 if least >= 1 - SAME else 1 - least, layer(pair))


def weights(found: Weights, _names: Mapping[str, str]) -> Told:
    """`layers.1.mlp.up_proj moved most, by 4.1 % of its norm, along about 6 directions, ...`."""
    tail = only_in_one(len(found.unmatched), "module")
    if not found.modules:
        return Told(f"the two have no module in common{tail}", "no module in common", 0.0)
    top = max(found.modules, key=lambda one: one.share)
    shares = [one.share for one in found.modules]
    short = f"{named(top.module)}, {percent(top.share)}"
    if not top.share:
        return Told(f"no weight moved{tail}", "no weight moved", 0.0)
    if top.share < ROUNDING:
        said = f"no weight moved beyond rounding: {figure(top.share)} of a module's norm at most"
        return Told(said + tail, short, 0.0)
    if len(shares) > 1 and top.share < OUTSTANDING * median(shares):
        said = (
            f"no module stands out: they moved by {percent(min(shares))} to {percent(top.share)} of their norm"
            f", {named(top.module)} most"
        )
    else:
        said = f"{named(top.module)}{_where(top.module)} moved most, by {percent(top.share)} of its norm"
    together = f"; all weights together by {percent(found.share)}" if len(shares) > 1 else ""
    return Told(f"{said}{_directions(top)}{together}{tail}", short, top.share, top.module)


def only_in_one(amount: int, noun: str) -> str:
    """A sentence's end: `; 3 heads are in one of the two only`; "" for none."""
    return (
        f"; {things(amount, noun)} {'is' if amount == 1 else 'are'} in one of the two only" if amount else ""
    )


def block_of(module: str) -> int | None:
    """The block that a module is of, from 1; None where its name does not say it."""
    found = _BLOCK.search(f"{module}.")
    return int(found[1]) + 1 if found else None


def lens(found: Lens, _names: Mapping[str, str]) -> Told:
    """`the two part first in block 2, at the answer's first place: KL .31 nats; most in block 3, ...: .62 nats`.

    They part where the divergence first is half of its most, layer by layer and there place by place.
    """
    cells = [
        (row, column, value)
        for row, values in enumerate(found.divergence)
        for column, value in enumerate(values)
        if found.counts[column]
    ]
    if not cells:
        return Told("there was no place to compare", "no place", 0.0)
    row, column, most = max(cells, key=lambda cell: cell[2])
    if most < ROUNDING:
        return Told("every layer would say the same: no divergence beyond rounding", "no divergence", 0.0)
    first = next(cell for cell in cells if cell[2] >= most / 2)
    where = layer(found.layers[first[0]])
    short = f"{where}, at most {nats(most)}"
    said = f"the two part first in {where}, at {place(first[1])}: KL {nats(first[2])} there"
    if (row, column) == first[:2]:
        return Told(f"{said}, the most anywhere", short, most, where)
    return Told(
        f"{said}; the most is {nats(most)}, in {layer(found.layers[row])} at {place(column)}",
        short,
        most,
        where,
    )


def words(found: Words, _names: Mapping[str, str]) -> Told:
    """`.120 of 400 places say another token; KL .31 nats; where they differ most, "4" became "3"`."""
    told = f"KL {nats(found.divergence)}"
    short = f"{rate(found.flips)} of the places, {told}"
    if not found.flips:
        if found.divergence < ROUNDING:
            return Told(
                f"none of {count(found.tokens)} places says another token, and no chance moved", short, 0.0
            )
        return Told(
            f"none of {count(found.tokens)} places says another token; {told}", short, found.divergence
        )
    said = f"{rate(found.flips)} of {count(found.tokens)} places say another token; {told}"
    pairs = Counter((one.before, one.after) for one in found.examples)
    if not pairs:
        return Told(said, short, found.flips)
    (before, after), times = pairs.most_common(1)[0]
    became = f"{quoted(before)} became {quoted(after)}"
    often_ = "twice" if times == 2 else f"{times} times"  # noqa: PLR2004  a word of its own
    often = f"of the {len(found.examples)} that differ most, {often_} {became}"
    return Told(f"{said}; {often if times > 1 else f'where they differ most, {became}'}", short, found.flips)


def _where(module: str) -> str:
    """Names count blocks from 0, and everything else here from 1."""
    number = block_of(module)
    return f" (block {number})" if number else ""


def _directions(top: Moved) -> str:
    along = top.along
    rank = "" if top.rank is UNSET else f", along about {things(max(1, round(top.rank)), 'direction')}"
    if along is UNSET:
        return rank
    way = "in the direction of" if along >= ALONG else "against" if along <= -ALONG else "across"
    return f"{rank}, {way} the earlier change (cosine {hundredths(along)})"
