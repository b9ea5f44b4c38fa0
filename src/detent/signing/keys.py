"""Ed25519 keys that have names (RFC 8032; names and key ids as in C2SP signed-note v1.0.0).

>>> key = SigningKey.create("steward-1")
>>> key.verify_key.verify(key.sign(b"yes"), b"yes")

A verify key travels as one line of text, `name+hash+base64`, the "vkey" of signed notes: programs that were
not written here read it.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from detent.errors import TrustError, UsageError
from detent.signing.keyfiles import Passphrase, read_key, write_key

ED25519 = b"\x01"  # signature type, C2SP signed-note "Signatures"
PUBLIC_BYTES = 32
_VKEY = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half: a name and 32 bytes. `str(key)` is its vkey text."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != PUBLIC_BYTES:
            raise UsageError(
                f"an Ed25519 public key of {PUBLIC_BYTES} bytes expected, got {len(self.public)} bytes"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey.

        Raises:
            UsageError: it is not a vkey, not an Ed25519 one, or its hash is not that of its name and key.
        """
        wanted = f"a verify key as `name+hash+base64` expected, got {text[:120]!r}"
        match = _VKEY.fullmatch(text)
        if match is None:
            raise UsageError(f"{wanted}; copy the whole line, without spaces")
        try:
            typed = base64.b64decode(match["key"], validate=True)
        except binascii.Error as error:
            raise UsageError(f"{wanted}, whose last part is no base64; copy the whole line") from error
        if typed[:1] != ED25519:
            raise UsageError(f"{wanted} of type {typed[0]}; Detent verifies Ed25519 (type 1) only")
        key = cls(match["name"], typed[1:])
        if str(key) != text:
            raise UsageError(
                f"{wanted}, whose name and key belong to {str(key)[:200]!r}; copy the line again"
            )
        return key

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line names its key (C2SP signed-note, "Signatures")."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when `signature` is this key's over `message`.

        Raises:
            TrustError: it is not.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise TrustError(
                f"a signature by {self.name} expected, got one that does not verify; "
                "what was signed has changed, or another key signed it"
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """The private half. It is a secret: `repr` does not show it, only `save` writes it."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)

    @classmethod
    def create(cls, name: str) -> Self:
        """A new key from the system's random source."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """The key that RFC 8032 section 5.1.5 derives from 32 secret bytes; the same seed is the same key."""
        try:
            return cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        except ValueError as error:
            raise UsageError(f"a seed of 32 bytes expected, got {len(seed)}") from error

    @classmethod
    def load(cls, path: Path, passphrase: Passphrase | None = None) -> Self:
        """Read the key that `save` wrote, or any Ed25519 PKCS#8 PEM file.

        The name stands in a line before the PEM block; a file without one is named after its stem.

        Args:
            path: of the file.
            passphrase: asked when the file is encrypted; without it, such a file is refused.

        Raises:
            UsageError: there is no such file, it holds no such key, or its passphrase is missing or wrong.
            TrustError: others may read the file, or its line belongs to another key.
        """
        label, private = read_key(path, passphrase)
        if not isinstance(private, Ed25519PrivateKey):
            raise UsageError(f"an Ed25519 key expected, got {type(private).__name__} in {path}; make another")
        if not label:
            return cls(path.stem, private)
        written = VerifyKey.parse(label)
        key = cls(written.name, private)
        if key.verify_key != written:
            raise TrustError(
                f"the private key of {written} expected, got that of {key.verify_key} in {path}; "
                "the file was edited: restore it from a copy"
            )
        return key

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key to a new file; encrypted where a passphrase is given. Errors as `keyfiles.write_key`."""
        write_key(path, str(self.verify_key), self.private, passphrase)

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        return VerifyKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 byte signature over `message`; the same message gives the same bytes."""
        return self.private.sign(message)


def _check_name(name: str) -> None:
    """C2SP signed-note: no Unicode spaces, no plus; and nothing that does not print, which no note holds."""
    if not name or "+" in name or not all(c.isprintable() and not c.isspace() for c in name):
        raise UsageError(
            f"a key name without spaces, control characters and plus signs expected, got {name[:120]!r}; "
            "use for example example.com/my-run"
        )
