"""A run published to strangers: what is shown, and what no request gets, however it is put."""

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.assembly.served import DIGEST, HIDDEN, SHOWN, SIZE, connected, make_folder, read_all, said, serving

from detent.assembly import serve_log
from detent.assembly.publishing import CHANGING, LASTING
from detent.assembly.serving import LogServer
from detent.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("served") / "run")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[LogServer]:
    with serving(folder) as server:
        yield server


def got(server: LogServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    found = response.status, dict(response.headers), response.read()
    connection.close()
    return found


KINDS = {
    "/checkpoint": ("ledger/checkpoint", "text/plain; charset=utf-8", CHANGING),
    "/ledger/checkpoint": ("ledger/checkpoint", "text/plain; charset=utf-8", CHANGING),
    "/tile/0/000": ("ledger/tile/0/000", "application/octet-stream", LASTING),
    "/tile/0/002.p/88": ("ledger/tile/0/002.p/88", "application/octet-stream", LASTING),
    "/tile/1/000.p/2": ("ledger/tile/1/000.p/2", "application/octet-stream", LASTING),
    "/ledger/tile/entries/001": ("ledger/tile/entries/001", "application/octet-stream", LASTING),
    "/tile/entries/002.p/88": ("ledger/tile/entries/002.p/88", "application/octet-stream", LASTING),
    "/charter.dsse": ("charter.dsse", "application/json", CHANGING),
    "/charter.toml": ("charter.toml", "text/plain; charset=utf-8", CHANGING),
    "/log.vkey": ("log.vkey", "text/plain; charset=utf-8", CHANGING),
    f"/data/{DIGEST}.jsonl": (f"data/{DIGEST}.jsonl", "application/octet-stream", LASTING),
    f"/answers/{DIGEST}": (f"answers/{DIGEST}", "application/octet-stream", LASTING),
    "/tasks/constitution-digits.toml": (
        "tasks/constitution-digits.toml",
        "application/octet-stream",
        CHANGING,
    ),
    "/tasks/own/brief.jsonl": ("tasks/own/brief.jsonl", "application/octet-stream", CHANGING),
    "/tasks/own/sums.py": ("tasks/own/sums.py", "application/octet-stream", CHANGING),
}


@pytest.mark.parametrize("path", KINDS)
def test_a_file_is_shown_with_its_type_and_how_long_it_lasts(
    server: LogServer, folder: Path, path: str
) -> None:
    name, kind, keep = KINDS[path]
    status, headers, body = got(server, path)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, kind, keep)
    assert body == (folder / name).read_bytes()
    status, headers, nothing = got(server, path, "HEAD")
    assert (status, headers["Content-Length"], nothing) == (200, str(len(body)), b"")


def test_one_connection_takes_many_requests_and_what_is_missing_does_not_end_it(server: LogServer) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET /tile/0/009 HTTP/1.1\r\n\r\nHEAD /none HTTP/1.1\r\n\r\n" * 20)
        connection.sendall(b"GET /tile/0/000 HTTP/1.0\r\n\r\n")
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 404 ") == 40
    assert answers.count(b"HTTP/1.1 200 ") == 1


SHUT = {
    "the lock": b"GET /ledger/.lock HTTP/1.0\r\n\r\n",
    "the journal": b"GET /ledger/.journal HTTP/1.0\r\n\r\n",
    "the journal at the root": b"GET /.journal HTTP/1.0\r\n\r\n",
    "a list of the root": b"GET / HTTP/1.0\r\n\r\n",
    "a list of a folder": b"GET /tile/0/ HTTP/1.0\r\n\r\n",
    "a folder without its slash": b"GET /tile/0 HTTP/1.0\r\n\r\n",
    "a folder of the user's files": b"GET /tasks/own HTTP/1.0\r\n\r\n",
    "a step up": b"GET /../secret HTTP/1.0\r\n\r\n",
    "a step up from a folder": b"GET /tasks/../../secret HTTP/1.0\r\n\r\n",
    "a step up from a tile": b"GET /tile/0/../../../../secret HTTP/1.0\r\n\r\n",
    "a step up in percent signs": b"GET /tasks/%2e%2e/%2e%2e/secret HTTP/1.0\r\n\r\n",
    "a name in percent signs": b"GET /%63heckpoint HTTP/1.0\r\n\r\n",
    "a step up with backslashes": b"GET /tasks\\..\\..\\secret HTTP/1.0\r\n\r\n",
    "two slashes in the name": b"GET /tasks//own/sums.py HTTP/1.0\r\n\r\n",
    "a zero byte after a name": b"GET /checkpoint\0.html HTTP/1.0\r\n\r\n",
    "a query": b"GET /checkpoint?a=1 HTTP/1.0\r\n\r\n",
    "a fragment": b"GET /checkpoint#a HTTP/1.0\r\n\r\n",
    "no slash before the name": b"GET checkpoint HTTP/1.0\r\n\r\n",
    "a whole URL": b"GET http://127.0.0.1/checkpoint HTTP/1.0\r\n\r\n",
    "digits of another script": "GET /tile/0/\u0660\u0660\u0660 HTTP/1.0\r\n\r\n".encode(),
    "a partial tile as wide as a full one": b"GET /tile/0/000.p/256 HTTP/1.0\r\n\r\n",
    "a partial tile of no width": b"GET /tile/0/000.p/0 HTTP/1.0\r\n\r\n",
    "a level too high": b"GET /tile/64/000 HTTP/1.0\r\n\r\n",
    "a very deep name": b"GET /" + b"tasks/" * 2000 + b"x HTTP/1.0\r\n\r\n",
    **{f"the hidden {name}": f"GET /{name} HTTP/1.0\r\n\r\n".encode() for name in HIDDEN},
}


@pytest.mark.parametrize("what", SHUT)
def test_nobody_is_shown(server: LogServer, what: str) -> None:
    answer = said(server, SHUT[what])
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), answer[:80]
    assert not any(secret in answer for secret in (b"secret", b"notes", *HIDDEN.values()) if secret != b"{}")


REFUSED = {
    "a POST": (b"POST /checkpoint HTTP/1.1\r\n\r\n", b"405"),
    "a PUT with a body": (b"PUT /checkpoint HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
    "a DELETE": (b"DELETE /tile/0/000 HTTP/1.1\r\n\r\n", b"405"),
    "a method nobody knows": (b"PWN /checkpoint HTTP/1.1\r\n\r\n", b"405"),
    "an attribute of the handler as a method": (b"__init__ / HTTP/1.1\r\n\r\n", b"405"),
    "CONNECT": (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", b"405"),
    "a GET with a body": (b"GET /checkpoint HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", b"400"),
    "two lengths": (b"GET /checkpoint HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n", b"400"),
    "a body in pieces": (b"GET /checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    "no version": (b"GET /checkpoint\r\n\r\n", b"505"),
    "version 2": (b"GET /checkpoint HTTP/2.0\r\n\r\n", b"505"),
    "a version that is none": (b"GET /checkpoint HTTP/x\r\n\r\n", b"400"),
    "one word": (b"checkpoint\r\n\r\n", b"400"),
    "four words": (b"GET /checkpoint a HTTP/1.1\r\n\r\n", b"400"),
    "a hundred and one headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", b"431"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_in_a_sentence_with_the_connection_closed(server: LogServer, what: str) -> None:
    request, status = REFUSED[what]
    answer = said(server, request + b"GET /charter.dsse HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:80]
    assert answer.count(b"HTTP/1.1 ") == 1  # what follows is not taken for a request
    assert b"Python" not in answer


CUT = {
    "nothing": b"",
    "garbage without an end": bytes(range(1, 256)).replace(b"\n", b"") * 400,
    "a line without an end": b"GET /" + b"a" * 200_000,
    "headers without an end": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000,
    "one endless header": b"GET / HTTP/1.1\r\na: " + b"b" * 100_000,
    "the beginning of a TLS connection": bytes.fromhex("1603010200010001fc0303") + bytes(64),
}


@pytest.mark.parametrize("what", CUT)
def test_closed_without_an_answer_or_with_a_refusal(server: LogServer, what: str) -> None:
    answer = said(server, CUT[what])
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 414")), answer[:80]
    assert got(server, "/checkpoint")[0] == 200


LINKS: dict[str, Callable[[Path], object]] = {
    "a link in the place of the checkpoint": lambda f: f / "ledger/checkpoint",
    "a link in the place of a tile": lambda f: f / "ledger/tile/0/000",
    "a link in the place of a folder of tiles": lambda f: f / "ledger/tile/0",
    "a link in the place of the ledger": lambda f: f / "ledger",
    "a link in the place of the tasks": lambda f: f / "tasks",
    "a link in the place of the answers": lambda f: f / "answers",
}


@pytest.mark.parametrize("what", LINKS)
def test_no_link_is_followed(tmp_path: Path, what: str) -> None:
    folder = make_folder(tmp_path / "run")
    place = LINKS[what](folder)
    assert isinstance(place, Path)
    with serving(folder) as server:
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
        names = {f"/{name}": name for name in SHOWN}
        names |= {"/checkpoint": "ledger/checkpoint", "/tile/0/000": "ledger/tile/0/000"}
        missing = {path for path in names if got(server, path)[0] == 404}
    linked = place.relative_to(folder).as_posix()
    assert missing == {path for path, name in names.items() if f"{name}/".startswith(f"{linked}/")}
    assert missing


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run")
    (folder / "charter.toml").unlink()
    os.mkfifo(folder / "charter.toml")
    with serving(folder) as server:
        assert got(server, "/charter.toml")[0] == 404


def test_a_file_that_becomes_shorter_ends_the_connection_and_nothing_else(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run")
    name = folder / f"data/{DIGEST}.jsonl"
    name.write_bytes(bytes(50_000_000))
    with serving(folder) as server:
        with connected(server) as connection:
            connection.sendall(f"GET /data/{DIGEST}.jsonl HTTP/1.1\r\n\r\n".encode())
            assert connection.recv(1)
            os.truncate(name, 100)
            assert len(read_all(connection)) < 50_000_000
        assert got(server, "/checkpoint")[0] == 200


def dripping(connection: socket.socket) -> None:
    """A byte now and then, each in time for a limit that looks at single reads."""
    try:
        for byte in b"GET /checkpoint HTTP/1.1\r\nSlow: " + b"a" * 10_000:
            connection.send(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        return


def test_who_sends_a_request_slowly_is_cut_in_time(folder: Path) -> None:
    with serving(folder, request_seconds=0.5) as server, connected(server) as connection:
        threading.Thread(target=dripping, args=(connection,), daemon=True).start()
        began = time.monotonic()
        assert read_all(connection) == b""
        assert time.monotonic() - began < 5


def test_who_takes_an_answer_slowly_is_cut_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detent.assembly.serving.SLOWEST", 100_000_000)
    folder = make_folder(tmp_path / "run")
    (folder / f"data/{DIGEST}.jsonl").write_bytes(bytes(50_000_000))
    with serving(folder, request_seconds=0.5) as server, connected(server) as connection:
        connection.sendall(f"GET /data/{DIGEST}.jsonl HTTP/1.1\r\n\r\n".encode())
        time.sleep(2.5)  # and takes nothing
        assert len(read_all(connection)) < 50_000_000


def test_there_are_so_many_connections_and_no_more_and_idle_ones_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detent.assembly.serving.MOST_CONNECTIONS", 8)
    before = threading.active_count()
    with ExitStack() as stack:
        server = stack.enter_context(serving(folder, request_seconds=4))
        idle = [stack.enter_context(connected(server)) for _ in range(24)]
        closed = [connection for connection in idle[8:] if read_all(connection) == b""]
        assert len(closed) == 16  # at once, while the first eight still may speak
        assert threading.active_count() <= before + 8 + 2  # the server's own, and the one that watches
        assert said(server, b"GET /checkpoint HTTP/1.0\r\n\r\n") == b""
        deadline = time.monotonic() + 60
        while not said(server, b"GET /checkpoint HTTP/1.0\r\n\r\n"):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_readers_beside_each_other_get_whole_files(server: LogServer, folder: Path) -> None:
    wanted = (folder / "ledger/tile/entries/000").read_bytes()
    wrong: list[bytes] = []

    def ask() -> None:
        wrong.extend(body for _ in range(25) if (body := got(server, "/tile/entries/000")[2]) != wanted)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_log_alone_is_served_at_the_root_and_nothing_beside_it(folder: Path) -> None:
    with serving(folder / "ledger") as server:
        assert got(server, "/checkpoint")[2].startswith(b"example.com/run\n%d\n" % SIZE)
        assert got(server, "/tile/0/000")[0] == 200
        hidden = ("/ledger/checkpoint", "/.lock", "/.journal", "/charter.dsse", "/log.vkey", "/../log.vkey")
        assert {got(server, path)[0] for path in hidden} == {404}


@pytest.mark.parametrize(
    "listen", ["", "8000", "127.0.0.1", ":8000", "127.0.0.1:x", "127.0.0.1:65536", "host:²"]
)
def test_an_address_that_is_none_is_named(folder: Path, listen: str) -> None:
    with pytest.raises(UsageError, match=r"HOST:PORT such as 127\.0\.0\.1:8000 expected"):
        serve_log(folder, listen)


def test_an_address_that_is_taken_and_a_folder_that_is_none_are_named(folder: Path, tmp_path: Path) -> None:
    with serve_log(folder, "127.0.0.1:0") as server:
        assert server.address.startswith("127.0.0.1:")
        with pytest.raises(UsageError, match="a free address expected"):
            serve_log(folder, server.address)
    with pytest.raises(UsageError, match="a run folder"):
        serve_log(tmp_path, "127.0.0.1:0")


def test_it_listens_on_ipv6_too(folder: Path) -> None:
    with serve_log(folder, "[::1]:0") as server:
        assert server.address.startswith("[::1]:")
