"""The ledger as a turn of the loop sees it: the state so far, and `once`.

A turn is written as if nothing had ever gone wrong. What the ledger already holds of the turn in progress is
taken from there and not done again, so starting after a crash and starting at all are the same thing.

    >>> book.once(Diagnosed, lambda: Diagnosed(diagnosis=...))     # writes, or reads what was written
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar, cast

from msgspec import structs

from detent.oversight import payloads_of
from detent.signing import canonical
from detent.values import Entry, State, decode_entry, entry_document, fold

E = TypeVar("E", bound=Entry)


class Record(Protocol):
    """What a book writes into. When `append` returns, the entry survives a crash."""

    def append(self, entry: bytes) -> int:
        """Write one entry; returns its index."""

    def entries(self, start: int = 0) -> Iterable[bytes]:
        """All entries from `start` on."""

    def root(self, size: int | None = None) -> bytes:
        """Merkle tree root over the first `size` entries, or all."""

    def leaf_hash(self, index: int) -> bytes:
        """Leaf hash of one entry."""


class Book:
    """One run's ledger, folded; the only writer of entries."""

    def __init__(self, record: Record, clock: Callable[[], str]) -> None:
        """Replay what is there.

        Args:
            record: the ledger.
            clock: gives the time now as RFC 3339 text; fixed in tests.
        """
        self.record = record
        self._clock = clock
        entries = [decode_entry(data) for data in record.entries()]
        self._state: State = fold(entries)
        self.obeyed: frozenset[str] = payloads_of(entries)
        """Digests of what people signed that stands on the ledger: each counts once."""

    @property
    def state(self) -> State:
        """Where the run stands."""
        return self._state

    @property
    def now(self) -> str:
        """The time (UTC, RFC 3339). A machine's clock may be set back; the ledger's time never goes back."""
        return max(self._clock(), self.state.latest_at)

    def write(self, entry: Entry, at: str = "") -> Entry:
        """Append an entry, stamped with the time and the generation in progress; returns it as it reads back.

        at: the time, where what the entry says depends on it; else now.
        """
        stamped = structs.replace(
            entry, at=max(at, self.state.latest_at) if at else self.now, generation=self.state.generation
        )
        data = canonical(entry_document(stamped))
        # What is read back is used from here on, also by the turn that wrote it: canonical form sorts keys, and
        # a turn that goes on after a crash must see the very same records as one that never stopped.
        written = decode_entry(data)
        after = fold([written], self.state)  # an entry that may not stand here is never written
        obeyed = self.obeyed | payloads_of([written])
        self.record.append(data)
        self._state, self.obeyed = after, obeyed
        return written

    def once(self, slot: str, make: Callable[[], E]) -> E:
        """The turn's entry in `slot`: what the ledger holds, else what `make` gives, written down."""
        return self.once_each([slot], lambda _: [make()])[0]

    def once_each(self, slots: Sequence[str], make: Callable[[list[int]], Iterable[E]]) -> list[E]:
        """The turn's entries in `slots`; `make` gives those that are missing, by their places, in that order."""
        found = {
            place: self.state.slots[slot] for place, slot in enumerate(slots) if slot in self.state.slots
        }
        missing = [place for place in range(len(slots)) if place not in found]
        for place, entry in zip(missing, make(missing) if missing else (), strict=True):
            found[place] = self.write(entry)
        return [cast("E", found[place]) for place in range(len(slots))]

    def trial(self, name: str) -> "Book":
        """The same ledger as a trial of the turn in progress sees it: a turn of its own, whose entries say so."""
        return _Trial(self, name)


class _Trial(Book):
    def __init__(self, book: Book, name: str) -> None:  # as the book it is a part of
        self._book, self._name = book, name
        self.record, self.obeyed = book.record, book.obeyed

    @property
    def state(self) -> State:
        return self._book.state.within(self._name)

    @property
    def now(self) -> str:
        return self._book.now

    def write(self, entry: Entry, at: str = "") -> Entry:
        return self._book.write(structs.replace(entry, trial=self._name), at)
