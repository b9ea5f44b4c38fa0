"""Keys, signatures, and the one way a document becomes bytes.

Ed25519 keys with names, written the way signed notes write them; DSSE envelopes that k of n stewards sign;
RFC 8785 canonical JSON. Knows nothing of what is signed, of charters or of the ledger.
"""

from detent.signing.canonical import canonical
from detent.signing.envelopes import Endorsement, endorsement, open_envelope, peek_envelope, seal_envelope
from detent.signing.keys import SigningKey, VerifyKey

__all__ = [
    "Endorsement",
    "SigningKey",
    "VerifyKey",
    "canonical",
    "endorsement",
    "open_envelope",
    "peek_envelope",
    "seal_envelope",
]
