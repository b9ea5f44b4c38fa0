"""Closed generations in little room: packed bytes, unpacked where somebody looks at one.

    >>> history = PackedTurns().then({"decision/v1": decided})
    >>> history[0]["decision/v1"] == decided
    True

Entries as values take many times the room that they take packed; who shows a long run looks at few at once. Which slots
a generation has, and what was decided, is known without unpacking: whoever walks through all of them asks for that.
"""

import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import cast

import msgspec
from msgspec import UNSET

from detent.values import Entry
from detent.values.entries import AnyEntry
from detent.values.lasting import Lasting

Slots = dict[str, Entry]

NEAR, NEAR_TRIALS = 64, 4
"""Generations that stay unpacked after somebody looked at them, and generations whose trials do, which are large."""

AT_HAND = "decision/v1"

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[list[Entry]] = msgspec.msgpack.Decoder(list[AnyEntry])


class PackedSlots(Mapping[str, Entry]):
    """What one generation wrote."""

    __slots__ = ("_at_hand", "_names", "_packed")

    def __init__(self, slots: Mapping[str, Entry]) -> None:
        self._names = _names(tuple(map(sys.intern, slots)))
        self._at_hand = slots.get(AT_HAND)
        self._packed = _pack(slots.values())

    @property
    def packed(self) -> bytes:
        """What it is kept as."""
        return self._packed

    def __getitem__(self, slot: str) -> Entry:
        if slot == AT_HAND and self._at_hand is not None:
            return self._at_hand
        if slot not in self._names:
            raise KeyError(slot)
        return _turn(self._packed)[slot]

    def __contains__(self, slot: object) -> bool:
        return slot in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class PackedTurns(Lasting[Slots]):
    """For `State.history`."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Lasting[PackedSlots] | None = None) -> None:
        """Nothing noted; kept: what was packed before."""
        super().__init__()
        self._kept: Lasting[PackedSlots] = Lasting() if kept is None else kept

    def then(self, note: Slots) -> "PackedTurns":
        return PackedTurns(self._kept.then(PackedSlots(note)))

    def __getitem__(self, number: int) -> Slots:
        return cast("Slots", self._kept[number])  # whoever reads a history reads it as a mapping

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


class PackedTrials(Lasting[dict[str, Slots]]):
    """For `State.tried`."""

    __slots__ = ("_kept",)

    def __init__(self, kept: Lasting[bytes] | None = None) -> None:
        """Nothing noted; kept: what was packed before."""
        super().__init__()
        self._kept: Lasting[bytes] = Lasting() if kept is None else kept

    def then(self, note: dict[str, Slots]) -> "PackedTrials":
        return PackedTrials(
            self._kept.then(_pack(entry for slots in note.values() for entry in slots.values()))
        )

    def __getitem__(self, number: int) -> dict[str, Slots]:
        return _trials(self._kept[number])

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _pack(entries: Iterable[Entry]) -> bytes:
    return zlib.compress(_encode(list(entries)), 1)


@lru_cache(maxsize=512)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for generations that wrote the same slots."""
    return names


@lru_cache(maxsize=NEAR)
def _turn(packed: bytes) -> Slots:
    return {entry.slot: entry for entry in _decoder.decode(zlib.decompress(packed))}


@lru_cache(maxsize=NEAR_TRIALS)
def _trials(packed: bytes) -> dict[str, Slots]:
    found: dict[str, Slots] = {}
    for entry in _decoder.decode(zlib.decompress(packed)):
        assert entry.trial is not UNSET  # noqa: S101  the fold puts no other there
        found.setdefault(entry.trial, {})[entry.slot] = entry
    return found
