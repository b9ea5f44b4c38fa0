"""A tree of one size, its hashes and entries read from files and believed only as far as its root vouches.

Every tile is checked against the tile above it, up to the right edge, which is checked against the signed
root; every entry against its leaf hash. So nothing read through here differs from what was signed, whoever
holds the disk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from detent.errors import TrustError
from detent.ledger._edge import Edge
from detent.ledger._files import Files
from detent.ledger._merkle import complete_root, leaf_hash
from detent.ledger.notes import Checkpoint
from detent.ledger.tiles import (
    WIDTH,
    bundle_path,
    levels,
    partial_width,
    tile_path,
    unpack_entries,
    unpack_hashes,
)

_CACHED_TILES = 256  # some 5 MB; the tiles above a million entries are 16

Hashes = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TiledTree:
    """The tree under `edge`. Full tiles never change, so trees of growing size share what was checked."""

    files: Files
    edge: Edge
    checked: dict[tuple[int, int], Hashes] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Files, checkpoint: Checkpoint) -> Self:
        """The tree that a verified checkpoint signs.

        Raises:
            TrustError: its right edge is missing or does not lead to the signed root.
        """
        edge = Edge(
            checkpoint.size,
            tuple(_edge_tile(files, checkpoint.size, level) for level in range(levels(checkpoint.size))),
        )
        if edge.root() != checkpoint.root:
            raise TrustError(
                f"tiles of {checkpoint.size} entries with the signed root {checkpoint.root.hex()} expected, "
                f"got {edge.root().hex()}; tiles or checkpoint are damaged: restore them from a copy"
            )
        return cls(files, edge)

    def at(self, edge: Edge) -> Self:
        """The same tree, grown."""
        return type(self)(self.files, edge, self.checked)

    def node(self, height: int, index: int) -> bytes:
        """The root over leaves [index * 2^height, (index + 1) * 2^height), all within the tree."""
        level, inner = divmod(height, 8)
        tile, start = divmod(index << inner, WIDTH)
        return complete_root(self.tile(level, tile)[start : start + (1 << inner)])

    def tile(self, level: int, index: int) -> Hashes:
        """A tile's hashes, full or at the edge.

        Raises:
            TrustError: the file is missing, or is not what the tile above it says.
        """
        if index == self.edge.size >> 8 * (level + 1):
            return self.edge.tiles[level]
        if (level, index) not in self.checked:
            hashes = self._checked_tile(level, index)
            if len(self.checked) >= _CACHED_TILES:
                del self.checked[next(iter(self.checked))]
            self.checked[level, index] = hashes
        return self.checked[level, index]

    def _checked_tile(self, level: int, index: int) -> Hashes:
        hashes = _read_tile(self.files, level, index, WIDTH)
        above, place = divmod(index, WIDTH)
        if complete_root(hashes) != self.tile(level + 1, above)[place]:
            raise TrustError(
                f"the hashes that the tile above signs expected, got others in {tile_path(level, index)}; "
                "it was changed after it was written: restore it from a copy"
            )
        return hashes

    def bundle(self, index: int) -> tuple[bytes, ...]:
        """The entries of one bundle, as far as the tree reaches.

        Raises:
            TrustError: the file is missing, or an entry is not the one that was signed.
        """
        hashes = self.tile(0, index)
        path, width, data = _read(self.files, lambda width: bundle_path(index, width), len(hashes))
        entries = unpack_entries(data, width, path)[: len(hashes)]
        if tuple(map(leaf_hash, entries)) != hashes:
            raise TrustError(
                f"the entries that the checkpoint signs expected, got others in {path}; "
                "they were changed after they were written: restore the file from a copy"
            )
        return entries

    def entries(self, start: int) -> Iterator[bytes]:
        """Every entry from `start` on, in order."""
        first, skipped = divmod(start, WIDTH)
        for index in range(first, (self.edge.size + WIDTH - 1) // WIDTH):
            yield from self.bundle(index)[skipped:]
            skipped = 0


def _edge_tile(files: Files, size: int, level: int) -> Hashes:
    width = partial_width(size, level)
    return _read_tile(files, level, size >> 8 * (level + 1), width) if width else ()


def _read_tile(files: Files, level: int, index: int, width: int) -> Hashes:
    path, found, data = _read(files, lambda width: tile_path(level, index, width), width)
    return unpack_hashes(data, found, path)[:width]


def _read(files: Files, path_of: Callable[[int], str], width: int) -> tuple[str, int, bytes]:
    """The file of that width, else the full one, which begins with it: partial files go once it is there."""
    for found in (width, WIDTH):
        data = files.read(path_of(found))
        if data is not None:
            return path_of(found), found, data
    raise TrustError(f"{path_of(width)} expected, got no such file; restore the ledger's folder from a copy")
