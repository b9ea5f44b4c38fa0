"""Keys, signatures, and the one way a document becomes bytes.

Ed25519 keys with names, written the way signed notes write them; DSSE envelopes that k of n stewards sign;
RFC 8785 canonical JSON. Knows nothing of what is signed, of charters or of the ledger.
"""

from detent.signing.canonical import canonical
from detent.signing.envelopes import (
    Endorsement,
    add_signature,
    endorsement,
    merge_envelopes,
    open_envelope,
    peek_envelope,
    seal_envelope,
    signers_of,
    tidied,
    unsigned_envelope,
)
from detent.signing.keyfiles import Passphrase, read_key, write_key
from detent.signing.keys import SigningKey, VerifyKey

__all__ = [
    "Endorsement",
    "Passphrase",
    "SigningKey",
    "VerifyKey",
    "add_signature",
    "canonical",
    "endorsement",
    "merge_envelopes",
    "open_envelope",
    "peek_envelope",
    "read_key",
    "seal_envelope",
    "signers_of",
    "tidied",
    "unsigned_envelope",
    "write_key",
]
