r"""The seal: a chain of hashes committed to before the run, opened one link an opening.

    >>> chain = Chain(secret=b"\x07" * 32, length=1000)
    >>> chain.reveal(3).hex()[:8], chain.tip.hex()[:8]
    ('1c348295', '48af7701')
    >>> check_reveal(chain.reveal(3), 3, chain.tip)

Chain: s_N is random, s_{i-1} = SHA-256("detent/chain/v1" || s_i); the tip s_0 stands in the signed charter.
Opening k reveals s_k: k hashes lead from it to the tip, and nothing leads from it to s_{k+1}.

Seed of opening k, each of the five fields preceded by its length as 8 bytes, big-endian, in this order:

    HMAC-SHA256(key = s_k,  "detent/seal/v1", u64 big-endian k, leaf hash of the intent's entry,
                            root of the ledger at size (index of the intent) + 1, entropy)

Entropy is empty here (mode "a"): nobody outside adds any. So problems are unknown to a model that cannot
read the secret, but the operator, who has it, may try out candidates before writing an intent, or throw a
run away.

Test vector: s_k = bytes 00 01 .. 1f, k = 1, leaf 32 bytes aa, root 32 bytes bb, no entropy: the seed is
3053485d43aae77511251a55c08c95f99f0e3188dfabc614bc17b09f156559dc.
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from detent.errors import SealError, StorageError, UsageError

CHAIN_LABEL = b"detent/chain/v1"
SEAL_LABEL = b"detent/seal/v1"
CHAIN_LENGTH = 100_000
"""Links `init` makes: openings a charter can ever have before its seal is renewed."""
LINK_BYTES = 32
_STRIDE = 1_000


class Chain:
    """The links s_0 .. s_N. Made once in about 0.1 s for N = 100,000; keeps every 1,000th link."""

    __slots__ = ("_checkpoints", "length", "tip")

    def __init__(self, secret: bytes, length: int = CHAIN_LENGTH) -> None:
        """Hash from s_N = `secret` (32 bytes) down to the tip.

        Raises:
            SealError: the secret is not 32 bytes long, or the length is below 1.
        """
        if len(secret) != LINK_BYTES or length < 1:
            raise SealError(
                f"a secret of {LINK_BYTES} bytes and a chain of 1 or more links expected, "
                f"got {len(secret)} bytes and {length}; restore the secret, correct [seal] length"
            )
        self.length = length
        self._checkpoints = {length: secret}
        link = secret
        for index in range(length - 1, -1, -1):
            link = _before(link)
            if index % _STRIDE == 0:
                self._checkpoints[index] = link
        self.tip = link

    def __repr__(self) -> str:
        return f"Chain(length={self.length}, tip={self.tip.hex()})"

    def reveal(self, k: int) -> bytes:
        """s_k, of 32 bytes.

        Raises:
            SealError: the chain has no such link to reveal.
        """
        if not 1 <= k <= self.length:
            raise SealError(
                f"an opening of 1 to {self.length} expected, got {k}; "
                "when the chain is spent, amend the charter with a new tip"
            )
        above = min(-(-k // _STRIDE) * _STRIDE, self.length)
        return _hashed(self._checkpoints[above], above - k)


def check_reveal(reveal: bytes, k: int, tip: bytes) -> None:
    """Believe that `reveal` is s_k of the chain with that tip.

    Raises:
        SealError: it is not.
    """
    reached = _hashed(reveal, k) if k >= 1 and len(reveal) == LINK_BYTES else b""
    if not hmac.compare_digest(reached, tip):
        raise SealError(
            f"a reveal expected from which {k} hashes lead to the tip {tip.hex()}, "
            f"got {reveal.hex()}; the outcome of opening {k} is not of this charter's seal"
        )


def opening_seed(link: bytes, k: int, intent_leaf: bytes, root: bytes, entropy: bytes = b"") -> bytes:
    """seed_k, 32 bytes, from which every item of opening k is drawn.

    Args:
        link: s_k.
        k: number of the opening, from 1.
        intent_leaf: RFC 6962 leaf hash of the intent's entry.
        root: RFC 6962 root of the ledger at exactly (index of the intent's entry) + 1.
        entropy: what outsiders added; empty in mode "a".

    Raises:
        SealError: a hash is not 32 bytes long, or k is not a number of an opening.
    """
    if any(len(part) != LINK_BYTES for part in (link, intent_leaf, root)) or not 1 <= k < 2**64:
        raise SealError(
            f"three hashes of {LINK_BYTES} bytes and k of 1 or more expected, "
            f"got {len(link)}, {len(intent_leaf)} and {len(root)} bytes and k = {k}"
        )
    fields = (SEAL_LABEL, k.to_bytes(8, "big"), intent_leaf, root, entropy)
    message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hmac.digest(link, message, "sha256")


def create_secret(path: Path) -> bytes:
    """Make a random secret and write it as hex to a new file of mode 0600, durably.

    Raises:
        SealError: the file exists already.
        StorageError: the disk refuses.
    """
    secret = secrets.token_bytes(LINK_BYTES)
    try:
        _make_folders(path.parent)
        _write_new(path, secret.hex().encode() + b"\n")
    except OSError as error:
        if path.exists() and isinstance(error, FileExistsError):
            raise SealError(f"no secret expected at {path}, got one; it is never overwritten") from error
        raise StorageError(f"a new secret expected at {path}, got: {error}; free or mend the disk") from error
    return secret


def read_secret(path: Path) -> bytes:
    """The secret that `create_secret` wrote.

    Raises:
        SealError: it is not there, others may read it, or it is not 64 hex digits.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(
            f"the seal's secret expected at {path}, got: {error}; restore it from a backup"
        ) from error
    if mode & 0o077:
        raise SealError(
            f"a secret that only its owner may read expected at {path}, got mode {mode:04o}; chmod 600"
        )
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != LINK_BYTES:
        raise SealError(f"{2 * LINK_BYTES} hex digits expected in {path}, got {len(text)} other characters")
    return secret


def open_chain(path: Path, length: int, tip: bytes) -> Chain:
    """The chain of the secret in `path`, if it is the one the charter committed to.

    Raises:
        SealError: the secret cannot be read, or leads to another tip.
    """
    chain = Chain(read_secret(path), length)
    if not hmac.compare_digest(chain.tip, tip):
        raise SealError(
            f"a secret expected in {path} that leads to the charter's tip {tip.hex()} in {length} hashes, "
            f"got one that leads to {chain.tip.hex()}; it belongs to another run"
        )
    return chain


def new_chain(path: Path, length: int = CHAIN_LENGTH) -> Chain:
    """A chain of a new secret, kept in `path`. Errors as `create_secret`."""
    if length < 1:
        raise UsageError(f"a chain of 1 or more links expected, got {length}")
    return Chain(create_secret(path), length)


def _before(link: bytes) -> bytes:
    """s_{i-1} from s_i."""
    return hashlib.sha256(CHAIN_LABEL + link).digest()


def _hashed(link: bytes, times: int) -> bytes:
    for _ in range(times):
        link = _before(link)
    return link


def _make_folders(folder: Path) -> None:
    """Make a folder and those it lies in, each of mode 0700 and its name durable."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that was not there, of mode 0600; when it returns, file and name survive a crash.

    When it cannot, nothing is left: half a secret would bar the way to a whole one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
