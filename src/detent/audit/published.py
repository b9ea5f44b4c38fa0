"""A log on a web server, as C2SP tlog-tiles v0.1.0 publishes it, read file by file and never believed.

    >>> with Published.at("https://log.example.com/run") as source:
    ...     fsck(source, key).faults
    ()

Only http and https; no redirects, no cookies, no proxy settings of the environment; of each file at most the bytes
that it may have, within a time. Nothing lists the files of a server, so what does not belong there is not seen.
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from detent.audit.sources import MOST_BUNDLE, WIDTH, Found, tile_name
from detent.errors import StorageError, UsageError

PAUSE = 10.0
"""Seconds without a byte after which a server is given up."""

SECONDS = 60.0
"""For one file: at 16 MB, the largest that there can be, 2.2 Mbit/s."""

ALL_SECONDS = 3600.0
"""For all files of a log; who answers quickly and without end would else never be done with."""

_PIECE = 1 << 16
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


@dataclass(slots=True)
class Published:
    """A log below a URL, over one connection. Raises StorageError when the server does not answer as it should."""

    url: str
    prefix: str
    connection: HTTPConnection = field(repr=False)
    seconds: float = SECONDS
    until: float = field(default_factory=lambda: time.monotonic() + ALL_SECONDS)

    @classmethod
    def at(cls, url: str) -> Self:
        """The log whose checkpoint is at `url`/checkpoint.

        Raises:
            UsageError: it is no http or https address, or has more than a host, a port and a path.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        spare = parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in {"http", "https"} or not host or spare or not _PATH.fullmatch(parts.path):
            raise UsageError(
                f"an address such as https://log.example.com/run expected, got {url[:200]!r}; "
                "name the place whose checkpoint lies at .../checkpoint"
            )
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return cls(url, parts.path.rstrip("/"), kind(host, port, timeout=PAUSE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def names(self) -> None:
        """See Source: a server does not say."""

    def has(self, name: str) -> bool:
        """See Source."""
        return self.read(name, MOST_BUNDLE) is not None

    def bundle(self, index: int, signed: int) -> Found | None:
        """The one that the signed size asks for; once it is full, its partial ones may be gone."""
        width = min(WIDTH, signed - WIDTH * index)
        for wide in dict.fromkeys((width, WIDTH)) if width > 0 else ():
            name = tile_name("entries", index, wide)
            data = self.read(name, MOST_BUNDLE)
            if data is not None:
                return Found(name, wide, data)
        return None

    def read(self, name: str, most: int) -> bytes | None:
        """The file's bytes; of one that is too long a byte more than `most`.

        Raises:
            StorageError: no answer, or one that is neither the file nor that there is none.
        """
        try:
            return self._asked(name, most)
        except (HTTPException, OSError, ValueError):
            self.connection.close()
        try:  # a server may close a connection between two requests
            return self._asked(name, most)
        except (HTTPException, OSError, ValueError) as error:
            self.connection.close()
            raise StorageError(
                f"{self.url}/{name} expected, got {type(error).__name__}: {str(error)[:200]}; "
                "nothing is proven: try again, or verify a copy"
            ) from error

    def _asked(self, name: str, most: int) -> bytes | None:
        if time.monotonic() > self.until:
            raise StorageError(
                f"all of {self.url} within {ALL_SECONDS:.0f} seconds expected, got more to wait for; nothing is "
                "proven: verify a copy"
            )
        if self.connection.sock is None:
            self.connection.connect()
        with self._within():
            self.connection.request(
                "GET",
                f"{self.prefix}/{name}",
                headers={"User-Agent": "detent", "Accept-Encoding": "identity"},
            )
            response = self.connection.getresponse()
            try:
                return self._answer(name, response, most)
            finally:
                if not response.isclosed() or response.will_close:  # not read to its end, or the last one
                    response.close()
                    self.connection.close()

    def _answer(self, name: str, response: HTTPResponse, most: int) -> bytes | None:
        if response.status in {404, 410}:
            if response.length is not None and response.length <= _PIECE:
                response.read()  # quicker than a new connection
            return None
        coding = response.headers.get("Content-Encoding", "identity")
        if response.status != 200 or coding != "identity":  # noqa: PLR2004  a redirect is not followed
            raise StorageError(
                f"{self.url}/{name} with status 200, not encoded, expected, got status {response.status}, "
                f"{coding[:40]!r}; give the address that the files themselves have"
            )
        data = bytearray()
        while len(data) <= most and (piece := response.read1(min(_PIECE, most + 1 - len(data)))):
            data += piece
        if len(data) <= most and response.length:
            raise HTTPException(f"{response.length} bytes are missing")
        return bytes(data)

    @contextmanager
    def _within(self) -> Iterator[None]:
        """Cut the connection when a file takes too long, however busily it drips."""
        sock = self.connection.sock

        def cut() -> None:
            with suppress(OSError):
                sock.shutdown(SHUT_RDWR)

        timer = threading.Timer(self.seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
