"""The server as it is started by people: over a real connection, live, over TLS, and ended by a signal."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.web.made_run import Made, free_port

from detent.values import Refused
from detent.web.settings import new_read_token

NEWS = Refused(at="2026-11-01T00:00:00Z", what="a lease", digest="00" * 32, because="nobody signed it")


class Served:
    """A server's process. context: how a client speaks TLS with it."""

    def __init__(self, process: subprocess.Popen[str], port: int, context: ssl.SSLContext | None) -> None:
        self.process, self.port, self._context = process, port, context

    def connect(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection("localhost", self.port, timeout=10, context=self._context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = self.connect()
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def events(self, path: str, **headers: str) -> Iterator[dict[str, Any]]:
        """Each event's id and data, as they come."""
        connection = self.connect()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        try:
            while line := answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name in ("event", "id", "data"):
                    event[name] = json.loads(value) if name == "data" else value
                elif not line.strip() and event:
                    yield event
                    event = {}
        finally:
            connection.close()

    def streams(self) -> float:
        line = next(
            one for one in self.get("/metrics")[1].splitlines() if one.startswith("detent_server_streams ")
        )
        return float(line.split()[1])


@contextmanager
def served(folder: Path, *options: str, context: ssl.SSLContext | None = None) -> Iterator[Served]:
    port = free_port()
    detent = Path(sys.executable).with_name("detent")
    listen = f"127.0.0.1:{port}" if context is None else f"0.0.0.0:{port}"
    command = [str(detent), "serve", str(folder), "--listen", listen, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    found = Served(process, port, context)
    try:
        assert process.stderr is not None
        assert f":{port}/ until Ctrl-C" in process.stderr.readline()
        yield found
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(holds: Any, seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def server(fresh: Made) -> Iterator[Served]:
    with served(fresh.folder) as found:
        until(lambda: '"read":0' not in found.get("/api/v1/runs")[1])
        yield found


def test_a_viewer_is_told_where_a_run_stands_and_then_of_every_change(server: Served, fresh: Made) -> None:
    events = server.events("/runs/demo/events")
    first = next(events)
    assert first["event"] == "version"
    assert first["data"]["run"] == "demo"
    assert first["data"]["entries"] == first["data"]["size"]
    fresh.write([NEWS])
    second = next(events)
    assert second["data"]["entries"] == first["data"]["entries"] + 1
    assert second["data"]["version"] > first["data"]["version"]
    fresh.write([NEWS])
    # Who comes back is told what it missed, and at once.
    again = next(server.events("/runs/demo/events", **{"Last-Event-ID": second["id"]}))
    assert again["data"]["entries"] == second["data"]["entries"] + 1
    assert next(server.events("/events"))["data"]["run"] == "demo"


def test_who_has_seen_the_newest_is_told_nothing_until_there_is_more(server: Served, fresh: Made) -> None:
    first = next(server.events("/runs/demo/events"))
    waiting = server.events("/runs/demo/events", **{"Last-Event-ID": first["id"]})
    fresh.write([NEWS])
    assert next(waiting)["id"] != first["id"]


def test_fifty_viewers_are_told_and_their_places_are_free_when_they_go(server: Served, fresh: Made) -> None:
    viewers = [server.events("/runs/demo/events") for _ in range(50)]
    before = [next(viewer)["data"]["version"] for viewer in viewers]
    assert server.streams() == 50
    fresh.write([NEWS])
    assert all(next(viewer)["data"]["version"] > before[0] for viewer in viewers)
    for viewer in viewers:
        viewer.close()  # type: ignore[attr-defined]
    until(lambda: server.streams() == 0)


def test_more_viewers_than_there_is_room_for_are_told_so(server: Served) -> None:
    viewers = [server.events("/events") for _ in range(64)]
    for viewer in viewers:
        next(viewer)
    status, said = server.get("/events")
    assert status == 429
    assert "fewer streams" in json.loads(said)["error"]["said"]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_asked_to_though_somebody_watches(asked: int, server: Served) -> None:
    events = server.events("/runs/demo/events")
    next(events)
    began = time.monotonic()
    server.process.send_signal(asked)
    assert server.process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert list(events) == []


def test_a_port_that_is_taken_is_an_error_that_says_so(fresh: Made) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        detent = Path(sys.executable).with_name("detent")
        command = [str(detent), "serve", str(fresh.folder), "--listen", f"127.0.0.1:{taken.getsockname()[1]}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("detent: a free address expected")
    assert "Traceback" not in done.stderr


RAW = {
    "what is no HTTP": b"hello\r\n\r\n",
    "a head that has no end": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000,
    "two Hosts": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "another server's address": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "two lengths of one body": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n"
    b"Content-Length: 4\r\n\r\nabcd",
    "a length beside pieces": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


def test_bytes_that_are_no_request_are_refused_and_others_are_answered(server: Served) -> None:
    for name, sent in RAW.items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(sent)
            said = client.recv(1000)
        assert said.split()[1] in (b"400", b"403", b"421"), name
    assert server.get("/api/v1/runs")[0] == 200


def test_no_answer_names_the_program_that_serves(server: Served) -> None:
    connection = server.connect()
    connection.request("GET", "/api/v1/runs")
    headers = connection.getresponse().headers
    connection.close()
    assert "server" not in headers


@pytest.mark.long
def test_who_sends_a_head_drop_by_drop_is_cut(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        began = time.monotonic()
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert client.recv(100) == b""
        assert 5 < time.monotonic() - began < 20


def certified(place: Path) -> tuple[Path, Path]:
    """A certificate of this machine's own, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    begins = datetime.now(UTC) - timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(names, critical=True)
        .sign(key, SHA256())
    )
    certificate, secret = place / "cert.pem", place / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


def test_others_read_over_tls_with_a_token_and_not_otherwise(fresh: Made, tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    token = new_read_token(tmp_path / "tokens", "ada")
    options = ["--tls-cert", certificate, "--tls-key", key, "--read-token-file", tmp_path / "tokens"]
    context = ssl.create_default_context(cafile=str(certificate))
    with served(fresh.folder, *map(str, options), "--public-name", "localhost", context=context) as found:
        bearer = {"Authorization": f"Bearer {token}"}
        assert found.get("/api/v1/runs")[0] == 401
        assert found.get("/api/v1/runs", **bearer)[0] == 200
        assert found.get("/api/v1/runs", **bearer, Host="127.0.0.1")[0] == 421
        assert next(found.events("/events", **bearer))["data"]["run"] == "demo"
        plainly = http.client.HTTPConnection("localhost", found.port, timeout=10)
        plainly.request("GET", "/api/v1/runs", headers=bearer)
        with pytest.raises((http.client.HTTPException, OSError)):
            plainly.getresponse()


def test_a_certificate_that_is_none_is_an_error_that_says_so(fresh: Made, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no PEM")
    detent = Path(sys.executable).with_name("detent")
    tls = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    command = [str(detent), "serve", str(fresh.folder), "--listen", "127.0.0.1:0", *tls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "a certificate and its key in PEM expected" in done.stderr
