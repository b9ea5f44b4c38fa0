"""A log on a server that nobody vouches for: what it may answer, and what is said then."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detent.audit import Published, fsck
from detent.audit.fsck import MOST_FAULTS
from detent.errors import StorageError, UsageError
from detent.ledger import Checkpoint, Ledger, sign_note
from detent.signing import SigningKey

KEY = SigningKey.from_seed("example.com/run", bytes(range(32)))
SIZE = 600

Answer = Callable[[str], bytes]
"""What a server sends for a path."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "log"
    with Ledger.create(folder, KEY, KEY.name) as ledger:
        ledger.extend(b"entry %d" % number for number in range(SIZE))
    return folder


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Answers a request a connection, whatever it is told to; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answering, args=(listening, answer), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/some/where"


def _answering(listening: socket.socket, answer: Answer) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            try:
                request = connection.recv(1 << 16).decode()
                connection.sendall(answer(request.split(" ")[1]))
            except (OSError, IndexError):
                continue


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def honest(log: Path) -> Answer:
    def answer(path: str) -> bytes:
        file = log / path.removeprefix("/some/where/")
        return ok(file.read_bytes()) if file.is_file() else MISSING

    return answer


def but(log: Path, name: str, other: bytes) -> Answer:
    """Honest, but for one file."""
    return lambda path: other if path.endswith(f"/{name}") else honest(log)(path)


def faults_of(answer: Answer) -> tuple[str, ...]:
    with server(answer) as url, Published.at(url) as source:
        return fsck(source, KEY.verify_key).faults


def test_an_honest_log_is_sound_and_its_entries_can_be_read(log: Path) -> None:
    with server(honest(log)) as url, Published.at(url) as source:
        tree = fsck(source, KEY.verify_key)
        assert (tree.faults, len(tree.entries), tree.beyond) == ((), SIZE, 0)
        assert tree.entries[599] == b"entry 599"
        assert tree.roots[::99] == fsck(log, KEY.verify_key).roots[::99]


@pytest.mark.parametrize("size", [511, 600, 1100])
def test_partial_tiles_may_be_gone_once_the_full_one_is_there(tmp_path: Path, size: int) -> None:
    """As a server that is ahead of a checkpoint that a cache kept."""
    with Ledger.create(tmp_path / "log", KEY, KEY.name) as ledger:
        ledger.extend(b"entry %d" % number for number in range(300))
        kept = ledger.checkpoint.encode()
        ledger.extend(b"entry %d" % number for number in range(300, size))
    assert (tmp_path / "log/tile/0/001.p").exists() == (size < 512)
    assert faults_of(but(tmp_path / "log", "checkpoint", ok(kept))) == ()


HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a byte of a tile is flipped": (
        "tile/0/001",
        lambda data: ok(data[:-1] + bytes([data[-1] ^ 1])),
        "tile/0/001: the 8192",
    ),
    "a tile is missing": ("tile/0/001", lambda _: MISSING, "the file tile/0/001 expected, got none"),
    "a partial tile is missing": ("tile/0/002.p/88", lambda _: MISSING, "the file tile/0/002.p/88 expected"),
    "a tile above is another": ("tile/1/000.p/2", lambda _: ok(bytes(64)), "tile/1/000.p/2: the 64 bytes"),
    "a tile goes on and on": ("tile/0/000", lambda data: ok(data * 4000), "tile/0/000: the 8192 bytes"),
    "a bundle is missing": ("tile/entries/001", lambda _: MISSING, "got 256: see tile/entries/001"),
    "an entry is changed": (
        "tile/entries/001",
        lambda data: ok(data.replace(b"entry 300", b"entry 30x")),
        "the signed root",
    ),
    "a bundle is cut off": (
        "tile/entries/000",
        lambda data: ok(data[:-4]),
        "256 whole entries expected in tile/entries/000",
    ),
    "a bundle goes on and on": (
        "tile/entries/000",
        lambda data: ok(data + bytes(17_000_000)),
        "256 whole entries expected",
    ),
    "the checkpoint is a page": (
        "checkpoint",
        lambda _: ok(b"<html>"),
        "a checkpoint of origin, size and root",
    ),
    "the checkpoint is missing": ("checkpoint", lambda _: MISSING, "a checkpoint of origin, size and root"),
    "the checkpoint goes on and on": (
        "checkpoint",
        lambda data: ok(data + bytes(2_000_000)),
        "a checkpoint of origin",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_a_fault_that(log: Path, what: str) -> None:
    name, change, says = HOSTILE[what]
    faults = faults_of(but(log, name, change((log / name).read_bytes())))
    assert any(says in fault for fault in faults), faults


def test_nothing_is_read_under_a_checkpoint_that_the_log_did_not_sign(log: Path) -> None:
    """It could name any size, and the server go on and on."""
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return honest(log)(path)

    other = SigningKey.from_seed("example.com/run", bytes(32))
    for key in (other.verify_key, None):
        with server(answer) as url, Published.at(url) as source:
            tree = fsck(source, key)
        assert len(tree.faults) == 1
        assert (len(tree.entries), tree.head) == (0, None)
    assert set(asked) == {"/some/where/checkpoint"}


REFUSALS: dict[str, tuple[bytes, str]] = {
    "it sends elsewhere": (
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        "got status 302",
    ),
    "it is broken": (b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n", "got status 500"),
    "it sends a part": (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\na", "got status 206"),
    "it sends something packed": (ok(b"\x1f\x8b", "Content-Encoding: gzip"), "'gzip'"),
    "it speaks another protocol": (b"220 mail.example.com ESMTP\r\n", "BadStatusLine"),
    "it says nothing": (b"", "RemoteDisconnected"),
    "it sends less than it says": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "missing"),
    "it has endless headers": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000, "got more than 100 headers"),
    "it has an endless header": (b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000, "LineTooLong"),
    "its pieces have no length": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        "IncompleteRead",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_nothing_is_proven_when(what: str) -> None:
    answer, says = REFUSALS[what]
    with pytest.raises(StorageError, match="expected, got") as raised:
        faults_of(lambda _: answer)
    assert says in str(raised.value)


def test_a_server_that_drips_is_given_up_in_time() -> None:
    def dripping(listening: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                    while True:
                        connection.sendall(b"x")
                        time.sleep(0.02)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=dripping, args=(listening,), daemon=True).start()
        with Published.at(f"http://127.0.0.1:{listening.getsockname()[1]}") as source:
            source.seconds = 0.5
            began = time.monotonic()
            with pytest.raises(StorageError):
                source.read("checkpoint", 100_000)
            assert time.monotonic() - began < 5


def test_nobody_listening_is_said_to_be_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Published.at(f"http://127.0.0.1:{port}") as source, pytest.raises(StorageError, match="refused"):
        source.read("checkpoint", 1000)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "https://",
        "https://user:pass@example.com/",
        "https://example.com/?a=1",
        "https://example.com/#a",
        "https://example.com/a b",
        "https://example.com/a\r\nHost: b",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://[::1/",
        "example.com",
    ],
)
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(UsageError, match="an address such as"):
        Published.at(url)


def endless(path: str) -> bytes:
    """A log of more entries than there are atoms in a city, signed, with an entry bundle for every number."""
    if path.endswith("/checkpoint"):
        return ok(str(sign_note(Checkpoint(KEY.name, 10**15, bytes(32)).text(), KEY)).encode())
    return ok(b"\0\0" * 256) if "/tile/entries/" in path else MISSING


def test_a_log_without_end_whose_tiles_are_wrong_is_given_up() -> None:
    with server(endless) as url, Published.at(url) as source:
        tree = fsck(source, KEY.verify_key)
    assert len(tree.faults) > MOST_FAULTS
    assert any(f"{10**15} signed entries expected, got" in fault for fault in tree.faults)


def test_a_log_without_end_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detent.audit.published.ALL_SECONDS", 0.5)
    with (
        server(endless) as url,
        Published.at(url) as source,
        pytest.raises(StorageError, match="all of http"),
    ):
        fsck(source, KEY.verify_key)
