"""What wires look at of the run so far: the turns that led here and the one in progress."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detent.loop.parts import Parts
from detent.tripwires import looks
from detent.values import (
    Entry,
    Item,
    Profile,
    Profiled,
    Reading,
)

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
    return looks.probes_of(parts.tasks, parts.tops, parts.charter.run.seed)
