"""A log with entries at will, forks of it, and a witness of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from detent.coordinate import Witness
from detent.coordinate._request import Request
from detent.ledger import Checkpoint, CosignerKey, CosigningKey, Note, sign_note, verified_cosignatures
from detent.ledger._merkle import leaf_hash, tree_root
from detent.ledger.proofs import consistency_path
from detent.signing import SigningKey

ORIGIN = "example.com/run"
NOW = 1_900_000_000
LOG_KEY = SigningKey.from_seed(ORIGIN, bytes(range(32)))
WITNESS_KEY = CosigningKey.create("witness.example.com/w1")


@dataclass
class Log:
    """Entries, and what a log says of them. Two with the same first entries are forks of each other."""

    entries: list[bytes] = field(default_factory=list)
    key: SigningKey = LOG_KEY

    @classmethod
    def of(cls, size: int, *, differs_from: int | None = None) -> "Log":
        """With so many entries, others from `differs_from` on."""
        fork = size if differs_from is None else differs_from
        return cls([b"%d" % i if i < fork else b"other %d" % i for i in range(size)])

    def root(self, size: int) -> bytes:
        return tree_root([leaf_hash(entry) for entry in self.entries[:size]])

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(self.key.name, size, self.root(size))

    def note(self, size: int | None = None) -> Note:
        return sign_note(self.checkpoint(size).text(), self.key)

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        leaves = [leaf_hash(entry) for entry in self.entries]
        return consistency_path(
            old, new, lambda height, index: tree_root(leaves[index << height : index + 1 << height])
        )

    def request(self, old: int, size: int | None = None, proof: Sequence[bytes] | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        path = self.proof(min(old, size), size) if proof is None else tuple(proof)
        return bytes(Request(old, path, self.note(size), self.checkpoint(size)))


def witness_in(
    folder: Path,
    *keys: CosigningKey,
    logs: Sequence[SigningKey] = (LOG_KEY,),
    say: Callable[[str], None] = print,
) -> Witness:
    return Witness.open(
        keys or [WITNESS_KEY], [log.verify_key for log in logs], folder / "state", folder / "mark", say
    )


def times_in(lines: bytes, checkpoint: Checkpoint, key: CosignerKey = WITNESS_KEY.verify_key) -> int:
    """The verified timestamp of the one line in an answer."""
    note = Note.parse(f"{checkpoint.text()}\n".encode() + lines)
    assert len(note.signatures) == 1
    return verified_cosignatures(note, [key])[key]


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A local server that does what it likes with each request and its body; the URL that it lives under."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self, body)
            self.close_connection = True

        do_GET = do_POST  # noqa: N815  the name http.server calls

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # clients that hang up are what some tests are about
            return

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(handler: BaseHTTPRequestHandler, status: int, body: bytes, content_type: str = "text/plain") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def served(
    witness: Witness, now: Callable[[], int] = lambda: NOW
) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """The witness behind a plain server."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.command == "POST":
            given = witness.add_checkpoint(body, now())
        else:
            given = witness.checkpoint(handler.path.split("/")[1])
        say(handler, given.status, given.body, given.content_type)

    return answer
