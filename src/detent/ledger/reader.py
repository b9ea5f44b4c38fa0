"""Reading the ledger: any number of readers beside the writer, without a lock.

    >>> reader = LedgerReader(folder, key.verify_key)
    >>> reader.size, next(reader.entries())
    (1, b'{"kind":...}')

A reader stands at one signed checkpoint until `refresh`; what it returns is checked against that signature.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from detent.errors import TrustError, UsageError
from detent.ledger._files import Files
from detent.ledger._tree import TiledTree
from detent.ledger.notes import Checkpoint, open_note
from detent.ledger.proofs import consistency_path, inclusion_path, root_at
from detent.signing import VerifyKey

CHECKPOINT = "checkpoint"
TILES = "tile"

Disk = Callable[[Path], Files]


class Head(NamedTuple):
    """A verified checkpoint: what it says, the signed note it says it in, and the tree below it."""

    checkpoint: Checkpoint
    note: str
    tree: TiledTree


class LedgerView:
    """The ledger as one signed checkpoint covers it: what readers and the writer have in common."""

    def __init__(self, head: Head) -> None:
        self._head = head

    @property
    def origin(self) -> str:
        """The log's name, the first line of its checkpoints."""
        return self._head.checkpoint.origin

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._head.checkpoint.size

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint, as text."""
        return self._head.note

    def root(self, size: int | None = None) -> bytes:
        """The Merkle root over the first `size` entries; over all when it is not given.

        Raises:
            UsageError: there are fewer entries.
        """
        if size is None:
            return self._head.checkpoint.root
        self._check_size(size)
        return root_at(size, self._head.tree.node)

    def leaf_hash(self, index: int) -> bytes:
        """SHA-256(0x00 || entry) of the entry at `index`.

        Raises:
            UsageError: there is no such entry.
        """
        if not 0 <= index < self.size:
            raise UsageError(
                f"an index from 0 to {self.size - 1} expected, got {index}; see the ledger's size"
            )
        return self._head.tree.node(0, index)

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """Every entry from `start` on, in order, each checked against the signed root before it is returned.

        What is appended after the call is not among them.

        Raises:
            UsageError: `start` is not within the ledger.
            TrustError: while iterating: a file is missing or not what was signed.
        """
        self._check_size(start)
        return self._head.tree.entries(start)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The hashes that show entry `index` in the tree of the first `size` entries, its sibling first.

        Raises:
            UsageError: there is no such entry or size.
        """
        size = self._check_size(self.size if size is None else size)
        return inclusion_path(index, size, self._head.tree.node)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """The hashes that show the tree of `old` entries as the beginning of that of `new`.

        Raises:
            UsageError: not 0 <= old <= new <= size.
        """
        new = self._check_size(self.size if new is None else new)
        return consistency_path(old, new, self._head.tree.node)

    def _check_size(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise UsageError(f"a number of entries from 0 to {self.size} expected, got {size}; see the size")
        return size


class LedgerReader(LedgerView):
    """The ledger as it stood when the reader was made or last refreshed.

    Raises:
        UsageError: there is no ledger in the folder.
        TrustError: its checkpoint is not signed by `key`, or the tiles do not lead to it.
    """

    def __init__(self, folder: Path, key: VerifyKey, disk: Disk = Files) -> None:
        self._files = disk(folder)
        self._key = key
        super().__init__(read_head(self._files, key))

    def refresh(self) -> int:
        """Move to the newest checkpoint; returns how many entries are new.

        Raises:
            TrustError: the new checkpoint does not continue the one before. The reader stays where it was.
        """
        before, head = self._head.checkpoint, read_head(self._files, self._key)
        after = head.checkpoint
        if after.origin != before.origin or after.size < before.size:
            raise TrustError(
                f"{before.origin} with {before.size} entries or more expected, got {after.origin[:200]} with "
                f"{after.size}; the ledger was exchanged or set back: restore it from a copy"
            )
        if root_at(before.size, head.tree.node) != before.root:
            raise TrustError(
                f"the same first {before.size} entries expected, got others; the ledger's history was "
                "rewritten: keep both checkpoints, they prove it"
            )
        self._head = head
        return after.size - before.size


def read_head(files: Files, key: VerifyKey) -> Head:
    """The newest checkpoint and the tree it signs."""
    data = files.read(CHECKPOINT)
    if data is None and files.names(TILES):
        raise TrustError(
            f"a checkpoint expected, got tiles without one in {files.root}; restore it from a copy"
        )
    if data is None:
        raise UsageError(f"a ledger expected, got {files.root}, which is none; name one, or make one first")
    note = open_note(data, [key])
    checkpoint = Checkpoint.parse(note.text)
    return Head(checkpoint, data.decode(), TiledTree.read(files, checkpoint))
