"""Closed generations in little room: packed bytes, unpacked where somebody looks at one.

    >>> history = packed_turns().then({"decision/v1": decided})
    >>> history[0]["decision/v1"] == decided
    True

Entries as values take many times the room that they take packed; who shows a long run looks at few at once.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import UNSET

from detent.values import Entry
from detent.values.entries import AnyEntry
from detent.values.lasting import Lasting

V = TypeVar("V")
Slots = dict[str, Entry]

NEAR, NEAR_TRIALS = 64, 4
"""Generations that stay unpacked after somebody looked at them, and generations whose trials do, which are large."""

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[list[Entry]] = msgspec.msgpack.Decoder(list[AnyEntry])


class Packed(Lasting[V]):
    """What `Lasting` is, each note kept as bytes."""

    __slots__ = ("_entries", "_kept", "_note")

    def __init__(
        self, entries: Callable[[V], Iterable[Entry]], note: Callable[[bytes], V], kept: Lasting[bytes]
    ) -> None:
        """entries: all that a note holds. note: what they were, from their bytes. kept: what was packed before."""
        super().__init__()
        self._entries, self._note, self._kept = entries, note, kept

    def then(self, note: V) -> "Packed[V]":
        packed = zlib.compress(_encode(list(self._entries(note))), 1)
        return Packed(self._entries, self._note, self._kept.then(packed))

    def __getitem__(self, number: int) -> V:
        return self._note(self._kept[number])

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes_kept(self) -> int:
        """What it takes, in bytes."""
        return sum(map(len, self._kept.values()))


def packed_turns() -> Packed[Slots]:
    """For `State.history`: nothing noted yet."""
    return Packed(_of_turn, _turn, Lasting())


def packed_trials() -> Packed[dict[str, Slots]]:
    """For `State.tried`: nothing noted yet."""
    return Packed(_of_trials, _trials, Lasting())


def _of_turn(slots: Mapping[str, Entry]) -> Iterable[Entry]:
    return slots.values()


def _of_trials(trials: Mapping[str, Slots]) -> Iterable[Entry]:
    return (entry for slots in trials.values() for entry in slots.values())


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
