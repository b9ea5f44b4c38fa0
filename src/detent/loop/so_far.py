"""What wires look at of the run so far: the turns that led here and the one in progress."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detent.evaluate import ladder_rungs, profile_items, public_stream
from detent.loop.parts import Parts
from detent.values import (
    Entry,
    Item,
    Profile,
    Profiled,
    Reading,
)

PROBES = 2
"""Frozen problems a rung: two models are compared on them, and no training data may hold them."""

Reader = Callable[[Parts, Sequence[Profile], Any], Reading]
"""Gets the parts, the candidates' visible profiles, and the wire's limits as the charter set them."""


def entries_of(parts: Parts, kind: type[Any]) -> list[Any]:
    """Entries of the turns that led here and of this one, in order."""
    state = parts.book.state
    turns: list[Mapping[str, Entry]] = [*state.past.values(), state.slots]
    return [entry for slots in turns for entry in slots.values() if isinstance(entry, kind)]


def fresh_of(parts: Parts) -> Profile | None:
    """The candidate on fresh problems, when it passed the gate."""
    entry = parts.book.state.slots.get("profile/v1/fresh")
    return entry.profile if isinstance(entry, Profiled) else None


def probe_items(parts: Parts) -> list[Item]:
    """The frozen problems, which are those of generation 0 for ever."""
    stream = public_stream(parts.charter.run.seed, "probes", 0)
    return profile_items(parts.tasks, ladder_rungs(parts.tops, PROBES), stream)
