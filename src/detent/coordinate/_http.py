"""One HTTP request to a server that may be slow, broken or hostile: bounded in time and size, never led elsewhere."""

import io
import re
import socket
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from detent.errors import PeerError, UsageError

_URL = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said."""

    status: int
    content_type: str
    body: bytes

    @property
    def shown(self) -> str:
        """The beginning of the body, with nothing in it that a terminal obeys."""
        return _shown(self.body[:160].decode("ascii", "replace"))


def base_url(text: str) -> SplitResult:
    """A URL under which a witness or beacon lives, taken apart.

    Raises:
        UsageError: it is not http or https, has no host, or holds a password, a query or a fragment.
    """
    try:
        parts = urlsplit(text) if _URL.fullmatch(text) else None
        usable = parts is not None and parts.hostname and parts.port != 0
    except ValueError:
        parts, usable = None, False
    if parts is None or not usable or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"a URL like https://witness.example.com/prefix expected, got {text[:120]!r}; "
            "leave passwords, queries and fragments out"
        )
    return parts


def fetch(
    method: Literal["GET", "POST"],
    base: str,
    path: str,
    *,
    until: float,
    largest: int,
    body: bytes | None = None,
) -> Reply:
    """Ask `base`/`path`; a redirect is an answer like any other and is not followed.

    Args:
        method: of the request.
        base: the URL of the server, with whatever prefix.
        path: below it, without a slash at its beginning.
        until: on `time.monotonic()`; nothing the server does makes this take longer, but that the system's resolver
            takes its own time to look a name up.
        largest: bytes of the answer's body.
        body: what is posted.

    Raises:
        UsageError: the URL is none that may be asked.
        PeerError: no answer, not in time, too large, cut off, or no HTTP.
    """
    parts = base_url(base)
    host, tls = str(parts.hostname), parts.scheme == "https"
    connection = HTTPConnection(host, parts.port or (443 if tls else 80))
    connection.default_port = 443 if tls else 80
    try:
        line = _Line(_connected(host, connection.port, tls=tls, until=until), until)
        connection.sock = line  # has all that http.client asks of a socket
        headers = {"User-Agent": "detent", "Connection": "close"}
        connection.request(method, f"{parts.path.rstrip('/')}/{path}", body, headers)
        response = connection.getresponse()
        content = response.read(largest + 1)
        if len(content) > largest or response.length:
            raise PeerError(
                f"a whole answer of at most {largest} bytes expected from {base}, got "
                f"{'more' if len(content) > largest else 'one that was cut off'}; ask who runs it"
            )
        return Reply(response.status, response.headers.get_content_type(), content)
    except (OSError, HTTPException, ValueError) as error:
        said = "nothing in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
        raise PeerError(f"an answer expected from {base}, got {_shown(said[:200])}; is it up?") from error
    finally:
        connection.close()


def _shown(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else " " for c in text).strip()


def _connected(host: str, port: int, *, tls: bool, until: float) -> socket.socket:
    problem: OSError = TimeoutError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_left(until))
            plain.connect(address)
            if not tls:
                return plain
            plain.settimeout(_left(until))
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except OSError as error:
            plain.close()
            problem = error
    raise problem


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Line:
    """A connected socket that is used until a moment and no longer, however slowly bytes drip in."""

    def __init__(self, plain: socket.socket, until: float) -> None:
        self._socket, self._until = plain, until

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(_left(self._until))
        self._socket.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._socket, self._until))

    def close(self) -> None:
        self._socket.close()


class _Incoming(io.RawIOBase):
    def __init__(self, plain: socket.socket, until: float) -> None:
        self._socket, self._until = plain, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._until))
        return self._socket.recv_into(buffer)
