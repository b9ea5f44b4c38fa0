"""The sentences of the five sections that are made when people are asked: heads, probes, splices, tokens, patches."""

from collections.abc import Callable, Mapping, Sequence
from math import fsum, sqrt
from statistics import median

from detent.report._inside_told import OUTSTANDING, ROUNDING, SAME, Told, only_in_one
from detent.report._inside_words import (
    block,
    hundredths,
    layer,
    named,
    nats,
    percent,
    quoted,
    things,
    token_list,
)
from detent.values.inside import Heads, Patch, Patches, Probe, Probes, Said, Splices, Tokens

NO_GAIN = 0.01
"""Nats a row: of less, or of a loss, shares would be shares of nothing."""

NOTHING = 0.1
"""A part that carries less than this share does not carry the gain."""

MARGIN = 0.05
"""By so much a reading must be ahead of what a straight line finds in shuffled classes."""

ERRORS = 3
"""And by so many standard errors of as many prompts: the best of several layers is looked for."""

MOST_TRAITS = 4


def heads(found: Heads, _names: Mapping[str, str]) -> Told:
    """`block 2 head 3 moved most: .41 of where it looks; the entropy of that went from 1.3 to .62 nats`."""
    tail = only_in_one(found.unmatched, "head")
    if not found.heads:
        return Told(f"there was no head to compare{tail}", "no head", 0.0)
    top = max(found.heads, key=lambda one: one.moved)
    moved = [one.moved for one in found.heads]
    name = f"{block(top.blocks)} head {top.head}"
    short = f"{name}, {hundredths(top.moved)}"
    if top.moved < SAME:
        return Told(f"every head looks where it looked{tail}", "no head moved", 0.0)
    if len(moved) > 1 and top.moved < OUTSTANDING * median(moved):
        low, high = hundredths(min(moved)), hundredths(top.moved)
        said = f"no head stands out: {low} to {high} of where they look moved, in {name} most"
        return Told(said + tail, short, top.moved, name)
    was, now = top.entropy
    said = f"{name} moved most: {hundredths(top.moved)} of where it looks; "
    return Told(f"{said}its entropy went from {nats(was)} to {nats(now)}{tail}", short, top.moved, name)


def probes(found: Probes, names: Mapping[str, str]) -> Told:
    """`level is read from block 2 at .93 (chance .07), .91 in generation 0`."""
    traits = list(dict.fromkeys(one.trait for one in found.probes))
    if not traits:
        return Told("there was nothing to read", "nothing to read", 0.0)
    first = names.get(found.models[0], "the first model") if found.models else "the first model"
    each = [
        _trait([one for one in found.probes if one.trait == trait], first, found.prompts)
        for trait in traits[:MOST_TRAITS]
    ]
    more = [f"and {things(len(traits) - MOST_TRAITS, 'trait')} more"] if len(traits) > MOST_TRAITS else []
    return Told(
        "; ".join([*(one.sentence for one in each), *more]),
        ", ".join(one.short for one in each),
        max(one.size for one in each),
        parts=tuple(one.size for one in each),
    )


def _trait(lines: Sequence[Probe], first: str, prompts: int) -> Told:
    """What the first model's reading reads now; where it fails, whether one that is made anew still does."""
    name = named(lines[0].trait)
    then, made = _best(lines, lambda one: one.accuracy[0])
    now, latest = _best(lines, lambda one: one.anew[-1])
    if made is None or latest is None:
        return Told(f"{name} was read from no layer: too little is known of it", f"{name} unknown", 0.0)
    chance = f"chance {hundredths(made.chance)}, shuffled {hundredths(made.shuffled)}"
    kept, moved = made.accuracy[-1], 0.0 if len(made.accuracy) == 1 else abs(then - now)
    short = f"{name} {hundredths(now)}"
    if kept is not None and kept >= _least(made, prompts):
        before = "" if len(made.accuracy) == 1 else f", {hundredths(then)} in {first}"
        return Told(
            f"{name} is read from {_layer(made)} at {hundredths(kept)} ({chance}){before}", short, moved
        )
    anew = f"{hundredths(now)} from {_layer(latest)} by a reading made anew"
    if then < _least(made, prompts):
        if now < _least(latest, prompts):
            return Told(f"{name} is not read: {anew} ({chance})", short, 0.0)
        return Told(f"{name} is read only now: {anew} ({chance})", short, moved)
    lost = f"{first}'s reading of {_layer(made)} got {hundredths(then)} there, and now {_accuracy(kept)} ({chance})"
    if now < _least(latest, prompts):
        return Told(f"{name} is no longer read: {lost}, and {anew}", short, moved)
    return Told(f"{name} is written in another way: {lost}; {anew}", short, moved)


def _best(lines: Sequence[Probe], accuracy: Callable[[Probe], float | None]) -> tuple[float, Probe | None]:
    """The line that is furthest above its control."""
    known = [(found, one) for one in lines if one.accuracy and (found := accuracy(one)) is not None]
    return max(known, key=lambda pair: pair[0] - pair[1].shuffled, default=(0.0, None))


def _least(probe: Probe, prompts: int) -> float:
    """An accuracy beneath which nothing is read: noise gets there."""
    floor = max(probe.chance, probe.shuffled)
    return floor + max(MARGIN, ERRORS * sqrt(floor * (1 - floor) / max(1, prompts)))


def _accuracy(found: float | None) -> str:
    return "nothing, since there is no such layer" if found is None else hundredths(found)


def splices(found: Splices, _names: Mapping[str, str]) -> Told:
    """`block 2 carries 81 % of the gain on 40 rows, and without it 77 % are lost`."""
    if found.gain < NO_GAIN or not found.parts:
        return _no_gain(found.gain, found.rows)
    top = max(found.parts, key=lambda one: one.carries)
    needed = max(found.parts, key=lambda one: one.loses)
    short = f"{named(top.part)}, {percent(top.carries)}"
    gain = _gain(found.rows)
    if top.carries < NOTHING:
        said = f"no part carries {gain} by itself: {named(top.part)} most, {percent(top.carries)}"
        if needed.loses >= NOTHING:
            said += f"; most is lost without {named(needed.part)}, {percent(needed.loses)}"
        return Told(said, short, max(top.carries, 0.0))
    said = f"{named(top.part)} carries {percent(top.carries)} of {gain}"
    if needed.part == top.part:
        said += f", and without it {percent(top.loses)} are lost"
    else:
        said += (
            f", and without it {percent(top.loses)} are lost; most is lost without {named(needed.part)}, "
            f"{percent(needed.loses)}"
        )
    return Told(said + _together([one.carries for one in found.parts]), short, top.carries, top.part)


def tokens(found: Tokens, _names: Mapping[str, str]) -> Told:
    """`block 3 moved most, by 41 % of its mean: more of "7", "end", less of "3"`."""
    if not found.layers:
        return Told("no layer was compared", "no layer", 0.0)
    top = max(found.layers, key=lambda one: one.size)
    short = f"{layer(top.layers)}, {percent(top.size)}"
    if top.size < ROUNDING:
        return Told("no layer's mean moved beyond rounding", "no layer moved", 0.0)
    where = layer(top.layers)
    return Told(
        f"{where} moved most, by {percent(top.size)} of its mean; {saying(top)}", short, top.size, where
    )


def saying(one: Said) -> str:
    """What a layer says more and less of."""
    sides = (("more of", one.more), ("less of", one.fewer))
    parts = [f"{word} {token_list(texts)}" for word, texts in sides if texts]
    return f"it now says {', '.join(parts)}" if parts else "which says nothing"


def patches(found: Patches, _names: Mapping[str, str]) -> Told:
    """`block 2 head 3 carries 64 % of the gain on 30 rows, 50 % at place 7 of 12, "="`."""
    if found.gain < NO_GAIN or not found.patches:
        return _no_gain(found.gain, found.rows)
    top = max(found.patches, key=lambda one: one.carries)
    short = f"{top.said}, {percent(top.carries)}"
    if top.carries < NOTHING:
        said = f"no head and no MLP carries {_gain(found.rows)} by itself: {top.said} most, {percent(top.carries)}"
        return Told(said, short, max(top.carries, 0.0))
    said = f"{top.said} carries {percent(top.carries)} of {_gain(found.rows)}{_at(top, found.labels)}"
    return Told(said + _together([one.carries for one in found.patches]), short, top.carries, top.said)


def _at(top: Patch, labels: Sequence[str]) -> str:
    if not top.places:
        return ""
    place = max(range(len(top.places)), key=lambda index: top.places[index])
    if top.places[place] < NOTHING:
        return ", at no single place"
    label = f", {quoted(labels[place])}" if place < len(labels) else ""
    return f", {percent(top.places[place])} at place {place + 1} of {len(top.places)}{label}"


def _together(shares: Sequence[float]) -> str:
    """Parts work together: what each carries alone need not add up, and a reader who adds is told so."""
    total = fsum(shares)
    if 0.8 <= total <= 1.2 or len(shares) < 2:  # noqa: PLR2004  near enough to the whole
        return ""
    return f"; the shares do not add up ({percent(total)}), since parts work together"


def _gain(rows: int) -> str:
    """Of how many rows: of few, a share says little of others."""
    return f"the gain on {things(rows, 'row')}"


def _no_gain(gain: float, rows: int) -> Told:
    if not rows:
        return Told("there was no answer that the one has right and the other wrong", "no gain", 0.0)
    return Told(
        f"there is no gain to share out: {nats(gain)} over {things(rows, 'row')}",
        f"no gain ({nats(gain)})",
        0.0,
    )


def _layer(one: Probe) -> str:
    return layer((one.layer, one.layer))
