"""The files of a log of one size, as C2SP tlog-tiles v0.1.0 has them published: their names, and their bytes.

>>> list(published_names(257))[:3]
['tile/entries/000', 'tile/entries/001.p/1', 'tile/0/000']

A folder at work may hold more than these: partial tiles of smaller trees stay for a while.
"""

from collections.abc import Iterator, Sequence

from detent.ledger._merkle import complete_root, leaf_hash
from detent.ledger.tiles import WIDTH, bundle_path, levels, pack_entry, pack_hashes, tile_path


def published_names(size: int) -> Iterator[str]:
    """Names of the bundles and tiles of a tree of `size` entries; of partial ones, those of that size."""
    yield from (bundle_path(index, width) for index, width in _pieces(size))
    for level in range(levels(size)):
        yield from (tile_path(level, index, width) for index, width in _pieces(size >> 8 * level))


def published_files(entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """The same files with their bytes, computed from the entries.

    Raises:
        UsageError: an entry is larger than a bundle can hold.
    """
    for index, width in _pieces(len(entries)):
        some = entries[index * WIDTH : index * WIDTH + width]
        yield bundle_path(index, width), b"".join(map(pack_entry, some))
    hashes = [leaf_hash(entry) for entry in entries]
    for level in range(levels(len(entries))):
        above = []
        for index, width in _pieces(len(hashes)):
            some_hashes = hashes[index * WIDTH : index * WIDTH + width]
            yield tile_path(level, index, width), pack_hashes(some_hashes)
            if width == WIDTH:
                above.append(complete_root(some_hashes))
        hashes = above


def _pieces(total: int) -> Iterator[tuple[int, int]]:
    """(Index, width) of the files that hold `total` things, the last perhaps partial."""
    whole, left = divmod(total, WIDTH)
    yield from ((index, WIDTH) for index in range(whole))
    if left:
        yield whole, left
