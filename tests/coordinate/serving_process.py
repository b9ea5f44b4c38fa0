"""A witness in a process of its own, as `detent witness serve` runs it, with more or less patience.

python -m tests.coordinate.serving_process FOLDER LOGS CONNECTIONS REQUEST_SECONDS IDLE_SECONDS
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.coordinate.witness_world import LOG_KEY, NOW, WITNESS_KEY

from detent.coordinate import Witness
from detent.coordinate.server import Patience, serve, witness_service
from detent.ledger import CosigningKey
from detent.signing import SigningKey


def log_key(number: int) -> SigningKey:
    """The key of log 0, which is that of `witness_world`, and of as many others as are wanted."""
    return SigningKey.from_seed(f"example.com/{number}", bytes([7] * 32)) if number else LOG_KEY


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(10)
        return connection

    def ask(self, data: bytes) -> bytes:
        """All that comes back for these bytes until the server closes, or says nothing for a second."""
        with self.connect() as connection:
            connection.sendall(data)
            connection.settimeout(1)
            found = b""
            try:
                while more := connection.recv(65_536):
                    found += more
            except (TimeoutError, ConnectionResetError):
                pass
            return found

    def peak_memory(self) -> int:
        """Bytes of memory that the process has had at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@contextmanager
def serving_process(
    folder: Path, *, logs: int = 1, connections: int = 512, request: float = 10, idle: float = 30
) -> Iterator[Served]:
    if not (folder / "key").exists():
        WITNESS_KEY.save(folder / "key")
    words = [str(word) for word in (folder, logs, connections, request, idle)]
    command = [sys.executable, "-m", "tests.coordinate.serving_process", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stderr is not None
        try:
            yield Served(process, folder, port_in(process.stderr.readline()))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(20) in {0, -signal.SIGKILL}
            finally:
                process.kill()


def port_in(line: bytes) -> int:
    assert line.startswith(b"listening on http://127.0.0.1:"), line
    return int(line.rpartition(b":")[2])


def main() -> None:
    folder, logs, connections, request, idle = sys.argv[1:]
    patience = Patience(float(request), float(idle), connections=int(connections))
    keys = [log_key(number).verify_key for number in range(int(logs))]
    state, mark = Path(folder) / "state", Path(folder) / "mark"

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    witness = Witness.open([CosigningKey.load(Path(folder) / "key")], keys, state, mark, say)
    serve(witness_service(witness), "127.0.0.1", 0, say, patience=patience, clock=lambda: NOW)
    witness.close()


if __name__ == "__main__":
    main()
