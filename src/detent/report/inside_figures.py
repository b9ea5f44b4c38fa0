"""What changed inside, in pictures: one a section, with its sentence and its table; what is said in tokens is a table.

    >>> [one.title for one in pictures(found)]
    ['How alike layers are', 'How far weights moved', 'Where they part', ...]

Nothing is told by looks alone: a number stands in a cell where there is room, and every picture has its table.
"""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from detent.report import _inside_drawn as drawn
from detent.report import _inside_drawn_deeper as deeper
from detent.report.figures import Figure
from detent.values import Interpreted


def pictures(found: Interpreted, names: Mapping[str, str] | None = None) -> tuple[Figure, ...]:
    """A picture of each section that has one. names: of models, by digest, along the axis of the probes."""
    return tuple(_pictures(found, names or {}))


def _pictures(found: Interpreted, names: Mapping[str, str]) -> Iterator[Figure]:
    if found.layers is not UNSET and found.layers.similarity:
        yield drawn.layers(found.layers)
    if found.weights is not UNSET and found.weights.modules:
        yield drawn.weights(found.weights)
    if found.lens is not UNSET and any(found.lens.counts):
        yield drawn.lens(found.lens)
    if found.heads is not UNSET and found.heads.heads:
        yield deeper.heads(found.heads)
    if found.probes is not UNSET:
        yield from deeper.probes(found.probes, names)
    if found.splices is not UNSET and found.splices.parts:
        yield deeper.splices(found.splices)
    if found.patches is not UNSET and found.patches.patches:
        yield deeper.patches(found.patches)
