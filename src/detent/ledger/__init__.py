"""The append-only record: entries in, a signed Merkle tree of them on disk.

The folder *is* a C2SP tlog-tiles log (`checkpoint`, `tile/<level>/<n>`, `tile/entries/<n>`) that any static
file server publishes. One writer, any number of readers. To this part entries are bytes: it knows nothing of
their kinds, of the run or of who may write what.
"""

from detent.ledger.cosignatures import CosignerKey, CosigningKey, verified_cosignatures
from detent.ledger.log import Ledger, writer_of
from detent.ledger.notes import Checkpoint, Note, Signature, open_note, sign_note
from detent.ledger.policy import Policy, refuse_forks
from detent.ledger.proofs import verify_consistency, verify_inclusion
from detent.ledger.published import published_files, published_names
from detent.ledger.reader import LedgerReader, LedgerView
from detent.ledger.tiles import LARGEST_ENTRY

__all__ = [
    "LARGEST_ENTRY",
    "Checkpoint",
    "CosignerKey",
    "CosigningKey",
    "Ledger",
    "LedgerReader",
    "LedgerView",
    "Note",
    "Policy",
    "Signature",
    "open_note",
    "published_files",
    "published_names",
    "refuse_forks",
    "sign_note",
    "verified_cosignatures",
    "verify_consistency",
    "verify_inclusion",
    "writer_of",
]
