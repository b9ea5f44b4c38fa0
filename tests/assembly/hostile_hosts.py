"""A web host that says what a test wants it to: files of a folder, or any bytes at all."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

Say = Callable[[socket.socket], None]
"""Writes a whole answer."""

MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Host:
    """Answers one request a connection. special: what is said for a path that begins so, in place of the file."""

    folder: Path
    special: dict[str, Say] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            path = unquote(head.split(b" ")[1].decode()).lstrip("/")
            self.asked.append(path)
            for start, say in self.special.items():
                if path.startswith(start):
                    say(connection)
                    return
            connection.sendall(whole(self.folder / path))


def whole(path: Path) -> bytes:
    """An honest answer."""
    if not path.is_file():
        return MISSING
    return answer(path.read_bytes())


def answer(content: bytes, length: int | None = None, status: str = "200 OK", *more: str) -> bytes:
    """An answer that says so many bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content) if length is None else length}", *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


def says(data: bytes) -> Say:
    """These bytes, and the end."""
    return lambda connection: connection.sendall(data)


LONGEST = 10.0
"""Seconds after which what is endless ends: nobody waits for that here."""


def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Say:
    """Without end, so many bytes after so many seconds."""

    def say(connection: socket.socket) -> None:
        began = time.monotonic()
        connection.sendall(head)
        while time.monotonic() - began < LONGEST:
            connection.sendall(piece)
            time.sleep(pause)

    return say


@contextmanager
def hosting(host: Host) -> Iterator[str]:
    """The host's address while it answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host.address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=host.answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"{host.address}/"
