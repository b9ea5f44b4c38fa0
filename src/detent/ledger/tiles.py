"""How a tree lies in files: C2SP tlog-tiles v0.1.0.

>>> tile_path(0, 1234067), tile_path(1, 5, 17)
('tile/0/x001/x234/067', 'tile/1/005.p/17')

A tile is 256 hashes of one level, an entry bundle 256 entries; the last of each may be partial, and then its
width is part of its name. A file, once written, never changes: growth makes new names.
"""

from collections.abc import Iterator, Sequence

from detent.errors import TrustError, UsageError
from detent.ledger._merkle import HASH_BYTES

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

LARGEST_ENTRY = 65_535
"""Bytes; an entry's length is written in 16 bits. What is larger goes beside the ledger, under its digest."""

LENGTH_BYTES = 2


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where the hashes of tile `index` at `level` lie, relative to the ledger's folder."""
    return f"tile/{level}/{_number(index)}{_suffix(width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Where entries [256 * index, 256 * index + width) lie, relative to the ledger's folder."""
    return f"tile/entries/{_number(index)}{_suffix(width)}"


def partials_folder(path: str) -> str:
    """Where the narrower versions of a full tile or bundle lie."""
    return f"{path}.p"


def partial_width(size: int, level: int) -> int:
    """How many hashes the unfinished tile at `level` has in a tree of `size` entries; 0 for no tile."""
    return (size >> 8 * level) % WIDTH


def levels(size: int) -> int:
    """How many levels of tiles a tree of `size` entries has."""
    return (size.bit_length() + 7) // 8


def pack_hashes(hashes: Sequence[bytes]) -> bytes:
    """A tile's bytes."""
    return b"".join(hashes)


def unpack_hashes(data: bytes, width: int, path: str) -> tuple[bytes, ...]:
    """The `width` hashes of a tile's bytes.

    Raises:
        TrustError: it has not exactly so many.
    """
    if len(data) != width * HASH_BYTES:
        raise TrustError(
            f"{width} hashes of {HASH_BYTES} bytes expected, got {len(data)} bytes in {path}; "
            "the tile is damaged: restore it from a copy"
        )
    return tuple(data[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(width))


def pack_entry(entry: bytes) -> bytes:
    """An entry with its length before it, as it stands in a bundle.

    Raises:
        UsageError: it is larger than LARGEST_ENTRY.
    """
    if len(entry) > LARGEST_ENTRY:
        raise UsageError(
            f"an entry of at most {LARGEST_ENTRY} bytes expected, got {len(entry)} bytes; "
            "store the large part beside the ledger and enter its digest"
        )
    return len(entry).to_bytes(LENGTH_BYTES, "big") + entry


def unpack_entries(data: bytes, width: int, path: str) -> tuple[bytes, ...]:
    """The `width` entries of a bundle's bytes.

    Raises:
        TrustError: it has not exactly so many, or one is cut off.
    """
    entries = tuple(_split_entries(data, path))
    if len(entries) != width:
        raise TrustError(
            f"{width} entries expected, got {len(entries)} in {path}; "
            "the bundle is damaged: restore it from a copy"
        )
    return entries


def _split_entries(data: bytes, path: str) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise TrustError(
                f"{at - len(data)} more bytes in the last entry expected, got the end of {path}; "
                "the bundle is damaged: restore it from a copy"
            )
        yield data[start:at]


def _number(index: int) -> str:
    """Groups of three digits, all but the last marked with an x, so that no file is also a folder."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _suffix(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
