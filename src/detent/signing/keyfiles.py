"""Private keys in files: PEM PKCS#8 under a line that names the key, mode 0600, never overwritten.

    detent key: <vkey>
    -----BEGIN PRIVATE KEY-----

RFC 7468 section 2 allows text before the block, so any other program reads the file too.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from detent.disk import sync_folder
from detent.errors import StorageError, TrustError, UsageError

Passphrase = Callable[[], str]
"""Asks somebody for the passphrase of a key file. Called only when the file is encrypted, and once."""

Private = Ed25519PrivateKey | MLDSA44PrivateKey | EllipticCurvePrivateKey
"""Kinds of keys that are written; the last for exports whose formats take no other."""

_LARGEST_KEY_FILE = 65_536
_LONGEST_PASSPHRASE = 1023
"""Bytes; OpenSSL takes no more."""
_LABEL = "detent key: "


def read_key(path: Path, passphrase: Passphrase | None) -> tuple[str, object]:
    """The vkey in the line before the PEM block ("" without one), and the private key of any kind.

    Raises:
        UsageError: there is no such file, it holds no key, or its passphrase is missing or wrong.
        TrustError: others may read the file.
    """
    text = _read_private(path)
    try:
        private = _decrypted(text, path, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"a private key in PEM PKCS#8 expected, got {path} ({error}); make an Ed25519 key with "
            "`openssl genpkey -algorithm ed25519`"
        ) from error
    first = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    return first.removeprefix(_LABEL) if first.startswith(_LABEL) else "", private


def write_key(path: Path, vkey: str, private: Private, passphrase: str | None) -> None:
    """Write the key to a new file of mode 0600, under a line with its vkey (or another name); durable on return.

    With a passphrase the block is encrypted (PBES2 of RFC 8018: PBKDF2 with 2048 rounds, AES-256), the line before
    it is not. So few rounds are quickly tried: six random words protect a stolen file, one word does not.

    Raises:
        UsageError: the file exists (a key is never overwritten), its folder does not, or the passphrase is
            empty or too long.
        StorageError: the disk refused; no file is left.
    """
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(passphrase))
    text = f"{_LABEL}{vkey}\n".encode() + pem
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
    sync_folder(path.parent)
