"""The ledger's entries one by one, and the state that each of them met.

>>> steps, unread, state = replayed(tree, read)
>>> [step.entry.kind for step in steps][:2]
['charter/v1', 'lease/v1']
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET, structs

from detent.audit.fsck import Tree
from detent.charter import SignedCharter
from detent.errors import DetentError, TrustError
from detent.evaluate import label_of, public_number, public_stream
from detent.ledger import LARGEST_ENTRY
from detent.signing import canonical
from detent.values import (
    LARGEST_ENCLOSED,
    CharterSigned,
    Collected,
    Entry,
    Inspected,
    LeaseGranted,
    ModelFetched,
    ModelGiven,
    Ordered,
    Refused,
    SessionStarted,
    State,
    decode_entry,
    enclosed_in,
    entry_document,
    fold,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: where it stands, its bytes, what they say, and the state before it.

    before: of an entry of a trial, as that trial met it: its own slots are those of `before`.
    refused: why the state does not take it, "" when it does; it is then left out of the states after it.
    doubtful: an entry before it was refused, and none of a turn was taken since: `before` may not be what it met.
    """

    index: int
    data: bytes
    entry: Entry
    before: State
    refused: str
    doubtful: bool

    @property
    def trial(self) -> str:
        """Of the turn, which wrote it; "" where it is the turn's own."""
        return "" if self.entry.trial is UNSET else self.entry.trial

    def stream(self, signed: SignedCharter, label: str) -> bytes:
        """The public stream of that name in the entry's generation, or in its trials."""
        return public_stream(signed.charter.run.seed, label_of(label, self.trial), self.before.generation)

    def number(self, signed: SignedCharter, label: str) -> int:
        """The seed of a job, likewise."""
        return public_number(signed.charter.run.seed, label_of(label, self.trial), self.before.generation)

    @property
    def place(self) -> str:
        """How a fault names it."""
        return f"entry {self.index}"

    @property
    def hangs(self) -> bool:
        """Whether it is refused as what went before was: one fault is not told twice, and nothing follows from it."""
        return self.doubtful and self.refused != ""


class Replay(NamedTuple):
    """unread: why entries cannot be decoded. state: after the last entry."""

    steps: tuple[Step, ...]
    unread: tuple[str, ...]
    state: State


MOST_ROOM = 400 << 20
"""Bytes that entries and states take, as far as can be told beforehand. What is beyond is not read, which is a fault:
no run comes near, and who writes a record could else have any amount of a verifier's memory for a few megabytes."""


def replayed(tree: Tree, read: Callable[[str, int], bytes]) -> Replay:
    """Fold entry by entry; one that cannot be read or that the state refuses is passed over.

    read: gives the file of that SHA-256, of at most so many bytes, in which an entry lies that is too large for a
        ledger.
    """
    steps, unread, state, doubtful, room = [], [], State(), False, MOST_ROOM
    for index, written in enumerate(tree.entries):
        try:
            data = _whole(written, read)
            if (room := room - _size(data)) < 0:
                unread.append(f"entry {index}: {_TOO_LARGE}")
                break
            entry = decode_entry(data)
        except (DetentError, RecursionError) as error:
            unread.append(f"entry {index}: {error}")
            state, doubtful = _passed_over(state, index), True
            continue
        after, refused = _folded(entry, state)
        before = state if entry.trial is UNSET else state.within(entry.trial)
        steps.append(Step(index, data, entry, before, refused, doubtful))
        doubtful = bool(refused) or (doubtful and outside_turns(entry))
        room -= _added(state, after)
        state = after if not refused else _passed_over(state, index)
    return Replay(tuple(steps), tuple(unread), state)


_TOO_LARGE = (
    f"entries and states that take at most {MOST_ROOM >> 20} MiB expected, got more; from here on nothing "
    "was checked"
)


def _size(data: bytes) -> int:
    """What an entry takes: its bytes twice, and what its values take by the signs that stand between them."""
    return 2 * len(data) + sum(data.count(sign) * room for sign, room in _SIGNS.items())


_SIGNS = {b",": 40, b":": 80, b"{": 100, b"[": 60}
"""Bytes, as measured: of a number or a short text, of a key and its place, of an object, of a list."""


def _added(before: State, after: State) -> int:
    """What a state takes beside the one before it: of all that it does not share with it, a place for each value."""
    room = 500
    for name in State.__struct_fields__:
        value = getattr(after, name)
        if value is not getattr(before, name) and isinstance(value, dict | tuple | frozenset):
            room += (8 if isinstance(value, tuple) else 100) * len(value)
    if after.mastered is not before.mastered:
        room += sum(100 * len(levels) for levels in after.mastered.values())
    return room


def _whole(data: bytes, read: Callable[[str, int], bytes]) -> bytes:
    stub = enclosed_in(data)
    if stub is None:
        return data
    if not LARGEST_ENTRY < stub.size <= LARGEST_ENCLOSED:
        raise TrustError(
            f"an enclosed entry of {LARGEST_ENTRY + 1} to {LARGEST_ENCLOSED} bytes expected, got one of {stub.size}"
        )
    content = read(stub.sha256, LARGEST_ENCLOSED)
    if len(content) != stub.size or canonical(entry_document(stub)) != data:
        raise TrustError(
            f"an enclosed entry of {stub.size} bytes, in canonical form, expected, got {len(content)}"
        )
    return content


def followed(place: str, what: str, faults: Iterable[str]) -> Iterator[str]:
    """The faults of what stands at a place; one of them that nothing follows from what is before it on the record."""
    try:
        for fault in faults:
            yield f"{place}: {fault}"
    except (DetentError, LookupError, ValueError, ArithmeticError) as error:
        yield (
            f"{place}: entries before it from which {what} can follow expected, got some from which none does "
            f"({type(error).__name__}: {error})"
        )


def outside_turns(entry: Entry) -> bool:
    """Whether the entry may be written between turns: it belongs to no generation's work."""
    return isinstance(
        entry,
        CharterSigned
        | LeaseGranted
        | SessionStarted
        | Ordered
        | Refused
        | Collected
        | ModelFetched
        | ModelGiven
        | Inspected,
    )


def _passed_over(state: State, index: int) -> State:
    """Places that the state remembers are places on the ledger, whatever it took from there."""
    return structs.replace(state, entries=index + 1)


def _folded(entry: Entry, state: State) -> tuple[State, str]:
    try:
        return fold([entry], state), ""
    except (DetentError, LookupError, ValueError, ArithmeticError) as error:
        return state, str(error)
