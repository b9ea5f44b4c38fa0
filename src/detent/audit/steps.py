"""The ledger's entries one by one, and the state that each of them met.

>>> steps, unread, state = replayed(tree, read)
>>> [step.entry.kind for step in steps][:2]
['charter/v1', 'lease/v1']
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import structs

from detent.audit.fsck import Tree
from detent.errors import DetentError, TrustError
from detent.signing import canonical
from detent.values import (
    CharterSigned,
    Collected,
    Entry,
    LeaseGranted,
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


def replayed(tree: Tree, read: Callable[[str], bytes]) -> Replay:
    """Fold entry by entry; one that cannot be read or that the state refuses is passed over.

    read: gives the file of that SHA-256, in which an entry lies that is too large for a ledger.
    """
    steps, unread, state, doubtful = [], [], State(), False
    for index, written in enumerate(tree.entries):
        try:
            data = _whole(written, read)
            entry = decode_entry(data)
        except (DetentError, RecursionError) as error:
            unread.append(f"entry {index}: {error}")
            state, doubtful = _passed_over(state, index), True
            continue
        after, refused = _folded(entry, state)
        steps.append(Step(index, data, entry, state, refused, doubtful))
        doubtful = bool(refused) or (doubtful and outside_turns(entry))
        state = after if not refused else _passed_over(state, index)
    return Replay(tuple(steps), tuple(unread), state)


def _whole(data: bytes, read: Callable[[str], bytes]) -> bytes:
    stub = enclosed_in(data)
    if stub is None:
        return data
    content = read(stub.sha256)
    if len(content) != stub.size or canonical(entry_document(stub)) != data:
        raise TrustError(
            f"an enclosed entry of {stub.size} bytes, in canonical form, expected, got {len(content)}"
        )
    return content


def outside_turns(entry: Entry) -> bool:
    """Whether the entry may be written between turns: it belongs to no generation's work."""
    return isinstance(entry, CharterSigned | LeaseGranted | SessionStarted | Ordered | Refused | Collected)


def _passed_over(state: State, index: int) -> State:
    """Places that the state remembers are places on the ledger, whatever it took from there."""
    return structs.replace(state, entries=index + 1)


def _folded(entry: Entry, state: State) -> tuple[State, str]:
    try:
        return fold([entry], state), ""
    except (DetentError, LookupError, ValueError, ArithmeticError) as error:
        return state, str(error)
