"""What a look inside cannot have found, whoever says so.

    >>> unbelievable(["layers", "words"], Interpreted(absent={"layers": "their widths differ"}))
    ('figures or a reason for each of words', 'layers')

A worker's figures are believed as far as they are figures: whether they are right is what making them again shows.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET

from detent.errors import EngineError
from detent.values import Interpreted, Result
from detent.values.inside import MOST_FLIPS, TOP, Patches, Probes, Section, Splices, Weights

MOST_BYTES = 400_000
"""Of a look as JSON: it stands on the ledger, or beside it."""

LONGEST = 400
"""Characters of a text in it."""

_ROUNDING = 1e-6

_MOST_TOLD = 200
"""Characters of what was got that a fault tells."""

_LARGEST = (1 << 53) - 1
"""Of a whole number: an entry with a larger one cannot be written, and the run would end on it."""

Fault = tuple[str, str]
"""What was expected, and what was got."""


def unbelievable(
    sections: Sequence[Section], found: Interpreted, probed: tuple[str, ...] = (), gained: int = 0
) -> Fault | None:
    """The first thing about these figures that a look cannot have given; None when there is none.

    sections: that were asked for. probed: models that probes were to be tested on. gained: rows that splices and
    patches were given.
    """
    fault = next(_faults(sections, found, probed, gained), None)
    return fault and (fault[0], _told(fault[1]))


def _told(got: str) -> str:
    """A worker's word, as one line that a person can take in."""
    seen = got if got.isprintable() else ascii(got)
    return seen if len(seen) <= _MOST_TOLD else seen[:_MOST_TOLD] + "..."


def figures_of(result: Result) -> Interpreted:
    """The figures that a look came back with.

    Raises:
        EngineError: it is the result of another job.
    """
    if not isinstance(result, Interpreted):
        raise EngineError(f"a look inside expected, got {type(result).__name__}; run again")
    return result


def _faults(
    sections: Sequence[Section], found: Interpreted, probed: tuple[str, ...], gained: int
) -> Iterator[Fault]:
    asked, made, absent = set(sections), set(found.sections), set(found.absent)
    if made | absent != asked or made & absent:
        wanted = (
            ", ".join(name for name in sections if (name in made) == (name in absent)) or "what was asked"
        )
        yield f"figures or a reason for each of {wanted}", ", ".join(sorted(made | absent)) or "nothing"
    if (size := len(msgspec.json.encode(found))) > MOST_BYTES:
        yield f"at most {MOST_BYTES} bytes of figures", str(size)
    for value in _leaves(msgspec.to_builtins(found)):
        if isinstance(value, float) and not isfinite(value):
            yield "finite figures", str(value)
        if isinstance(value, int) and abs(value) > _LARGEST:
            yield f"whole numbers of at most {_LARGEST}", str(value)
        if isinstance(value, str) and len(value) > LONGEST:
            yield f"texts of at most {LONGEST} characters", f"{len(value)}"
    for what, value, low, high in (*_bounded(found), *_bounded_deeper(found, gained)):
        if not low - _ROUNDING <= value <= high + _ROUNDING:
            yield f"{what} from {low:g} to {high:g}", f"{value:g}"
    yield from _miscounted(found, probed)


def _leaves(value: Any) -> Iterator[Any]:
    """Everything that is no list and no table; a JSON encoder writes what is not finite as null, so before it."""
    match value:
        case dict():
            for one in value.values():
                yield from _leaves(one)
        case list() | tuple():
            for one in value:
                yield from _leaves(one)
        case _:
            yield value


Bounded = tuple[str, float, float, float]
"""What it is, its value, and the least and the most that it can be."""

_BIG = 1e300


def _bounded(found: Interpreted) -> Iterator[Bounded]:
    """Figures that have a least or a most."""
    if found.layers is not UNSET:
        yield from (("similarities", one, -1.0, 1.0) for row in found.layers.similarity for one in row)
    if found.weights is not UNSET:
        yield from _of_weights(found.weights)
    if found.lens is not UNSET:
        yield from (("divergences", one, 0.0, _BIG) for row in found.lens.divergence for one in row)
        yield from (("texts at a place", one, 0, _BIG) for one in found.lens.counts)
    if found.words is not UNSET:
        yield "divergences", found.words.divergence, 0.0, _BIG
        yield "shares of flips", found.words.flips, 0.0, 1.0
        yield "tokens", found.words.tokens, 1, _BIG
        yield from (("divergences", one.divergence, 0.0, _BIG) for one in found.words.examples)


def _bounded_deeper(found: Interpreted, gained: int) -> Iterator[Bounded]:
    """Likewise, of the sections that are made when a person is asked."""
    if found.heads is not UNSET:
        yield "places", found.heads.places, 1, _BIG
        yield "heads of one of the two", found.heads.unmatched, 0, _BIG
        for head in found.heads.heads:
            yield from (("entropies", one, 0.0, _BIG) for one in head.entropy)
            yield from (("heads and blocks", one, 1, _BIG) for one in (head.head, *head.blocks))
            yield "shares of attention", head.moved, 0.0, 1.0
    if found.probes is not UNSET:
        yield from _of_probes(found.probes)
    if found.tokens is not UNSET:
        yield "places", found.tokens.places, 1, _BIG
        yield from (("sizes of a difference", one.size, 0.0, _BIG) for one in found.tokens.layers)
    for shared in (found.splices, found.patches):
        if shared is not UNSET:
            yield "rows that were gained", shared.rows, 1, gained
            yield from (("shares of a gain, and gains", one, -_BIG, _BIG) for one in _shares(shared))
    for patch in () if found.patches is UNSET else found.patches.patches:
        yield "blocks", patch.block, 1, _BIG
        yield "heads", patch.head, 0, _BIG


def _shares(found: Splices | Patches) -> Iterator[float]:
    yield found.gain
    if isinstance(found, Splices):
        yield from (share for one in found.parts for share in (one.carries, one.loses))
    else:
        yield from (share for one in found.patches for share in (one.carries, *one.places))


def _of_probes(probes: Probes) -> Iterator[Bounded]:
    yield "prompts", probes.prompts, 1, _BIG
    for probe in probes.probes:
        known = [one for one in (*probe.accuracy, *probe.anew) if one is not None]
        yield from (("accuracies", one, 0.0, 1.0) for one in (*known, probe.chance, probe.shuffled))
        yield "layers", probe.layer, 0, _BIG


def _of_weights(weights: Weights) -> Iterator[Bounded]:
    yield "changes of weights", weights.share, 0.0, _BIG
    for moved in weights.modules:
        yield "changes of weights", moved.share, 0.0, _BIG
        yield from (("singular values", one, 0.0, 1.0) for one in moved.top)
        if moved.rank is not UNSET:
            yield "effective ranks", moved.rank, 0.0, _BIG
        if moved.along is not UNSET:
            yield "cosines", moved.along, -1.0, 1.0


def _miscounted(found: Interpreted, probed: tuple[str, ...]) -> Iterator[Fault]:
    """Tables whose rows do not belong to what was asked, or to each other."""
    if found.words is not UNSET and len(found.words.examples) > MOST_FLIPS:
        yield f"at most {MOST_FLIPS} examples", str(len(found.words.examples))
    if found.weights is not UNSET and any(len(one.top) > TOP for one in found.weights.modules):
        yield f"at most {TOP} singular values", "more"
    if found.layers is not UNSET and not _fits(found):
        yield (
            "a pair for each layer of the shallower model, rising, of layers that are there",
            str(found.layers.matched),
        )
    if found.lens is not UNSET:
        wide, deep = len(found.lens.counts), len(found.lens.layers)
        if len(found.lens.divergence) != deep or {len(row) for row in found.lens.divergence} - {wide}:
            yield f"{deep} rows of {wide} divergences", "others"
        if found.layers is not UNSET and found.lens.layers != found.layers.matched:
            yield "a lens of the layers that correspond", str(found.lens.layers)
    yield from _miscounted_deeper(found, probed)


def _miscounted_deeper(found: Interpreted, probed: tuple[str, ...]) -> Iterator[Fault]:
    """Likewise, of the sections that are made when a person is asked."""
    if found.probes is not UNSET:
        odd = any({len(one.accuracy), len(one.anew)} != {len(probed)} for one in found.probes.probes)
        if found.probes.models != probed or odd:
            yield "an accuracy of each model that was named", ", ".join(found.probes.models)
    yield from _misplaced(found)
    for splice in () if found.splices is UNSET else found.splices.parts:
        if not splice.part:
            yield "the name of a part", "none"
    if found.patches is not UNSET:
        wide = len(found.patches.labels)
        if {len(one.places) for one in found.patches.patches} - {0, wide}:
            yield f"shares at none or at each of {wide} places", "others"


def _misplaced(found: Interpreted) -> Iterator[Fault]:
    """Heads and patches of what no model has."""
    if found.patches is not UNSET:
        wide = {0, len(found.patches.labels)}
        if any(len(one.places) not in wide or one.block < 1 or one.head < 0 for one in found.patches.patches):
            yield "patches of blocks from 1 on, at every place or at none", "others"
    if found.heads is not UNSET and any(min(one.head, *one.blocks) < 1 for one in found.heads.heads):
        yield "heads and blocks from 1 on", "others"


def _fits(found: Interpreted) -> bool:
    assert found.layers is not UNSET  # noqa: S101  its caller asked
    rows, pairs = found.layers.similarity, found.layers.matched
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        return False
    rising = all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    there = all(0 <= a < len(rows) and 0 <= b < len(rows[0]) for a, b in pairs)
    # A layer that is left out is one whose change no tripwire sees.
    return rising and there and len(pairs) == min(len(rows), len(rows[0]))
