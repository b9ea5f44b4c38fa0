"""What a ledger's entries lead to: its leaf hashes and the root at every size, derived and never believed.

    >>> tree.roots[2].hex()[:8], tree.leaf(1).hex()[:8]
    ('fac54203', '96a296d2')

Hashes as in RFC 6962 section 2.1, in code that the writer does not share. Of a long ledger one hash a bundle is
kept, the root over its 256 entries (some 64 bytes); entries and leaf hashes are read again when they are asked
for, and held against it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from detent.audit.sources import WIDTH, Source, unpacked
from detent.errors import TrustError

Rows = list[list[bytes]]
"""rows[h][i]: the root over hashes [i * 2^h, (i + 1) * 2^h), as far as there are so many."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def rows_over(hashes: Sequence[bytes]) -> Rows:
    """The roots of all complete subtrees over hashes of one level."""
    rows, sha256 = [list(hashes)], hashlib.sha256
    while len(rows[-1]) > 1:
        row = rows[-1]
        # An odd one out at the end belongs to no complete subtree of the next height.
        pairs = zip(row[::2], row[1::2], strict=False)
        rows.append([sha256(b"\1" + left + right).digest() for left, right in pairs])
    return rows


def prefix_roots(leaves: Sequence[bytes]) -> Iterator[bytes]:
    """The root over the first 0, 1, 2, ... leaf hashes."""
    rows = rows_over(leaves)
    for size in range(len(leaves) + 1):
        yield _bagged(_peaks(rows, size))


def _peaks(rows: Rows, count: int) -> list[bytes]:
    """The complete subtrees that the first `count` hashes fall into, largest first; one a bit."""
    peaks, start = [], 0
    for height in reversed(range(count.bit_length())):
        if count >> height & 1:
            peaks.append(rows[height][start >> height])
            start += 1 << height
    return peaks


def _bagged(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return hashlib.sha256().digest()
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = _node(left, root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Bundle(NamedTuple):
    """Entries that stand in one bundle, and the subtrees over their leaf hashes."""

    entries: Sequence[bytes]
    rows: Rows

    @classmethod
    def of(cls, entries: Sequence[bytes]) -> "Bundle":
        """Hash them."""
        sha256 = hashlib.sha256
        return cls(entries, rows_over([sha256(b"\0" + entry).digest() for entry in entries]))


@dataclass(slots=True)
class Derived:
    """The tree over entries that are handed in bundle by bundle; it forgets the entries, and can read them again.

    full: the subtrees over the roots of the full bundles. last: leaf hashes of the bundle after them.
    """

    source: Source
    signed: int
    size: int = 0
    full: Rows = field(default_factory=lambda: [[]])
    last: tuple[bytes, ...] = ()
    _read: tuple[int, Bundle] | None = None

    def take(self, bundle: Bundle) -> None:
        """The next bundle; none may follow one that is not full."""
        self.size += len(bundle.entries)
        if len(bundle.entries) < WIDTH:
            self.last = tuple(bundle.rows[0])
            return
        self.full[0].append(bundle.rows[-1][0])
        height = 0
        while len(self.full[height]) % 2 == 0:
            if height + 1 == len(self.full):
                self.full.append([])
            self.full[height + 1].append(_node(*self.full[height][-2:]))
            height += 1

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries."""
        bundles, rest = divmod(size, WIDTH)
        inner = _peaks(self._rows(bundles), rest) if rest else []
        return _bagged(_peaks(self.full, bundles) + inner)

    def leaf(self, index: int) -> bytes:
        """The leaf hash of one entry."""
        return self._rows(index // WIDTH)[0][index % WIDTH]

    def _rows(self, index: int) -> Rows:
        return rows_over(self.last) if index == len(self.full[0]) else self.bundle(index).rows

    def bundle(self, index: int) -> Bundle:
        """Read one again.

        Raises:
            TrustError: it is no longer what it was when the tree was derived.
        """
        if self._read is None or self._read[0] != index:
            self._read = index, self._again(index)
        return self._read[1]

    def _again(self, index: int) -> Bundle:
        width = min(WIDTH, self.size - WIDTH * index)
        found = self.source.bundle(index, self.signed)
        bundle = Bundle.of(unpacked(found.data)[0][:width] if found is not None else [])
        before = [self.full[0][index]] if width == WIDTH else list(self.last)
        if bundle.rows[-1 if width == WIDTH else 0] != before:
            raise TrustError(
                f"the entries from {WIDTH * index} on expected as they were a moment ago, got others; "
                "somebody changed the ledger meanwhile: verify a copy"
            )
        return bundle


@dataclass(frozen=True, slots=True)
class Entries(Sequence[bytes]):
    """Every entry, read when it is asked for. Raises TrustError when it has been changed since."""

    derived: Derived

    def __len__(self) -> int:
        return self.derived.size

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(len(self))[index])
        place = range(len(self))[index]
        return self.derived.bundle(place // WIDTH).entries[place % WIDTH]


@dataclass(frozen=True, slots=True)
class Roots(Sequence[bytes]):
    """roots[i]: the root over the first i entries, for every i up to their number."""

    derived: Derived

    def __len__(self) -> int:
        return self.derived.size + 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(len(self))[index])
        return self.derived.root(range(len(self))[index])
