"""Ed25519 keys that have names (RFC 8032; names and key ids as in C2SP signed-note v1.0.0).

>>> key = SigningKey.create("steward-1")
>>> key.verify_key.verify(key.sign(b"yes"), b"yes")

A verify key travels as one line of text, `name+hash+base64`, the "vkey" of signed notes: programs that were
not written here read it.
"""

import base64
import binascii
import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from detent.errors import StorageError, TrustError, UsageError

Passphrase = Callable[[], str]
"""Asks somebody for the passphrase of a key file. Called only when the file is encrypted, and once."""

ED25519 = b"\x01"  # signature type, C2SP signed-note "Signatures"
PUBLIC_BYTES = 32
_LARGEST_KEY_FILE = 65_536
_LONGEST_PASSPHRASE = 1023
"""Bytes; OpenSSL takes no more."""
_LABEL = "detent key: "
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
            raise UsageError(f"{wanted}, whose name and key belong to {str(key)!r}; copy the line again")
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
        text = _read_private(path)
        try:
            private = _decrypted(text, path, passphrase)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UsageError(
                f"an Ed25519 key in PEM PKCS#8 expected, got {path} ({error}); make one with "
                "`openssl genpkey -algorithm ed25519`"
            ) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise UsageError(f"an Ed25519 key expected, got {type(private).__name__} in {path}; make another")
        return cls._named(path, text, private)

    @classmethod
    def _named(cls, path: Path, text: bytes, private: Ed25519PrivateKey) -> Self:
        first = text.split(b"\n", 1)[0].decode("utf-8", "replace")
        if not first.startswith(_LABEL):
            return cls(path.stem, private)
        written = VerifyKey.parse(first.removeprefix(_LABEL))
        key = cls(written.name, private)
        if key.verify_key != written:
            raise TrustError(
                f"the private key of {written} expected, got that of {key.verify_key} in {path}; "
                "the file was edited: restore it from a copy"
            )
        return key

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key to a new file, PEM PKCS#8 under a line with its vkey, mode 0600; durable on return.

        With a passphrase the block is encrypted (PBES2 of RFC 8018: PBKDF2 with 2048 rounds, AES-256), the line before
        it is not. So few rounds are quickly tried: six random words protect a stolen file, one word does not.

        Raises:
            UsageError: the file exists (a key is never overwritten), its folder does not, or the passphrase is
                empty or too long.
            StorageError: the disk refused; no file is left.
        """
        text = self._text(_encryption(passphrase))
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UsageError(f"a new file expected, got {path}, which exists; choose another name") from error
        except FileNotFoundError as error:
            raise UsageError(f"a file in an existing folder expected, got {path}; make the folder") from error
        except OSError as error:
            raise StorageError(f"{path} expected to be written, got {error}; nothing was saved") from error
        try:
            _write_durably(handle, path, text)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise StorageError(f"{path} expected to be written, got {error}; nothing was saved") from error

    def _text(self, encryption: KeySerializationEncryption) -> bytes:
        pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        return (
            f"{_LABEL}{self.verify_key}\n".encode() + pem
        )  # RFC 7468 section 2 allows text before the block

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
            f"a key name without spaces, control characters and plus signs expected, got {name!r}; "
            "use for example example.com/my-run"
        )


def _encryption(passphrase: str | None) -> KeySerializationEncryption:
    if passphrase is None:
        return NoEncryption()
    secret = passphrase.encode("utf-8", "replace")
    if not 1 <= len(secret) <= _LONGEST_PASSPHRASE or secret != passphrase.encode("utf-8", "surrogatepass"):
        raise UsageError(
            f"a passphrase of 1 to {_LONGEST_PASSPHRASE} bytes of text expected, got {len(secret)}; "
            "choose another, or none at all"
        )
    return BestAvailableEncryption(secret)


def _decrypted(text: bytes, path: Path, passphrase: Passphrase | None) -> object:
    """The private key in the file; `passphrase` is asked only when one is needed."""
    try:
        return load_pem_private_key(text, None)
    except TypeError:  # it is encrypted
        if passphrase is None:
            raise UsageError(
                f"a passphrase for the encrypted {path} expected, got none and nobody to ask; "
                "run this where one can be typed"
            ) from None
    try:
        return load_pem_private_key(text, passphrase().encode())
    except (ValueError, TypeError) as error:  # an empty one counts as none: TypeError
        raise UsageError(
            f"the passphrase of {path} expected, got another, or the file is damaged; try again"
        ) from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _check_private(path, status.st_mode)
            return file.read(_LARGEST_KEY_FILE)
    except OSError as error:
        raise UsageError(f"a key file expected, got {path} ({error.strerror}); name another") from error


def _check_private(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UsageError(f"a key file expected, got {path}, which is no ordinary file; name another")
    if stat.S_IMODE(mode) & 0o077:
        raise TrustError(
            f"a key file that only its owner may read expected, got {path} of mode {stat.S_IMODE(mode):o}; "
            "`chmod 600` it, and if others may have read it, replace the key"
        )


def _write_durably(handle: int, path: Path, data: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
