"""Entries of any size: one that is larger than the ledger takes lies beside it, under its hash.

>>> record = Enclosing(ledger, data)
>>> record.append(b"x" * 100_000), len(next(iter(record.entries())))
(0, 100000)
"""

from collections.abc import Callable, Iterable, Iterator

from detent.assembly.watermark import Watermarked
from detent.engine import DataStore
from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import LARGEST_ENTRY
from detent.signing import canonical
from detent.values import LARGEST_ENCLOSED, enclosed_in, entry_document, stub_of


class Enclosing:
    """A record, for a book to write in, whose entries may be of any size up to LARGEST_ENCLOSED."""

    def __init__(self, record: Watermarked, data: DataStore) -> None:
        self._record = record
        self._data = data

    def append(self, entry: bytes) -> int:
        """As the record's. The file is durable before the entry that names it."""
        return self._record.append(entry if len(entry) <= LARGEST_ENTRY else self._enclosed(entry))

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """As the record's, each whole."""
        return whole(self._record.entries(start), self._data.read_bytes)

    def root(self, size: int | None = None) -> bytes:
        """As the record's."""
        return self._record.root(size)

    def leaf_hash(self, index: int) -> bytes:
        """As the record's: of what stands on the ledger."""
        return self._record.leaf_hash(index)

    def _enclosed(self, entry: bytes) -> bytes:
        if len(entry) > LARGEST_ENCLOSED:
            raise UsageError(
                f"an entry of at most {LARGEST_ENCLOSED} bytes expected, got {len(entry)}; "
                "store the large part beside the ledger and enter its digest"
            )
        self._data.put_bytes(entry)
        return canonical(entry_document(stub_of(entry)))


def whole(entries: Iterable[bytes], read: Callable[[str], bytes]) -> Iterator[bytes]:
    """The entries, each whole: `read` gives the file of that SHA-256, checked.

    Raises:
        TrustError: a file is not what its entry says. And whatever `read` raises.
    """
    for data in entries:
        stub = enclosed_in(data)
        if stub is None:
            yield data
            continue
        if stub.size > LARGEST_ENCLOSED:
            raise TrustError(
                f"an enclosed entry of at most {LARGEST_ENCLOSED} bytes expected, got one of {stub.size}"
            )
        content = read(stub.sha256)
        if len(content) != stub.size:
            raise TrustError(
                f"an entry of {stub.size} bytes expected in {stub.sha256}, got {len(content)}; restore it from a copy"
            )
        yield content


def whole_as_far_as_it_is(entries: Iterable[bytes], read: Callable[[str], bytes]) -> Iterator[bytes]:
    """The same of a record that nobody has looked at yet: what cannot be read stays as it stands on the ledger."""
    for data in entries:
        try:
            yield from whole([data], read)
        except (DetentError, RecursionError):
            yield data
