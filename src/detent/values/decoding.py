"""From an entry's bytes to the entry, and back to plain values.

    >>> decode_entry(canonical bytes).kind
    'decision/v1'

Unknown kinds and unknown fields are refused: a reader that skipped them would believe less than was written.
"""

from typing import Any

import msgspec

from detent.errors import TrustError
from detent.values.digest import sha256_hex
from detent.values.entries import AnyEntry, Enclosed
from detent.values.entry import Entry

LARGEST_STUB = 1_000
"""Bytes; what stands on the ledger for an enclosed entry has some 200."""

LARGEST_ENCLOSED = 8 << 20
"""Bytes of an entry that lies beside the ledger; read as values it takes up to 25 times as much room."""

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(AnyEntry)


def decode_entry(data: bytes) -> Entry:
    """Read one entry from its bytes.

    Raises:
        TrustError: it is not an entry of a known kind and version.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TrustError(
            f"a ledger entry of a known kind expected, got {data[:60]!r}... ({str(error)[:200]}); "
            "a newer detent wrote it, or the ledger is damaged: run `detent verify`"
        ) from error


def enclosed_in(data: bytes) -> Enclosed | None:
    """What an entry's bytes say of the file that holds the entry itself; None of any other bytes."""
    if len(data) > LARGEST_STUB or b'"kind":"enclosed/v1"' not in data:
        return None
    try:
        entry = decode_entry(data)
    except (TrustError, RecursionError):
        return None
    return entry if isinstance(entry, Enclosed) else None


def stub_of(entry: bytes) -> Enclosed:
    """What stands on the ledger in the place of an entry that is too large for it."""
    stamps = msgspec.json.decode(entry, type=_Stamps)
    return Enclosed(sha256=sha256_hex(entry), size=len(entry), at=stamps.at, generation=stamps.generation)


class _Stamps(msgspec.Struct):
    at: str
    generation: int


def entry_document(entry: Entry) -> dict[str, Any]:
    """The entry as plain JSON values, ready for canonical bytes."""
    document: dict[str, Any] = msgspec.to_builtins(entry)
    return document
