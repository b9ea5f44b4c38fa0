"""Every tripwire, read once a generation: after the gate, before the decision.

    >>> watched(parts, profiles).actions
    {'label_avalanche': 'pause'}

A wire that should have been measured and could not be has fired: what cannot be seen is not known to be well.
"""

from collections.abc import Sequence

from msgspec import json, structs

from detent.errors import EngineError, StorageError
from detent.loop.parts import Parts, Wire
from detent.oversight import guards_of
from detent.tripwires.looks import Ground, compute_of
from detent.values import MOST_NAMED, Profile, Reading, Watched

LONGEST, LONGEST_NAME = 1_000, 100
"""Bytes of a sentence and of a name that a reading keeps at the most."""

ENTRY, FRAME = 60_000, 190
"""Bytes that one entry of the ledger surely holds, and those of them that a reading takes beside its words."""


def watched(parts: Parts, profiles: Sequence[Profile]) -> Watched:
    """What every wire found, and what looking at the model took, whatever came of it."""
    found = look(parts, profiles)
    charter = parts.charter
    ground = Ground(
        parts.tasks,
        parts.tops,
        charter.recipe.seed_levels,
        charter.run.seed,
        charter.subject.room,
        guards_of(charter, parts.constitution),
        parts.principles,
    )
    return structs.replace(found, flops=compute_of(parts.book.state, profiles, found.readings, ground))


def look(parts: Parts, profiles: Sequence[Profile]) -> Watched:
    """Read every wire, and note what the charter makes of those that fired."""
    readings: list[Reading] = []
    for wire in parts.wires:
        readings.append(_read(wire, parts, profiles, tuple(readings)))
    readings = [_short(reading, _room(len(readings))) for reading in readings]
    fired = {reading.wire for reading in readings if reading.fired}
    return Watched(
        readings=tuple(readings),
        actions={wire.name: wire.action for wire in parts.wires if wire.name in fired},
    )


def look_again(wire: Wire, parts: Parts, profiles: Sequence[Profile], recorded: Watched) -> Reading:
    """One wire of a turn on record, with what the wires before it are said to have read.

    Raises:
        StorageError: a file of labels or answers is no longer there.
        EngineError: a worker died; at the time it counted as fired, here it says nothing about the record.
    """
    names = [reading.wire for reading in recorded.readings]
    before = recorded.readings[: names.index(wire.name)] if wire.name in names else recorded.readings
    try:
        found = wire.read(parts, profiles, before)
    except (StorageError, EngineError):
        raise
    except Exception as error:  # noqa: BLE001  as when it was read first
        found = _unmeasured(wire, error)
    return _short(found, _room(len(parts.wires)))


def _room(wires: int) -> int:
    """Bytes of each one's words."""
    return max(FRAME, ENTRY // wires) - FRAME if wires else 0


def _read(wire: Wire, parts: Parts, profiles: Sequence[Profile], before: Sequence[Reading]) -> Reading:
    try:
        return wire.read(parts, profiles, before)
    except Exception as error:  # noqa: BLE001  whatever went wrong, what was not measured has fired
        return _unmeasured(wire, error)


def _unmeasured(wire: Wire, error: Exception) -> Reading:
    return Reading(wire.name, "unmeasured", f"could not be measured: {type(error).__name__}: {error}")


def _short(reading: Reading, room: int) -> Reading:
    """In so many bytes, whatever there was to say and to name: what cannot be written down halts nothing."""
    names, left = [], room // 2
    for name in (_cut(name, LONGEST_NAME) for name in reading.about[:MOST_NAMED]):
        left -= _size(name) + 3
        if left >= 0:
            names.append(name)
    said = _cut(reading.said, min(LONGEST, room // 2)) or reading.status
    return structs.replace(reading, said=said, about=tuple(names))


def _cut(text: str, most: int) -> str:
    """As much of it as takes so many bytes on the ledger."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text[:most])
    while (size := _size(plain)) > most:
        plain = plain[: len(plain) * most // size]
    return plain


def _size(text: str) -> int:
    return len(json.encode(text)) - 2  # without its quotes
