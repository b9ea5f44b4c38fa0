"""Where a server listens, under which names, and who may read.

    >>> Settings.local(8734).names
    frozenset({'127.0.0.1', '::1', 'localhost'})

Anything but this machine itself needs TLS and read tokens; which is looked at here, before anything listens.
"""

import ipaddress
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from detent.assembly.listening import place_to_listen
from detent.errors import StorageError, UsageError

LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
PREFIX = "detent-read-"
"""Of every token, so that whoever finds one in a text knows what it opens."""

_LINE = re.compile(r"sha256:([0-9a-f]{64})")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask for. A rate is requests a second on average; a burst as many at once."""

    rate: float = 200.0
    burst: float = 2000.0
    unknown_rate: float = 2.0
    unknown_burst: float = 60.0
    change_rate: float = 1.0
    change_burst: float = 30.0
    streams: int = 64
    streams_of_all: int = 256
    body_bytes: int = 256 * 1024
    address_bytes: int = 2048
    body_seconds: float = 20.0
    head_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """names: of the Host header, lower case, without port. readers: SHA-256 of each read token; none: no token asked.

    tls: files of certificate and key.
    """

    host: str
    port: int
    names: frozenset[str]
    readers: tuple[bytes, ...] = ()
    tls: tuple[Path, Path] | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def local(cls, port: int = 0) -> "Settings":
        """For this machine alone."""
        return cls("127.0.0.1", port, LOCAL)

    @property
    def scheme(self) -> str:
        """How an address of it begins: http or https."""
        return "https" if self.tls else "http"


def settings_for(
    listen: str,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    token_file: Path | None = None,
    public_names: Sequence[str] = (),
) -> Settings:
    """What the options of `detent serve` amount to.

    Raises:
        UsageError: they do not fit: another machine could read without TLS or token, or under any name.
    """
    host, port = place_to_listen(listen)
    if (certificate is None) != (key is None):
        raise UsageError("--tls-cert and --tls-key expected, got one of them; give both")
    tls = (certificate, key) if certificate is not None and key is not None else None
    for path in tls or ():
        if not path.is_file():
            raise UsageError(f"a PEM file expected at {path}, got none; name another")
    readers = read_tokens(token_file) if token_file is not None else ()
    if not _is_loopback(host):
        if tls is None:
            raise UsageError(
                f"--tls-cert and --tls-key expected with --listen {listen}, which other machines reach, got neither; "
                "give both, or listen on 127.0.0.1"
            )
        if not readers:
            raise UsageError(
                f"--read-token-file expected with --listen {listen}, which other machines reach, got none; make one "
                "with: detent key read-token FILE"
            )
    return Settings(host, port, _names(host, public_names), readers, tls)


def _names(host: str, public: Sequence[str]) -> frozenset[str]:
    for name in public:
        if not _NAME.fullmatch(name.lower()):
            raise UsageError(
                f"a host's name such as detent.example.com expected, got {name[:80]!r}; correct it"
            )
    found = {name.lower() for name in public}
    if _is_loopback(host):
        return frozenset(found | LOCAL | {host})
    if not _is_every(host):
        found.add(host.lower())
    if not found:
        raise UsageError(
            f"--public-name HOST expected with --listen {host}, which is every address of this machine, got none; "
            "say by which name people ask for it"
        )
    return frozenset(found)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_every(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode()).digest()


def read_tokens(path: Path) -> tuple[bytes, ...]:
    """The digests in a token file; what follows a digest on its line, and lines that begin with #, are for people.

    Raises:
        UsageError: it cannot be read, others may read or write it, or a line is none.
    """
    try:
        about = path.stat()
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"a token file expected, got {path}: {error}; make one with: detent key read-token {path}"
        ) from error
    if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise UsageError(
            f"a token file that is yours with mode 0600 expected, got {path} with "
            f"{stat.S_IMODE(about.st_mode):04o} of user {about.st_uid}; chmod 600 {path}"
        )
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise UsageError(
                f"sha256:<64 hex digits> expected on line {number} of {path}, got something else; correct it"
            )
        found.append(bytes.fromhex(match[1]))
    if not found:
        raise UsageError(f"a token expected in {path}, got none; make one with: detent key read-token {path}")
    return tuple(found)


def new_read_token(path: Path, name: str) -> str:
    """Make a token, add its digest to the file, which is made with mode 0600 when there is none; returns the token.

    name: whose it is, for whoever reads the file.

    Raises:
        UsageError: the file is none of tokens, or others may read or write it.
        StorageError: the disk refuses.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    shown = "".join(letter for letter in name if letter.isprintable())[:80]
    line = f"\nsha256:{digest_of(token).hex()} {shown}".rstrip() + "\n"
    if path.exists():
        read_tokens(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(line.encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"a token file at {path} expected, got: {error}; free or mend the disk") from error
    return token
