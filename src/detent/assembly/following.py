"""Following a run: its ledger read on from where it was read to, decoded and folded, beside whoever writes it.

    >>> follower = Follower(RunFolder(Path("demo")))
    >>> follower.catch_up(), follower.state.generation
    (412, 8)

It takes no lock and writes nothing. Whole runs are kept in little room: closed generations lie packed in memory
(`packing`) and are unpacked where somebody looks at one.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from detent.assembly.enclosing import whole
from detent.assembly.packing import PackedTrials, PackedTurns
from detent.assembly.places import RunFolder
from detent.assembly.reading import log_verify_key, signed_charter
from detent.charter import SignedCharter
from detent.engine import DataStore
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
        self._charter_seen: tuple[tuple[int, int, int] | None, ...] = ()
        self.signed: SignedCharter
        self._mind_charter()
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
            TrustError: it does not continue the one before: set back, exchanged or rewritten. Or the charter's copies
                are not what was signed.
        """
        self._mind_charter()
        self._reader.refresh()
        return self.behind

    def catch_up(self, most: int = PORTION) -> int:
        """Read on, so many entries at the most; returns how many were read.

        Raises:
            TrustError: an entry is not what was signed, is of no known kind, or cannot stand where it stands. What was
                read before it stays.
        """
        portion = islice(self._reader.entries(self.state.entries), most)
        return self._teller.add(map(decode_entry, whole(portion, self._store.read_bytes)))

    def story(self) -> Story:
        """The run, told as far as it was read; closed turns are brief, without their traces: see `Teller`."""
        charter = self.signed.charter
        return self._teller.story(charter.name, charter.purpose, dict(charter.direction.improve))

    def _mind_charter(self) -> None:
        """An amendment is on the ledger before its copies lie in the folder: until then the one before is shown."""
        seen = tuple(_changed_at(path) for path in (self._run.envelope, self._run.charter))
        if seen != self._charter_seen:
            self.signed, self._charter_seen = signed_charter(self._run), seen


def _changed_at(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


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
