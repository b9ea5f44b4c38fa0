"""Real HTTP servers that do everything wrong: each ends in an answer or in an error that says who must act, in time."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.sampler.asking import KEY, judging, sampler, unwatched

from detent.errors import DetentError, PeerError, UsageError
from detent.testing.servers import Asked, Behaviour, ChatServer, completion, kind, send

FINE = kind()
LONGEST = 20.0
"""Seconds that any of these may take: three tries of a second, waits between, and a start."""


def failing(status: str, times: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Behaviour:
    """It answers so a few times, then kindly."""

    def behave(connection: socket.socket, asked: Asked) -> None:
        if asked.number < times:
            send(connection, body, status, headers)
        else:
            FINE(connection, asked)

    return behave


def always(body: bytes, status: str = "200 OK", headers: dict[str, str] | None = None) -> Behaviour:
    return lambda connection, _: send(connection, body, status, headers)


def slow(seconds: float) -> Behaviour:
    def behave(connection: socket.socket, asked: Asked) -> None:
        time.sleep(seconds)
        FINE(connection, asked)

    return behave


def hangs_after_headers(connection: socket.socket, _: Asked) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")
    time.sleep(3)


def drips(connection: socket.socket, _: Asked) -> None:
    """A byte in time for every time-out on reading, and no end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")
    for _byte in range(20):
        connection.sendall(b" ")
        time.sleep(0.2)


def cut(connection: socket.socket, _: Asked) -> None:
    whole = completion("1", [("1", -0.1)])
    connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(whole)}\r\n\r\n".encode() + whole[:-20])


def cut_chunks(connection: socket.socket, _: Asked) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"choices": [{"i\r\n')


def says_nothing(connection: socket.socket, _: Asked) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def not_http(connection: socket.socket, _: Asked) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def endless_headers(connection: socket.socket, _: Asked) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        connection.sendall(f"x-{number}: {'x' * 100}\r\n".encode())


def huge(connection: socket.socket, _: Asked) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
    for _part in range(64):
        connection.sendall(b" " * (1 << 20))


NAN = completion("1", [("1", -0.1)]).replace(b"-0.1", b"NaN")
INFINITE = completion("1", [("1", -0.1)]).replace(b"-0.1", b"-1e999")


@dataclass(frozen=True)
class Row:
    """What a server does; what is said of it, None where an answer comes in the end; how often it is asked at most."""

    behaviour: Behaviour
    error: type[DetentError] | None
    said: str = ""
    asked: int = 6
    changes: dict[str, Any] = field(default_factory=dict)


TABLE: dict[str, Row] = {
    "it is slow, but in time": Row(slow(0.3), None, asked=2),
    "it is slower than the time-out": Row(slow(3), PeerError, "no whole answer in 1 s 3 times"),
    "it hangs after its headers": Row(hangs_after_headers, PeerError, "no whole answer"),
    "it drips bytes for ever": Row(drips, PeerError, "no whole answer in 1 s 3 times"),
    "it answers 429 and says when to come back": Row(
        failing("429 Too Many Requests", 2, {"retry-after": "1"}), None, asked=6
    ),
    "it answers 429 and says nothing more": Row(failing("429 Too Many Requests", 2), None),
    "it answers 429 and wants a day of quiet": Row(
        failing("429 Too Many Requests", 99, {"retry-after": "86400"}), PeerError, "86400 s of quiet", asked=2
    ),
    "it answers 429 for ever": Row(failing("429 Too Many Requests", 99), PeerError, "answered 429 3 times"),
    "it answers 429 with a date that is none": Row(
        failing("429 Too Many Requests", 1, {"retry-after": "soon"}), None
    ),
    "it answers 500, then is fine": Row(failing("500 Internal Server Error", 2), None),
    "it answers 503 for ever": Row(failing("503 Unavailable", 99), PeerError, "answered 503 3 times"),
    "it cuts its answer short": Row(cut, PeerError, "no whole answer"),
    "it cuts its answer in the middle of a chunk": Row(cut_chunks, PeerError, "no whole answer"),
    "it closes without a word": Row(says_nothing, PeerError, "no whole answer"),
    "it speaks something else": Row(not_http, PeerError, "no whole answer"),
    "its headers do not end": Row(endless_headers, PeerError, "no whole answer"),
    "it sends half of a JSON object": Row(
        always(b'{"choices": [{"message"'), PeerError, "chat completion in JSON"
    ),
    "it sends an HTML page": Row(always(b"<html>busy</html>"), PeerError, "chat completion in JSON"),
    "it sends JSON of another kind": Row(always(b'{"error": null}'), PeerError, "chat completion in JSON"),
    "it sends deeply nested JSON": Row(always(b"[" * 200_000), PeerError, "chat completion in JSON"),
    "it sends no choice": Row(always(completion("1", choices=[])), PeerError, "a choice in the answer"),
    "it answers by another model": Row(
        always(completion("1", model="cheap-0.1b")), PeerError, "got an answer of 'cheap-0.1b'", asked=2
    ),
    "it answers by a model whose name begins alike": Row(
        always(completion("1", model="wise-1b0")), PeerError, "got an answer of 'wise-1b0'", asked=2
    ),
    "it answers by a version of the model": Row(
        always(completion("1", [("1", -0.1)], model="wise-1b-2026-01-01")), None, asked=2
    ),
    "it answers by the name that the charter knows it by": Row(
        always(completion("1", [("1", -0.1)], model="/models/w.gguf")),
        None,
        asked=2,
        changes={"reported": "/models/w.gguf"},
    ),
    "it sends 64 MiB": Row(huge, PeerError, "an answer of at most 8388608 bytes", asked=2),
    "it sends a packed answer, which may be of any size unpacked": Row(
        always(b"\x1f\x8b", headers={"content-encoding": "gzip"}), PeerError, "not packed", asked=2
    ),
    "it does not take the key": Row(
        always(b'{"error": {"message": "bad key"}}', "401 Unauthorized"),
        UsageError,
        "the variable WISE_KEY, got 401",
        asked=2,
    ),
    "it does not know the model": Row(
        always(b'{"error": {"message": "no model wise-1b"}}', "404 Not Found"),
        UsageError,
        "no model wise-1b",
        asked=2,
    ),
    "it does not know log-probabilities": Row(
        always(b'{"error": {"message": "logprobs not supported"}}', "400 Bad Request"),
        UsageError,
        "logprobs not supported",
        asked=2,
    ),
    "it gives no log-probabilities": Row(always(completion("1")), PeerError, 'verdicts = "text"', asked=2),
    "its log-probabilities are not numbers": Row(always(NAN), PeerError, "chat completion in JSON"),
    "its log-probabilities are without end": Row(always(INFINITE), PeerError, "chat completion in JSON"),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_a_judge_is_asked_and(row: Row, tmp_path: Path) -> None:
    began = time.monotonic()
    with ChatServer(row.behaviour) as server, sampler(tmp_path, server.url, **row.changes) as asked:
        if row.error is None:
            served = asked.ask(judging(), "generation 1", unwatched)
            assert served.report.asked == 2
        else:
            with pytest.raises(row.error) as raised:
                asked.ask(judging(), "generation 1", unwatched)
            assert row.said in str(raised.value)
            assert KEY not in str(raised.value)
            assert not list((tmp_path / "kept").glob("*/*.json")), "a failure was kept"
        assert len(server.asked) <= row.asked
    assert time.monotonic() - began < LONGEST
    assert KEY not in (tmp_path / "log").read_text()


def everything_written(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(status: str, tmp_path: Path) -> None:
    with ChatServer(kind()) as elsewhere:
        leads = always(b"", status, {"location": f"{elsewhere.url}/chat/completions"})
        with ChatServer(leads) as server:
            with sampler(tmp_path, server.url) as asked, pytest.raises(UsageError, match="a redirect"):
                asked.ask(judging(), "generation 1", unwatched)
            assert server.asked
        assert not elsewhere.asked


ESCAPED = "".join(f"\\u{ord(one):04x}" for one in KEY)

KEY_IN: dict[str, Callable[[], Behaviour]] = {
    "the words of a refusal": lambda: always(
        f'{{"error": {{"message": "bad {KEY}"}}}}'.encode(), "400 Bad Request"
    ),
    "the words of a refused key": lambda: always(
        f'{{"error": {{"message": "{KEY}"}}}}'.encode(), "401 Unauthorized"
    ),
    "an answer": lambda: always(completion(f"my key is {KEY}", [("1", -0.1)])),
    "the model's name": lambda: always(completion("1", [("1", -0.1)], model=KEY)),
    "the fingerprint": lambda: always(completion("1", [("1", -0.1)], system_fingerprint=KEY)),
    "half a JSON object": lambda: always(f'{{"choices": "{KEY}'.encode()),
    "an answer, each character escaped": lambda: always(
        completion("my key is @", [("1", -0.1)]).replace(b"@", ESCAPED.encode())
    ),
    "the fingerprint, each character escaped": lambda: always(
        completion("1", [("1", -0.1)], system_fingerprint="@").replace(b"@", ESCAPED.encode())
    ),
    "an answer, but for its end": lambda: always(completion(f"my key is {KEY[:-4]}****", [("1", -0.1)])),
    "the words of a refusal, but for its middle": lambda: always(
        f'{{"error": "bad key {KEY[:9]}***{KEY[-9:]}"}}'.encode(), "400 Bad Request"
    ),
    "the words of a refusal, each character escaped": lambda: always(
        f'{{"error": "bad key {ESCAPED}"}}'.encode(), "400 Bad Request"
    ),
}


@pytest.mark.parametrize("behaviour", KEY_IN.values(), ids=KEY_IN.keys())
def test_the_key_is_in_nothing_that_is_kept_or_said_when_the_server_says_it_in(
    behaviour: Callable[[], Behaviour], tmp_path: Path
) -> None:
    with (
        ChatServer(behaviour()) as server,
        sampler(tmp_path, server.url) as asked,
        pytest.raises((PeerError, UsageError)) as raised,
    ):
        asked.ask(judging(), "generation 1", unwatched)
    for said in (str(raised.value), everything_written(tmp_path)):
        assert KEY[:9] not in said
        assert KEY[-9:] not in said
        assert ESCAPED[:30] not in said


def test_the_key_is_in_no_command_line_and_no_environment(tmp_path: Path) -> None:
    seen = threading.Event()

    def behave(connection: socket.socket, asked: Asked) -> None:
        seen.set()
        time.sleep(0.5)
        FINE(connection, asked)

    with ChatServer(behave) as server, sampler(tmp_path, server.url) as asked:
        thread = threading.Thread(target=asked.ask, args=(judging(), "generation 1", unwatched))
        thread.start()
        assert seen.wait(10)
        started = [
            path for path in Path("/proc").glob("[0-9]*") if b"detent.sampler" in _bytes(path / "cmdline")
        ]
        assert started
        assert all(
            KEY.encode() not in _bytes(path / name) for path in started for name in ("cmdline", "environ")
        )
        thread.join()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_server_that_does_not_listen_is_an_error_within_its_tries(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with (
        sampler(tmp_path, f"http://127.0.0.1:{port}/v1") as asked,
        pytest.raises(PeerError, match="is it up"),
    ):
        asked.ask(judging(), "generation 1", unwatched)
    lines = (tmp_path / "kept" / "spent.jsonl").read_text().splitlines()
    assert sum(row["read"] + row["written"] for row in map(json.loads, lines)) == 0, "nothing was sent"
