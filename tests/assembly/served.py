"""A folder that looks like a run's, and a server over it.

>>> with serving(folder) as server:
...     said(server, b"GET /checkpoint HTTP/1.0\\r\\n\\r\\n")
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detent.assembly.publishing import Shelf
from detent.assembly.serving import LogServer
from detent.ledger import Ledger
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
SIZE = 600
DIGEST = "ab" * 32
SHOWN = {
    "charter.dsse": b"{}",
    "charter.toml": b"[charter]\n",
    "log.vkey": f"{KEY.verify_key}\n".encode(),
    f"data/{DIGEST}.jsonl": b"data\n",
    f"answers/{DIGEST}": b"answers",
    "tasks/own/sums.py": b"class Sums: ...\n",
    "tasks/constitution-digits.toml": b"[principles]\n",
    "tasks/own/brief.jsonl": b"{}\n",
}
HIDDEN = {
    "inbox/lease.dsse": b"inbox",
    "logs/worker.log": b"log",
    "models/incumbent/config.json": b"{}",
    "reports/report.html": b"report",
    "staging/x": b"staged",
    "data/notes.txt": b"notes",
    "answers/notes": b"notes",
    "tasks/.secret.py": b"dot",
    "tasks/.secret.toml": b"dot",
    "tasks/notes.txt": b"notes",
    "tasks/own/__pycache__/sums.pyc": b"compiled",
    "ledger/tile/0/notes": b"notes",
}


def make_folder(folder: Path) -> Path:
    """A run folder with a real log, small files that are shown, and small files that are not."""
    folder.mkdir()
    with Ledger.create(folder / "ledger", KEY, KEY.name) as ledger:
        ledger.extend(b"entry %d" % number for number in range(SIZE))
    for name, data in (SHOWN | HIDDEN).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    folder.with_name("secret").write_bytes(b"secret")
    return folder


@contextmanager
def serving(folder: Path, request_seconds: float = 5.0) -> Iterator[LogServer]:
    """A server at a free port of this machine."""
    with LogServer(Shelf.of(folder), ("127.0.0.1", 0), request_seconds) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def connected(server: LogServer) -> socket.socket:
    """A connection that nothing was sent on."""
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=10)


def said(server: LogServer, request: bytes) -> bytes:
    """Everything that a connection answers to those bytes until it is closed, with our side's end closed."""
    with connected(server) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # cut before all was sent
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes or cuts."""
    data = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return bytes(data)
