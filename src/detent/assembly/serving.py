"""A run, or a log alone, published over HTTP: read only, and for clients that may be hostile.

    >>> with LogServer(Shelf.of(Path("demo")), ("127.0.0.1", 8000)) as server:
    ...     server.serve_forever()

A connection has a moment to send a request and as long as a slow line needs to take the answer; what is later is cut.
There are so many connections and no more. Names are not decoded: what is no plain name is not there. Transport
security and limits per client are a matter for a proxy before it, where it faces the Internet.
"""

import io
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from detent.assembly.publishing import Shelf, Shown
from detent.errors import DetentError, UsageError

MOST_CONNECTIONS = 64
MOST_HEAD = 16 * 1024
"""Bytes of a request: its line and its headers. It has no body."""

REQUEST_SECONDS = 10.0
"""From one answer, or the start, to the end of the next request."""

SLOWEST = 16 * 1024
"""Bytes a second at which a client must take an answer, after REQUEST_SECONDS."""

_PIECE = 1 << 16
_WATCHED_EVERY = 0.25


class LogServer(ThreadingHTTPServer):
    """Answers GET and HEAD for the files of a shelf."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, shelf: Shelf, address: tuple[str, int], request_seconds: float = REQUEST_SECONDS
    ) -> None:
        """Listen on (host, port), port 0 for any free one.

        Raises:
            UsageError: the address cannot be had.
        """
        self.shelf = shelf
        self.request_seconds = request_seconds
        self._deadlines: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise UsageError(
                f"a free address expected, got {address[0]}:{address[1]}: {error.strerror or error}; name another"
            ) from error
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, as in a URL."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def server_bind(self) -> None:
        """Without asking anybody for the name of this machine, as the parent does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "detent", self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for the connection, unless there are too many: then it is closed at once."""
        with self._guard:
            full = len(self._deadlines) >= MOST_CONNECTIONS
            if not full:
                self._deadlines[request] = time.monotonic() + self.request_seconds
        if full:
            super().shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """The connection is done."""
        with self._guard:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def allow(self, request: socket.socket, seconds: float) -> None:
        """Give a connection that long from now on."""
        with self._guard:
            if request in self._deadlines:
                self._deadlines[request] = time.monotonic() + seconds

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away is no news; a fault of this program is, in one line."""
        error = sys.exception()
        if not isinstance(error, OSError):
            sys.stderr.write(f"detent: answering expected, got {error!r}\n")

    def server_close(self) -> None:
        """Stop listening, and cut what is still open."""
        self._closing.set()
        super().server_close()
        with self._guard:
            for request in self._deadlines:
                _cut(request)

    def _watch(self) -> None:
        while not self._closing.wait(_WATCHED_EVERY):
            now = time.monotonic()
            with self._guard:
                late = [request for request, deadline in self._deadlines.items() if deadline < now]
                for request in late:
                    _cut(request)


def _cut(request: socket.socket) -> None:
    """Both ways, so that the thread that waits for it wakes up; that thread closes it."""
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Head(io.BufferedIOBase):
    """The bytes a client sends, so many and no more a request."""

    def __init__(self, inner: io.BufferedIOBase) -> None:
        self._inner = inner
        self.left = MOST_HEAD

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._inner.readline(self.left + 1 if size is None or size < 0 else min(size, self.left + 1))
        self.left -= len(line)
        if self.left < 0:
            raise ConnectionError
        return line

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: LogServer
    protocol_version = "HTTP/1.1"
    rfile: Any

    def setup(self) -> None:
        super().setup()
        self.rfile = _Head(self.rfile)

    def handle_one_request(self) -> None:
        self.rfile.left = MOST_HEAD
        self.server.allow(self.connection, self.server.request_seconds)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def version_string(self) -> str:
        """Which program it is, and not which Python runs it."""
        return "detent"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a client's words do not belong on a terminal."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """One sentence in place of a page; whatever is no GET and no HEAD is not allowed, known or not."""
        code = 405 if code == 501 else code  # noqa: PLR2004
        self.close_connection = True
        self.request_version = (
            self.protocol_version
        )  # else a refusal of what has no version has no status line
        body = f"{_SAID.get(code, 'this request is not understood')}\n".encode()
        self.send_response(code)
        if code == 405:  # noqa: PLR2004
            self.send_header("Allow", "GET, HEAD")
        self._send_headers("text/plain; charset=utf-8", len(body), "no-store")
        if getattr(self, "command", None) != "HEAD":
            self.wfile.write(body)

    def _answer(self, *, body: bool) -> None:
        if self.request_version not in {"HTTP/1.0", "HTTP/1.1"}:
            self.send_error(505)
        elif self.headers.get("Transfer-Encoding") or set(self.headers.get_all("Content-Length", ["0"])) != {
            "0"
        }:
            self.send_error(400)  # what follows would be taken for the next request
        else:
            self._send_named(body=body)

    def _send_named(self, *, body: bool) -> None:
        try:
            with self.server.shelf.open(self.path.removeprefix("/")) as shown:
                if shown is None or not self.path.startswith("/"):
                    self._send_none(body=body)
                else:
                    self._send(shown, body=body)
        except DetentError:
            self.send_error(500)

    def _send_none(self, *, body: bool) -> None:
        """That a file is not there is an ordinary answer, and the connection goes on: readers ask for partial tiles."""
        said = b"no such file is published here\n"
        self.send_response(404)
        self._send_headers("text/plain; charset=utf-8", len(said), "no-store")
        if body:
            self.wfile.write(said)

    def _send(self, shown: Shown, *, body: bool) -> None:
        self.server.allow(self.connection, self.server.request_seconds + shown.size / SLOWEST)
        self.send_response(200)
        self._send_headers(shown.kind, shown.size, shown.keep)
        left = shown.size if body else 0
        while left and (piece := shown.file.read(min(_PIECE, left))):
            self.wfile.write(piece)
            left -= len(piece)
        if left:  # it became shorter: what was announced cannot be kept
            self.close_connection = True

    def _send_headers(self, kind: str, size: int, keep: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", keep)
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


_SAID = {
    400: "a well-formed request without a body expected",
    405: "GET or HEAD expected: this log is only read",
    414: "a shorter name expected",
    431: "fewer and shorter headers expected",
    500: "the folder cannot be read",
    505: "version 1.0 or 1.1 expected",
}
