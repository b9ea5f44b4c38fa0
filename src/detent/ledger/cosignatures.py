"""Cosignatures (C2SP tlog-cosignature): another party says that, as of a time, it saw the log only ever grow.

    >>> key = CosigningKey.create("witness.example.com/w1")
    >>> line = key.cosign(checkpoint, 1_900_000_000)
    >>> key.verify_key.timestamp_of(line, checkpoint)
    1900000000

Two kinds, told apart by the type byte in the vkey: Ed25519 cosignature/v1 (0x04) and ML-DSA-44 (0x06, FIPS 204),
which holds against quantum computers too. A log may sign its own checkpoints with the second kind as well.
Only the three lines of a checkpoint are ever signed: nobody vouches for more.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from detent.errors import TrustError, UsageError
from detent.ledger.notes import KEY_ID_BYTES, Checkpoint, Note, Signature
from detent.signing import Passphrase, read_key, write_key

Algorithm = Literal["ed25519", "ml-dsa-44"]

TYPES: dict[Algorithm, bytes] = {"ed25519": b"\x04", "ml-dsa-44": b"\x06"}
"""Signature types of signed-note, "Signatures"."""

PUBLIC_BYTES: dict[Algorithm, int] = {"ed25519": 32, "ml-dsa-44": 1312}
SIGNATURE_BYTES: dict[Algorithm, int] = {"ed25519": 64, "ml-dsa-44": 2420}
TIME_BYTES = 8
LATEST = 2**63 - 1
_LONGEST_NAME = 255  # bytes; ML-DSA's message holds name and origin with a length of one byte
_SUBTREE = b"subtree/v1\n\0"
_VKEY = re.compile(r"(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """The public half: who cosigns, how, and the key's bytes. `str(key)` is its vkey."""

    name: str
    algorithm: Algorithm
    public: bytes

    def __post_init__(self) -> None:
        if len(self.public) != PUBLIC_BYTES[self.algorithm]:
            raise UsageError(
                f"an {self.algorithm} public key of {PUBLIC_BYTES[self.algorithm]} bytes expected, "
                f"got {len(self.public)} bytes"
            )
        proper = self.name.isprintable() and not any(c.isspace() or c == "+" for c in self.name)
        if not proper or not 1 <= len(self.name.encode()) <= _LONGEST_NAME:
            raise UsageError(
                f"a cosigner's name of 1 to {_LONGEST_NAME} bytes without spaces and plus signs expected, "
                f"got {self.name[:80]!r}; use for example witness.example.com/w1"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey of type 4 or 6.

        Raises:
            UsageError: it is none, or its hash is not that of its name and key.
        """
        wanted = f"a cosigner's verify key as `name+hash+base64` expected, got {text[:120]!r}"
        match = _VKEY.fullmatch(text)
        if match is None:
            raise UsageError(f"{wanted}; copy the whole line, without spaces")
        try:
            typed = base64.b64decode(match["key"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError(f"{wanted}, whose last part is no base64; copy the whole line") from error
        algorithm = next((name for name, byte in TYPES.items() if byte == typed[:1]), None)
        if algorithm is None:
            raise UsageError(f"{wanted} of type {typed[0]}; cosigners' keys have type 4 or 6")
        key = cls(match["name"], algorithm, typed[1:])
        if str(key) != text:
            raise UsageError(
                f"{wanted}, whose name and key belong to {str(key)[:120]!r}; copy the line again"
            )
        return key

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line names its key (tlog-cosignature, "Format")."""
        return hashlib.sha256(self.name.encode() + b"\n" + TYPES[self.algorithm] + self.public).digest()[
            :KEY_ID_BYTES
        ]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(TYPES[self.algorithm] + self.public).decode()}"

    def made(self, signature: Signature) -> bool:
        """Whether the line claims to be this cosigner's."""
        return (signature.name, signature.key_id) == (self.name, self.id)

    def timestamp_of(self, signature: Signature, checkpoint: Checkpoint) -> int:
        """When this cosigner made the line over `checkpoint`, in seconds since 1970; verified.

        Raises:
            TrustError: it did not.
        """
        blob = signature.signature
        if not self.made(signature) or len(blob) != TIME_BYTES + SIGNATURE_BYTES[self.algorithm]:
            raise self._refusal(checkpoint)
        timestamp = int.from_bytes(blob[:TIME_BYTES], "big")
        if timestamp > LATEST:
            raise self._refusal(checkpoint)
        try:
            message = _message(self.name, self.algorithm, checkpoint, timestamp)
            if self.algorithm == "ed25519":
                Ed25519PublicKey.from_public_bytes(self.public).verify(blob[TIME_BYTES:], message)
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(blob[TIME_BYTES:], message)
        except (InvalidSignature, ValueError, UsageError) as error:  # the last: no such name can be signed
            raise self._refusal(checkpoint) from error
        return timestamp

    def _refusal(self, checkpoint: Checkpoint) -> TrustError:
        return TrustError(
            f"a cosignature by {self.name} of {checkpoint.origin[:200]} at size {checkpoint.size} expected, "
            "got one that does not verify; what was signed has changed, or another key signed it"
        )


@dataclass(frozen=True, slots=True, eq=False)
class CosigningKey:
    """The private half. It is a secret: `repr` does not show it, only `save` writes it."""

    name: str
    private: Ed25519PrivateKey | MLDSA44PrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, algorithm: Algorithm = "ed25519") -> Self:
        """A new key from the system's random source. One key is one cosigner's, never two's."""
        made = Ed25519PrivateKey.generate() if algorithm == "ed25519" else MLDSA44PrivateKey.generate()
        key = cls(name, made)
        _ = key.verify_key  # a name that no note can hold is refused here
        return key

    @classmethod
    def load(cls, path: Path, passphrase: Passphrase | None = None) -> Self:
        """Read the key that `save` wrote.

        Raises:
            UsageError: there is no such key in the file, or its passphrase is missing or wrong.
            TrustError: others may read the file, or its line belongs to another key.
        """
        label, private = read_key(path, passphrase)
        if not isinstance(private, Ed25519PrivateKey | MLDSA44PrivateKey):
            raise UsageError(
                f"an Ed25519 or ML-DSA-44 key expected, got {type(private).__name__} in {path}; make another"
            )
        written = CosignerKey.parse(label)
        key = cls(written.name, private)
        if key.verify_key != written:
            raise TrustError(
                f"the private key of {str(written)[:120]} expected, got another in {path}; "
                "the file was edited: restore it from a copy"
            )
        return key

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key to a new file; encrypted where a passphrase is given. Errors as `signing.write_key`."""
        write_key(path, str(self.verify_key), self.private, passphrase)

    @property
    def algorithm(self) -> Algorithm:
        """How it signs."""
        return "ed25519" if isinstance(self.private, Ed25519PrivateKey) else "ml-dsa-44"

    @property
    def verify_key(self) -> CosignerKey:
        """The public half."""
        return CosignerKey(self.name, self.algorithm, self.private.public_key().public_bytes_raw())

    def cosign(self, checkpoint: Checkpoint, timestamp: int) -> Signature:
        """The signature line over `checkpoint`, as of `timestamp` (seconds since 1970).

        Ed25519 gives the same bytes for the same time; ML-DSA-44 gives others each time.

        Raises:
            UsageError: the time cannot be written, or the log's origin is too long for ML-DSA-44's message.
        """
        if not 0 <= timestamp <= LATEST:
            raise UsageError(f"a time from 0 to 2^63 - 1 expected, got {timestamp}; set the clock right")
        message = _message(self.name, self.algorithm, checkpoint, timestamp)
        blob = timestamp.to_bytes(TIME_BYTES, "big") + self.private.sign(message)
        return Signature(self.name, self.verify_key.id, blob)


def verified_cosignatures(note: Note, keys: Sequence[CosignerKey]) -> dict[CosignerKey, int]:
    """Who of `keys` cosigned the note's checkpoint, and when; lines by others are passed over.

    Raises:
        TrustError: the note is no checkpoint, or a line that names one of the keys does not verify (then none of
            the note is believed, as signed-note asks).
    """
    checkpoint = Checkpoint.parse(note.text)
    known = {(key.name, key.id): key for key in keys}
    found: dict[CosignerKey, int] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            timestamp = key.timestamp_of(line, checkpoint)
            found[key] = max(timestamp, found.get(key, 0))
    return found


def _message(name: str, algorithm: Algorithm, checkpoint: Checkpoint, timestamp: int) -> bytes:
    """What is signed: tlog-cosignature, "Ed25519 signed message" and "ML-DSA-44 signed message"."""
    if algorithm == "ed25519":
        return f"cosignature/v1\ntime {timestamp}\n{checkpoint.text()}".encode()
    return b"".join(
        (
            _SUBTREE,
            _short(name),
            timestamp.to_bytes(8, "big"),
            _short(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short(text: str) -> bytes:
    """The text's bytes after their number in one byte."""
    data = text.encode()
    if not 1 <= len(data) <= _LONGEST_NAME:
        raise UsageError(
            f"a name of 1 to {_LONGEST_NAME} bytes expected, got {len(data)} bytes; ML-DSA-44 signs no longer one"
        )
    return len(data).to_bytes(1, "big") + data
