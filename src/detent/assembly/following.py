"""Following a run: its ledger read on from where it was read to, decoded and folded, beside whoever writes it.

    >>> follower = Follower(RunFolder(Path("demo")))
    >>> follower.catch_up(), follower.state.generation
    (412, 8)

It takes no lock and writes nothing. Whole runs are kept in little room: closed generations lie packed in memory
(`packing`) and are unpacked where somebody looks at one.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from detent.assembly.enclosing import whole
from detent.assembly.packing import PackedTrials, PackedTurns
from detent.assembly.places import RunFolder
from detent.assembly.reading import log_verify_key, signed_charter
from detent.charter import SignedCharter
from detent.engine import DataStore
from detent.errors import TrustError
from detent.ledger import LedgerReader
from detent.report import Story, Teller
from detent.values import Entry, State, decode_entry

PORTION = 500
"""Entries that are read at once, so that whoever waits for the rest sees them come."""


class Numbered(NamedTuple):
    """An entry, at which index it stands on the ledger, and SHA-256(0x00 || its bytes there)."""

    at: int
    leaf: bytes
    entry: Entry


class Follower:
    """One run's ledger as far as it was read.

    Raises:
        UsageError: this is no run folder.
        TrustError: charter, log key or checkpoint are not what was signed.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.signed: SignedCharter = signed_charter(run)
        self._reader = LedgerReader(run.ledger, log_verify_key(run))
        self._store = DataStore(run.data, run.answers)
        self._teller = Teller(State(history=PackedTurns(), tried=PackedTrials()), brief=True)

    @property
    def state(self) -> State:
        """What was read, folded; `history` and `tried` unpack a generation when somebody looks at it."""
        return self._teller.state

    @property
    def size(self) -> int:
        """Entries of the checkpoint it stands at."""
        return self._reader.size

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint, as text."""
        return self._reader.checkpoint

    @property
    def behind(self) -> int:
        """Entries of that checkpoint which were not read yet."""
        return self._reader.size - self.state.entries

    def refresh(self) -> int:
        """Look at the newest checkpoint; returns how many entries wait to be read.

        Raises:
            TrustError: it does not continue the one before: set back, exchanged or rewritten.
        """
        self._reader.refresh()
        return self.behind

    def catch_up(self, most: int = PORTION) -> int:
        """Read on, so many entries at the most; returns how many were read.

        Raises:
            TrustError: an entry is not what was signed, is of no known kind, or cannot stand where it stands. What was
                read before it stays.
        """
        portion = islice(self._reader.entries(self.state.entries), most)
        read = self._teller.add(map(decode_entry, whole(portion, self._store.read_bytes)))
        self._mind_charter()
        return read

    def story(self) -> Story:
        """The run, told as far as it was read; closed turns are brief, without their traces: see `Teller`."""
        charter = self.signed.charter
        return self._teller.story(charter.name, charter.purpose, dict(charter.direction.improve))

    def _mind_charter(self) -> None:
        """An amendment is on the ledger before its copy lies in the folder: until then the one before is shown."""
        newest = self.state.charter
        if self.behind or newest is None or newest.envelope == self.signed.envelope:
            return
        try:
            self.signed = signed_charter(self._run)
        except TrustError:
            if self.state.entries == self._reader.size and newest.version == self.signed.charter.version:
                raise


def reader_of(run: RunFolder) -> LedgerReader:
    """A reader of the ledger at its newest checkpoint.

    Raises:
        TrustError: the checkpoint is not what was signed.
    """
    return LedgerReader(run.ledger, log_verify_key(run))


def entries_at(run: RunFolder, start: int, limit: int) -> Iterator[Numbered]:
    """Some entries by where they stand, each checked against the signed checkpoint.

    Raises:
        UsageError: `start` is not within the ledger.
        TrustError: something is not what was signed.
    """
    reader = reader_of(run)
    read = DataStore(run.data, run.answers).read_bytes
    for at, data in enumerate(islice(reader.entries(start), limit), start):
        yield Numbered(at, reader.leaf_hash(at), decode_entry(next(whole((data,), read))))
