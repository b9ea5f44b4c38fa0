"""The witness on the network: garbage, slow clients, many clients, a full disk, and the command that starts it."""

import asyncio
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coordinate.serving_process import Served, log_key, port_in, serving_process
from tests.coordinate.witness_world import LOG_KEY, ORIGIN, WITNESS_KEY, Log

from detent.coordinate import WitnessAt, gather, newest_seen
from detent.coordinate._request import LARGEST_REQUEST, Request
from detent.ledger import Checkpoint, CosignerKey, sign_note
from detent.values import sha256_hex

LOG = Log.of(12)
HEAD = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"
MONITOR = f"/{sha256_hex(ORIGIN.encode())}/checkpoint".encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that stands at size 5 and is patient."""
    with serving_process(tmp_path_factory.mktemp("served")) as served:
        assert cosigned(served, 5)
        yield served


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One of little patience, with few places."""
    with serving_process(tmp_path_factory.mktemp("strict"), connections=20, request=0.5, idle=1) as served:
        assert cosigned(served, 5)
        yield served


def cosigned(served: Served, size: int, seconds: float = 5) -> bool:
    at = [WitnessAt("w1", WITNESS_KEY.verify_key, served.url)]
    return gather(str(LOG.note(size)), LOG.proof, at, lambda names: "w1" in names, deadline=seconds).met


def posted(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_it_speaks_with_the_client_that_goes_with_it(server: Served) -> None:
    assert cosigned(server, 5)
    at = [WitnessAt("w1", WITNESS_KEY.verify_key, server.url)]
    (seen,) = newest_seen(ORIGIN, [LOG_KEY.verify_key], at, deadline=5)
    assert seen.checkpoint == LOG.checkpoint(5)


SAID: dict[str, tuple[bytes, bytes]] = {
    "an old size that is not the witness's": (posted(LOG.request(0, 8)), b"409 Conflict"),
    "a request that is none": (posted(b"hello"), b"400 Bad Request"),
    "another path": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404 Not Found"),
    "a path above the root": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404 Not Found"),
    "a hash in capitals": (b"GET " + MONITOR.upper() + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"404 Not Found"),
    "a hash of no log": (b"GET /" + b"0" * 64 + b"/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", b"404 Not Found"),
    "GET of what is posted": (b"GET /add-checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", b"405 Method Not Allowed"),
    "POST of what is read": (
        b"POST " + MONITOR + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"405 ",
    ),
    "TLS to a server without": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400 Bad Request"),
    "no host": (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"400 Bad Request"),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400 Bad Request"),
    "a length that is none": (HEAD + b"Content-Length: -1\r\n\r\n", b"400 Bad Request"),
    "another transfer encoding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", b"501 Not Implemented"),
    "a head that does not end": (HEAD + b"x: " + b"y" * 100_000, b"431 Request Header Fields Too Large"),
    "a body too large": (posted(b"x" * (LARGEST_REQUEST + 1)), b"413 "),
    "a chunk too large": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n30000\r\n" + b"x" * 0x30000 + b"\r\n0\r\n\r\n",
        b"413 ",
    ),
}


@pytest.mark.parametrize("what", SAID)
def test_it_answers_and_stays_up(server: Served, what: str) -> None:
    data, status = SAID[what]
    assert server.ask(data).startswith(b"HTTP/1.1 " + status)
    assert cosigned(server, 5)


def test_a_request_in_chunks_and_one_that_asks_first_are_taken(server: Served) -> None:
    body = LOG.request(5, 5)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:])) + b"0\r\n\r\n"
    assert server.ask(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks).startswith(b"HTTP/1.1 200 OK")
    with server.connect() as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_one_connection_serves_many_requests_also_when_they_come_at_once(server: Served) -> None:
    body = LOG.request(5, 5)
    look = b"GET " + MONITOR + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"HEAD " + MONITOR + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = server.ask(posted(body) * 5 + look + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 7
    assert answer.count(b"witness.example.com/w1") == 6
    assert answer.endswith(b"\r\n\r\n")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: HEAD + data))
def test_no_bytes_bring_it_down(server: Served, data: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501"))


def test_eight_histories_at_once_on_as_many_connections_get_one_signature(tmp_path: Path) -> None:
    """Each asks for its own root of the one size, twice and with garbage before, without waiting for answers."""
    with serving_process(tmp_path) as served:
        base = Log.of(0)
        for size in range(1, 6):
            forks = [Log([*base.entries, b"fork %d" % number]) for number in range(8)]
            asked = [
                [b"garbage", fork.request(size - 1), fork.request(size), fork.request(size - 1)]
                for fork in forks
            ]
            with ThreadPoolExecutor(8) as clients:
                said = list(clients.map(lambda bodies: last_words(served, bodies), asked))
            won = [place for place, text in enumerate(said) if WITNESS_KEY.name.encode() in text]
            assert len(won) == 1
            base = forks[won[0]]


def last_words(served: Served, bodies: Sequence[bytes]) -> bytes:
    """All that comes back for these requests on one connection, sent at once."""
    with served.connect() as talk:
        end = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        talk.sendall(b"".join(map(posted, bodies)) + end)
        found = b""
        while more := talk.recv(65_536):
            found += more
        return found


def test_after_all_that_it_stands_where_it_stood(server: Served) -> None:
    assert cosigned(server, 5)
    assert server.process.poll() is None


SLOW: dict[str, tuple[bytes, bytes, bytes]] = {
    "a head that drips in": (b"POST /add-", b"c", b"HTTP/1.1 408"),
    "headers that drip in": (HEAD, b"x: y\r\n", b"HTTP/1.1 408"),
    "a body that drips in": (HEAD + b"Content-Length: 3000\r\n\r\n", b"x", b"HTTP/1.1 408"),
    "a body that does not come": (HEAD + b"Content-Length: 3000\r\n\r\n", b"", b"HTTP/1.1 408"),
    "nothing": (b"", b"", b""),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_slow_client_is_let_go(strict: Served, what: str) -> None:
    first, drop, status = SLOW[what]
    before = time.monotonic()
    with strict.connect() as connection:
        connection.sendall(first)
        connection.settimeout(0.05)
        answer = b"still there"
        while time.monotonic() - before < 5:
            try:
                answer = connection.recv(1000)
                break
            except TimeoutError:
                connection.sendall(drop)
    assert answer[: len(status)] == status
    assert 0.4 < time.monotonic() - before < 4


def test_slow_clients_in_every_place_keep_nobody_out(tmp_path: Path) -> None:
    """Twenty places, ten seconds of patience, sixty clients that never finish: the oldest lose their places."""
    with serving_process(tmp_path, connections=20) as served:
        held = [served.connect() for _ in range(60)]
        for connection in held:
            connection.sendall(HEAD)
        assert cosigned(served, 5, seconds=5)
        held[0].settimeout(5)
        with suppress(ConnectionResetError):
            assert held[0].recv(1) == b""  # within five seconds, not ten: its place was taken
        for connection in held:
            connection.close()


@pytest.mark.long
def test_a_client_that_takes_no_answer_is_let_go(strict: Served) -> None:
    with strict.connect() as connection:
        connection.settimeout(0.5)
        try:
            while True:
                connection.sendall(posted(LOG.request(0, 8)) * 100)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        assert cosigned(strict, 5)


def test_a_killed_server_starts_again_and_repeats_what_it_signed(tmp_path: Path) -> None:
    body = LOG.request(0, 5)
    with serving_process(tmp_path) as served:
        first = served.ask(posted(body))
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
    with serving_process(tmp_path) as served:
        again = served.ask(posted(LOG.request(5, 5)))
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert again == first


def test_a_full_disk_is_answered_with_500_until_there_is_room(tmp_path: Path) -> None:
    with serving_process(tmp_path) as served:
        assert cosigned(served, 5)
        pid, unlimited = served.process.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, hard))  # to the process, that is a full disk
        assert served.ask(posted(LOG.request(5, 8))).startswith(b"HTTP/1.1 500 ")
        assert served.ask(posted(LOG.request(5, 8))).startswith(b"HTTP/1.1 500 ")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if hard > 0 else unlimited[0], hard))
        assert cosigned(served, 8)


def many(logs: int, steps: int) -> list[list[bytes]]:
    """For each log, the requests that let it grow entry by entry."""
    tree = Log.of(steps)
    proofs = [tree.proof(size - 1, size) for size in range(1, steps + 1)]
    roots = [tree.root(size) for size in range(1, steps + 1)]
    found = []
    for number in range(logs):
        key = log_key(number)
        points = [Checkpoint(key.name, size, root) for size, root in enumerate(roots, 1)]
        found.append(
            [
                posted(bytes(Request(point.size - 1, proof, sign_note(point.text(), key), point)))
                for point, proof in zip(points, proofs, strict=True)
            ]
        )
    return found


async def grow(port: int, requests: list[bytes]) -> int:
    """Let one log grow over one connection; how many cosignatures came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    signed = 0
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        body = await reader.readexactly(length)
        signed += head.startswith(b"HTTP/1.1 200 ") and body.startswith("— ".encode())
    writer.close()
    return signed


def load(folder: Path, connections: int, steps: int) -> tuple[float, float]:
    """Many logs at once, each on a connection of its own; requests a second, and the most megabytes it had."""
    requests = many(connections, steps)
    with serving_process(folder, logs=connections) as served:

        async def all_at_once() -> list[int]:
            return await asyncio.gather(*(grow(served.port, each) for each in requests))

        before = time.monotonic()
        signed = asyncio.run(all_at_once())
        seconds = time.monotonic() - before
        assert signed == [steps] * connections
        last = served.ask(requests[0][-1])
        assert last.endswith(b"\r\n\r\n%d\n" % steps)
        return connections * steps / seconds, served.peak_memory() / 1e6


def test_a_thousand_requests_on_fifty_connections_all_get_their_cosignature(tmp_path: Path) -> None:
    rate, megabytes = load(tmp_path, 50, 20)
    assert rate > 50
    assert megabytes < 200


@pytest.mark.long
def test_ten_thousand_requests_on_two_hundred_connections_all_get_their_cosignature(
    tmp_path: Path,
) -> None:
    rate, megabytes = load(tmp_path, 200, 50)
    print(f"{rate:,.0f} requests a second, {megabytes:.0f} MB")  # noqa: T201
    assert rate > 100
    assert megabytes < 200


DETENT = Path(sys.executable).with_name("detent")


def detent(*words: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DETENT, *words],
        env={"DETENT_DATA": str(folder / "secrets"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_commands_make_a_key_and_serve_with_it(tmp_path: Path) -> None:
    made = detent("witness", "new", "witness.example.com/cli", "-o", tmp_path / "key", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    key = CosignerKey.parse(made.stdout.strip())
    again = detent("witness", "new", "witness.example.com/cli", "-o", tmp_path / "key", folder=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    words: list[str | Path] = [
        "--state",
        tmp_path / "state",
        "--key",
        tmp_path / "key",
        "--log",
        str(LOG_KEY.verify_key),
    ]
    with subprocess.Popen(
        [DETENT, "witness", "serve", "--listen", "127.0.0.1:0", *words],
        env={"DETENT_DATA": str(tmp_path / "secrets"), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"cosigning as {key}\n".encode()
        url = f"http://127.0.0.1:{port_in(process.stderr.readline())}"
        at = [WitnessAt("w1", key, url)]
        assert gather(str(LOG.note(8)), LOG.proof, at, lambda names: "w1" in names, deadline=5).met
        second = detent("witness", "serve", "--listen", "127.0.0.1:0", *words, folder=tmp_path)
        assert second.returncode == 8
        process.terminate()
        assert process.wait(10) == 0
    (tmp_path / "state").unlink()
    refused = detent("witness", "serve", "--listen", "127.0.0.1:0", *words, folder=tmp_path)
    assert refused.returncode == 4
    assert "set back or lost" in refused.stderr


NO_ADDRESSES = ["", "8321", "localhost", "localhost:", ":8321", "localhost:x", "localhost:99999"]


@pytest.mark.parametrize("listen", NO_ADDRESSES)
def test_an_address_that_is_none_is_refused(tmp_path: Path, listen: str) -> None:
    WITNESS_KEY.save(tmp_path / "key")
    words: list[str | Path] = [
        "--state",
        tmp_path / "state",
        "--key",
        tmp_path / "key",
        "--log",
        str(LOG_KEY.verify_key),
    ]
    refused = detent("witness", "serve", "--listen", listen, *words, folder=tmp_path)
    assert refused.returncode == 2
    assert "HOST:PORT expected" in refused.stderr
    assert not (tmp_path / "state").exists()
