"""The newest head that others cosigned, and proofs under it.

    >>> entry, proof = prove_entry(folder, key, 17)
    >>> Path("17.tlog-proof").write_text(str(proof))

A run that has witnesses keeps the newest checkpoint that met its quorum in `ledger/cosigned`, a signed note like
`ledger/checkpoint` with more lines. A proof is made under it where it covers the entry, and else under the checkpoint.
"""

from pathlib import Path
from typing import NamedTuple

from detent.errors import TrustError, UsageError
from detent.ledger._files import Files
from detent.ledger.log import COSIGNED
from detent.ledger.notes import Checkpoint, open_note
from detent.ledger.proof_files import ProofFile, make_proof
from detent.ledger.reader import LedgerReader, LedgerView
from detent.signing import VerifyKey


class ProvenEntry(NamedTuple):
    """An entry's bytes, and the proof that they are in the log."""

    entry: bytes
    proof: ProofFile


def cosigned_head(folder: Path, key: VerifyKey) -> str | None:
    """The note of the newest checkpoint that met the quorum, as the run left it; None where there is none.

    The log's signature is verified. Cosignatures are not: whose count is the business of who reads the proof.

    Raises:
        TrustError: it is no checkpoint, or not one that the log's key signed.
    """
    data = Files(folder).read(COSIGNED)
    if data is None:
        return None
    note = open_note(data, [key])
    Checkpoint.parse(note.text)
    return data.decode()


def prove_entry(folder: Path, key: VerifyKey, index: int) -> ProvenEntry:
    """An entry of the ledger in `folder`, and its proof under the best head there is.

    Raises:
        UsageError: there is no such entry, or no ledger.
        TrustError: something on disk is not what the log signed; or the cosigned head is not one of this ledger,
            which is then set back or forked: both files are evidence.
    """
    cosigned = cosigned_head(folder, key)  # before the checkpoint, which a run at work writes first
    reader = LedgerReader(folder, key)
    if not 0 <= index < reader.size:
        raise UsageError(f"an entry from 0 to {reader.size - 1} expected, got {index}; see the ledger's size")
    note, size = _best(reader, cosigned, index)
    entry = next(reader.entries(index))
    return ProvenEntry(entry, make_proof(index, reader.inclusion_proof(index, size), note))


def _best(reader: LedgerView, cosigned: str | None, index: int) -> tuple[str, int]:
    """The note to prove under, and its size."""
    if cosigned is None:
        return reader.checkpoint, reader.size
    head = Checkpoint.parse(cosigned.partition("\n\n")[0] + "\n")
    known = head.origin == reader.origin and head.size <= reader.size
    if not known or reader.root(head.size) != head.root:
        raise TrustError(
            f"a cosigned head of this ledger of {reader.size} entries expected, got one of {head.size} entries under "
            f"{head.root.hex()}, which it does not lead to; the ledger was set back or rewritten: keep "
            "ledger/checkpoint and ledger/cosigned, they show it"
        )
    return (cosigned, head.size) if index < head.size else (reader.checkpoint, reader.size)
