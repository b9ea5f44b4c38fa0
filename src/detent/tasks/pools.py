"""Tasks that have only so many problems: which of them may be drawn for what, and that none is drawn sealed twice.

    >>> opened({"copy": builtin("copy")}, k=1)["copy"].name
    'copy'

A task that makes its problems has no pools, and these functions hand it back as it is. One with a fixed set deals it
once into three: what is *taught* (which is what the source itself draws), what is *shown*, and what is *sealed*, of
which each opening has a part of its own.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from detent.tasks.base import TaskSource

PLACE_BYTES = 8


@runtime_checkable
class Pooled(Protocol):
    """A `TaskSource` with a fixed set of problems. As it is, it draws what is taught."""

    def shown(self) -> TaskSource:
        """Draws what is asked in the open, and never trained on, with replacement."""
        ...

    def opened(self, k: int) -> TaskSource:
        """Draws what opening `k` alone asks; a `Finite` source, of no rows when there are none left."""
        ...


@runtime_checkable
class Finite(Protocol):
    """A `TaskSource` that is asked for a problem by its place: the last 8 bytes of an ask's seed, big-endian."""

    def rows(self, level: int) -> int | None:
        """So many places of that level, from 0; None where problems are made as they are asked for."""
        ...


def shown(tasks: Mapping[str, TaskSource]) -> dict[str, TaskSource]:
    """What measures in the open draws from."""
    return {name: shown_of(source) for name, source in tasks.items()}


def opened(tasks: Mapping[str, TaskSource], k: int) -> dict[str, TaskSource]:
    """What opening `k` draws from."""
    return {name: opened_of(source, k) for name, source in tasks.items()}


def shown_of(source: TaskSource) -> TaskSource:
    """The same of one source."""
    return source.shown() if isinstance(source, Pooled) else source


def opened_of(source: TaskSource, k: int) -> TaskSource:
    """The same of one source."""
    return source.opened(k) if isinstance(source, Pooled) else source


def rows_of(source: TaskSource, level: int) -> int | None:
    """How many problems of a level a source has that is asked by place; None for any other."""
    return source.rows(level) if isinstance(source, Finite) else None


def at_place(seed: bytes, place: int) -> bytes:
    """The seed of an ask for the problem at a place."""
    return seed + place.to_bytes(PLACE_BYTES, "big")


def place_in(seed: bytes) -> int:
    """The place that an ask's seed names."""
    return int.from_bytes(seed[-PLACE_BYTES:], "big")
