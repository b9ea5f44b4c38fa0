"""The right edge of a tree: for each level, the hashes of its unfinished tile. All that growing a tree needs.

>>> edge, written = Edge().grown([leaf_hash(b"a")])
>>> edge.size, [(tile.level, tile.index, len(tile.hashes)) for tile in written]
(1, [(0, 0, 1)])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from detent.ledger._merkle import bagged, complete_root, peaks
from detent.ledger.tiles import WIDTH, levels, tile_path


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile as it is written; partial when it has fewer than 256 hashes."""

    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def path(self) -> str:
        """Its file, relative to the ledger's folder."""
        return tile_path(self.level, self.index, len(self.hashes))


@dataclass(frozen=True, slots=True)
class Edge:
    """`tiles[level]` are the size // 256^level mod 256 hashes that no full tile holds yet."""

    size: int = 0
    tiles: tuple[tuple[bytes, ...], ...] = ()

    def root(self) -> bytes:
        """The tree's root."""
        return bagged([peak for tile in reversed(self.tiles) for peak in peaks(tile)])

    def grown(self, leaves: Sequence[bytes]) -> tuple[Self, list[Tile]]:
        """The edge after those leaf hashes, and every tile this finished, widened or began."""
        size = self.size + len(leaves)
        tiles: list[tuple[bytes, ...]] = []
        written: list[Tile] = []
        hashes = tuple(leaves)
        for level in range(levels(size)):
            before = self.tiles[level] if level < len(self.tiles) else ()
            cut = _cut(level, self.size >> 8 * (level + 1), before + hashes)
            unfinished = cut[-1].hashes if cut and len(cut[-1].hashes) < WIDTH else ()
            tiles.append(unfinished)
            written.extend(cut if hashes else [])
            hashes = tuple(complete_root(tile.hashes) for tile in cut if len(tile.hashes) == WIDTH)
        return type(self)(size, tuple(tiles)), written


def _cut(level: int, first: int, hashes: tuple[bytes, ...]) -> list[Tile]:
    return [
        Tile(level, first + start // WIDTH, hashes[start : start + WIDTH])
        for start in range(0, len(hashes), WIDTH)
    ]
