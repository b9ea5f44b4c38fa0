"""Writing the ledger: one writer, and what `append` has returned is there for good.

    >>> with Ledger.create(folder, key, "example.com/my-run") as ledger:
    ...     ledger.append(b"first")
    0

An append announces its entries in a signed journal, then writes the entry bundle, the hash tiles and the signed
checkpoint, each durable before the next begins. So an announced bundle beyond the checkpoint is an append that
was cut short: opening finishes it. What nobody announced is refused. There is no other recovery.
"""

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from detent.disk import WriterLock, holder
from detent.errors import TrustError, UsageError
from detent.ledger._edge import Edge
from detent.ledger._files import TEMPORARY, Files
from detent.ledger._journal import JOURNAL, check_announced, journal
from detent.ledger._merkle import leaf_hash
from detent.ledger._tree import TiledTree
from detent.ledger.cosignatures import CosigningKey
from detent.ledger.notes import Checkpoint, Note, open_note, sign_note
from detent.ledger.reader import CHECKPOINT, Disk, Head, LedgerView, read_head
from detent.ledger.tiles import (
    WIDTH,
    bundle_path,
    pack_entry,
    pack_hashes,
    partials_folder,
    tile_path,
    unpack_entries,
)
from detent.signing import SigningKey, VerifyKey

LOCK = ".lock"
COSIGNED = "cosigned"
MOST_ANNOUNCED = 10_000
"""Entries of one journal: 65 bytes each, in a note of at most a million."""


class Ledger(LedgerView):
    """The writer. Holds the ledger's lock from `create` or `open` until `close` or the end of the process."""

    def __init__(self, files: Files, signers: "Signers", lock: WriterLock, head: Head) -> None:
        super().__init__(head)
        self._files = files
        self._signers = signers
        self._key = signers.key
        self._lock = lock
        self._tail = _packed_tail(head)
        self._refusal = ""

    @classmethod
    def create(
        cls,
        folder: Path,
        key: SigningKey,
        origin: str,
        disk: Disk = Files,
        *,
        second: CosigningKey | None = None,
    ) -> Self:
        """A new, empty ledger in a new folder; `origin` names it in every checkpoint, for ever.

        second: signs every checkpoint too, beside the Ed25519 `key`; an ML-DSA-44 key holds when that no longer does.

        Raises:
            UsageError: the folder exists, its parent does not, or the origin has spaces or a plus sign.
            StorageError: the disk refused; no folder is left.
        """
        if not origin.isprintable() or not origin or any(c.isspace() or c == "+" for c in origin):
            raise UsageError(
                f"an origin like example.com/run expected, got {origin!r}; leave spaces and + out"
            )
        files = disk(folder)
        files.make_root()
        try:
            signers = Signers(key, second)
            head = signers.head(Checkpoint(origin, 0, Edge().root()), TiledTree(files, Edge()))
            files.write_durably(CHECKPOINT, head.note.encode())
            return cls(files, signers, WriterLock.take(folder / LOCK), head)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # ours: it did not exist
            raise

    @classmethod
    def open(
        cls, folder: Path, key: SigningKey, disk: Disk = Files, *, second: CosigningKey | None = None
    ) -> Self:
        """Take the lock, finish what a crash cut short, and be ready to append. Never creates a ledger.

        second: as `create` was given it.

        Raises:
            UsageError: there is no ledger in the folder.
            BusyError: another writer has it open; says who and since when.
            TrustError: the checkpoint is not this key's, or the files are not what it signs.
            StorageError: the disk refused.
        """
        files = disk(folder)
        read_head(
            files, key.verify_key
        )  # first, since the lock is a file: opening creates nothing by accident
        lock = WriterLock.take(folder / LOCK)
        try:
            files.remove(TEMPORARY)
            ledger = cls(files, Signers(key, second), lock, read_head(files, key.verify_key))
            ledger._recover()
        except BaseException:
            lock.release()
            raise
        return ledger

    def append(self, entry: bytes) -> int:
        """Add one entry; returns its index when it is durable, in its place, and under the signed checkpoint.

        Raises:
            UsageError: the entry is larger than LARGEST_ENTRY, or the ledger was closed.
            StorageError: the disk refused. Whether the entry is in is then not known, and this object appends
                no more: open the ledger again and look at its last entry.
        """
        return self.extend([entry])[0]

    def extend(self, entries: Iterable[bytes]) -> range:
        """Add entries, each 10,000 under one checkpoint; after a failure a beginning of them may be in.

        Raises:
            as `append` does.
        """
        added = list(entries)
        packed = [pack_entry(entry) for entry in added]  # all sizes are checked before anything is written
        if self._refusal:
            raise UsageError(f"an open ledger expected, got one that {self._refusal}; open it again")
        start = self.size
        for first in range(0, len(added), MOST_ANNOUNCED):
            some = slice(first, first + MOST_ANNOUNCED)
            self._refusal = "failed while appending"  # until the end is reached, whatever interrupts
            leaves = [leaf_hash(entry) for entry in added[some]]
            self._files.write_durably(JOURNAL, journal(self.origin, self.size, leaves, self._key))
            self._integrate(added[some], packed[some])
            self._refusal = ""
        return range(start, self.size)

    @property
    def log(self) -> VerifyKey:
        """The key that its checkpoints are signed with."""
        return self._key.verify_key

    def publish_cosigned(self, note: str) -> None:
        """Keep a checkpoint with the cosignatures of others beside the newest one, for whoever reads the folder.

        Raises:
            TrustError: it is none of this log's.
            StorageError: the disk refused.
        """
        checkpoint = Checkpoint.parse(open_note(note.encode(), [self.log]).text)
        if checkpoint.origin != self.origin or self.root(checkpoint.size) != checkpoint.root:
            raise TrustError(
                f"a checkpoint of this ledger expected, got one of {checkpoint.origin[:200]}; it is another's"
            )
        self._files.write_durably(COSIGNED, note.encode())

    def signed_at(self, size: int) -> str:
        """The checkpoint of the first `size` entries, signed: the log says again what it said then.

        Raises:
            UsageError: there are fewer entries.
        """
        return self._signers.note(Checkpoint(self.origin, size, self.root(size)))

    def close(self) -> None:
        """Give the lock back; a second time does nothing. Reading goes on to work."""
        self._refusal = "was closed"
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _recover(self) -> None:
        """Finish the append that a crash cut short: what was announced and lies beyond the checkpoint is in."""
        while leftover := self._leftover():
            leaves = [leaf_hash(entry) for entry in leftover]
            check_announced(self._files.read(JOURNAL), self.origin, self.size, leaves, self._key.verify_key)
            self._integrate(leftover, [pack_entry(entry) for entry in leftover])
        for level in range(len(self._head.tree.edge.tiles)):
            finished = (self.size >> 8 * (level + 1)) - 1
            if finished >= 0:
                self._discard_partials(level, finished)

    def _leftover(self) -> list[bytes]:
        index, width = divmod(self.size, WIDTH)
        found = self._widest_bundle(index)
        if found <= width:
            return []
        path = bundle_path(index, found)
        # Should its first entries not be the signed ones, then it is not what _write_once is about to write.
        return list(unpack_entries(self._files.read(path) or b"", found, path)[width:])

    def _widest_bundle(self, index: int) -> int:
        """How many entries the widest version of a bundle has; 0 when there is none."""
        full = bundle_path(index)
        if self._files.read(full) is not None:
            return WIDTH
        widths = [name for name in self._files.names(partials_folder(full)) if name.isdecimal()]
        return max((int(width) for width in widths if int(width) < WIDTH), default=0)

    def _integrate(self, entries: list[bytes], packed: list[bytes]) -> None:
        """Bundles, tiles, checkpoint, in this order: a later file is believed only with the earlier ones."""
        tail = self._write_bundles(packed)
        edge, tiles = self._head.tree.edge.grown([leaf_hash(entry) for entry in entries])
        for tile in tiles:
            self._write_once(tile.path, pack_hashes(tile.hashes))
        head = self._signers.head(Checkpoint(self.origin, edge.size, edge.root()), self._head.tree.at(edge))
        self._files.write_durably(CHECKPOINT, head.note.encode())
        self._head, self._tail = head, tail
        for tile in tiles:
            if len(tile.hashes) == WIDTH:
                self._discard_partials(tile.level, tile.index)

    def _write_bundles(self, packed: list[bytes]) -> bytes:
        """Write the entries after those of the unfinished bundle; returns the bytes of the new one."""
        index, width = divmod(self.size, WIDTH)
        data, start = self._tail, 0
        while start < len(packed):
            taken = packed[start : start + WIDTH - width]
            data, width, start = data + b"".join(taken), width + len(taken), start + len(taken)
            self._write_once(bundle_path(index, width), data)
            if width == WIDTH:
                data, width, index = b"", 0, index + 1
        return data

    def _write_once(self, path: str, data: bytes) -> None:
        """Write a tile or bundle. One that a crash left there must be the same, and is made durable."""
        found = self._files.read(path)
        if found is not None and found != data:
            raise TrustError(
                f"no file or the same one expected at {path}, got another; a written tile never changes: "
                "restore the ledger's folder from a copy"
            )
        self._files.write_durably(path, data)

    def _discard_partials(self, level: int, index: int) -> None:
        # tlog-tiles, "Partial Tiles": they stay until the full tile is there; signed checkpoints need them.
        self._files.discard(partials_folder(tile_path(level, index)))
        if level == 0:
            self._files.discard(partials_folder(bundle_path(index)))


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signs a ledger's checkpoints: the log's Ed25519 key, as tlog-tiles asks, and perhaps a second one.

    The second's line is a cosignature in form (tlog-checkpoint has ML-DSA-44 for logs so), of the time it is made.
    """

    key: SigningKey
    second: CosigningKey | None

    def note(self, checkpoint: Checkpoint) -> str:
        """The signed checkpoint."""
        note = sign_note(checkpoint.text(), self.key)
        if self.second is not None:
            line = self.second.cosign(checkpoint, int(time.time()))
            note = Note(note.text, (*note.signatures, line))
        return str(note)

    def head(self, checkpoint: Checkpoint, tree: TiledTree) -> Head:
        """The same, with the tree below it."""
        return Head(checkpoint, self.note(checkpoint), tree)


def _packed_tail(head: Head) -> bytes:
    """The bytes of the unfinished bundle, checked entry by entry."""
    index, width = divmod(head.checkpoint.size, WIDTH)
    return b"".join(map(pack_entry, head.tree.bundle(index))) if width else b""


def writer_of(folder: Path) -> str:
    """Which process has the ledger open for writing, such as `process 7 since ...`; "" when none has."""
    return holder(folder / LOCK)
