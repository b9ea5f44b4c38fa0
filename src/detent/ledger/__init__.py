"""The append-only record: entries in, a signed Merkle tree of them on disk.

The folder *is* a C2SP tlog-tiles log (`checkpoint`, `tile/<level>/<n>`, `tile/entries/<n>`) that any static
file server publishes. One writer, any number of readers. To this part entries are bytes: it knows nothing of
their kinds, of the run or of who may write what.
"""

from detent.ledger._merkle import leaf_hash
from detent.ledger.cosignatures import CosignerKey, CosigningKey, verified_cosignatures
from detent.ledger.heads import ProvenEntry, cosigned_head, prove_entry
from detent.ledger.log import COSIGNED, Ledger, Signers, writer_of
from detent.ledger.notes import Checkpoint, Note, Signature, open_note, sign_note
from detent.ledger.policy import Group, Log, Policy, Satisfied, Witness, least_shared, refuse_forks
from detent.ledger.proof_files import ProofFile, Proven, make_proof, verify_entry
from detent.ledger.proofs import verify_consistency, verify_inclusion
from detent.ledger.published import published_files, published_names
from detent.ledger.reader import LedgerReader, LedgerView
from detent.ledger.receipts import Receipted, make_receipt, verify_receipt
from detent.ledger.splits import SplitView, split_view
from detent.ledger.tiles import LARGEST_ENTRY

__all__ = [
    "COSIGNED",
    "LARGEST_ENTRY",
    "Checkpoint",
    "CosignerKey",
    "CosigningKey",
    "Group",
    "Ledger",
    "LedgerReader",
    "LedgerView",
    "Log",
    "Note",
    "Policy",
    "ProofFile",
    "Proven",
    "ProvenEntry",
    "Receipted",
    "Satisfied",
    "Signature",
    "Signers",
    "SplitView",
    "Witness",
    "cosigned_head",
    "leaf_hash",
    "least_shared",
    "make_proof",
    "make_receipt",
    "open_note",
    "prove_entry",
    "published_files",
    "published_names",
    "refuse_forks",
    "sign_note",
    "split_view",
    "verified_cosignatures",
    "verify_consistency",
    "verify_entry",
    "verify_inclusion",
    "verify_receipt",
    "writer_of",
]
