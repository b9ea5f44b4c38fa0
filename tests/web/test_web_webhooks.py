"""Webhooks: what a receiver can check, and receivers and addresses that mean no good."""

import base64
import hashlib
import hmac
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.web.receivers import answer, certified, hooked

from detent.errors import PeerError
from detent.web import webhooks
from detent.web.noticing import Webhook, secret_of
from detent.web.webhooks import address_of, is_public, post, signature

SECRET = "a-secret-of-thirty-two-characters"  # noqa: S105  of tests
VARIABLE = "DETENT_TEST_HOOK"
NOW = 1_900_000_000.5
BODY = b'{"type":"detent.request"}'


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)


def at(url: str, *, allow_private: bool = True) -> Webhook:
    return Webhook("lab", url, VARIABLE, allow_private=allow_private)


def test_a_receiver_with_the_secret_can_check_what_it_got() -> None:
    """As the text of Standard Webhooks 1.0 says, computed here once more."""
    with hooked() as hook:
        post(at(hook.url), "msg_1", BODY, NOW)

    ((headers, body),) = hook.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert body == BODY
    assert headers["webhook-timestamp"] == "1900000000"
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["content-type"] == "application/json"
    assert headers["host"].startswith("localhost:")


def test_a_secret_as_standard_webhooks_writes_it_is_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the specification's libraries."""
    monkeypatch.setenv(VARIABLE, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    key = secret_of(at("https://example.com"))

    got = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert got == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A head that goes on, byte after byte, and never ends."""
    for _ in range(60):
        handler.wfile.write(b"H")
        time.sleep(0.1)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(60):
        handler.wfile.write(b"a: b\r\n")
        time.sleep(0.1)


def continue_for_ever(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(60):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.1)


def raw(data: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)

    return say


WORDS = b"the-words-of-a-stranger"

RECEIVERS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "a receiver that leads elsewhere": (
        answer(307, Location="http://169.254.169.254/"),
        "redirects are not followed",
    ),
    "a receiver that leads to a file": (
        answer(301, Location="file:///etc/passwd"),
        "redirects are not followed",
    ),
    "a receiver that breaks": (answer(500), "got 500"),
    "a receiver that says nothing": (lambda _: None, "an answer expected, got RemoteDisconnected"),
    "a receiver that is no web server": (raw(b"SSH-2.0-" + WORDS + b"\r\n"), "got BadStatusLine"),
    "a head without an end": (raw(b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000), "got LineTooLong"),
    "a thousand headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000), "got HTTPException"),
    "a status that is no number": (raw(b"HTTP/1.1 " + WORDS + b" OK\r\n\r\n"), "got BadStatusLine"),
    "a head that drips": (drip, "expected, got"),
    "headers that drip": (drip_headers, "expected, got"),
    "a receiver that says to go on, for ever": (continue_for_ever, "expected, got"),
}


@pytest.mark.parametrize("name", RECEIVERS)
def test_each_receiver_that_misbehaves_is_left_soon_and_none_of_its_words_are_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "DEADLINE_SECONDS", 0.5)
    deed, says = RECEIVERS[name]
    with hooked() as hook:
        hook.deeds = [deed]
        began = time.monotonic()
        with pytest.raises(PeerError) as refused:
            post(at(hook.url), "msg_1", BODY, NOW)

    assert time.monotonic() - began < 3
    assert says in str(refused.value)
    for word in (WORDS.decode(), "a-path-that-is-secret", SECRET):
        assert word not in str(refused.value)


def test_a_body_of_100_mb_is_not_read() -> None:
    sent: list[int] = []

    def much(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(bytes(1_000_000))
            sent.append(1_000_000)

    with hooked() as hook:
        hook.deeds = [much]
        began = time.monotonic()
        post(at(hook.url), "msg_1", BODY, NOW)
        assert time.monotonic() - began < 2

    assert sum(sent) < 50_000_000


PRIVATE = {
    "this machine": "127.0.0.1",
    "this machine by another number": "127.8.9.1",
    "any address of this machine": "0.0.0.0",  # noqa: S104
    "a private network": "10.1.2.3",
    "another": "192.168.0.1",
    "a third": "172.16.0.1",
    "a cloud's metadata": "169.254.169.254",
    "a carrier's network": "100.64.0.1",
    "everybody in the network": "255.255.255.255",
    "a group": "224.0.0.1",
    "this machine in IPv6": "::1",
    "no address in IPv6": "::",
    "a private network in IPv6": "fc00::1",
    "the next link in IPv6": "fe80::1",
    "the next link with a zone": "fe80::1%eth0",
    "a cloud's metadata in IPv6": "fd00:ec2::254",
    "this machine, mapped": "::ffff:127.0.0.1",
    "this machine by 6to4": "2002:7f00:1::",
    "metadata by way of NAT64": "64:ff9b::a9fe:a9fe",
}


@pytest.mark.parametrize("name", PRIVATE)
def test_each_private_address_is_refused_before_anything_is_sent(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = PRIVATE[name]
    assert not is_public(address)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("connected"))

    with pytest.raises(PeerError, match="a public address expected"):
        post(at("https://hooks.example.com/x", allow_private=False), "msg_1", BODY, NOW)


SPELLINGS = (
    "http://127.1:1/",
    "http://2130706433:1/",
    "http://0x7f000001:1/",
    "http://localhost:1/",
    "http://[::1]:1/",
)


@pytest.mark.parametrize("url", SPELLINGS)
def test_other_spellings_of_this_machine_are_refused_too(url: str) -> None:
    with pytest.raises(PeerError):
        post(at(url, allow_private=False), "msg_1", BODY, NOW)


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(0, 0, 0, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(PeerError, match="a public address expected"):
        address_of("hooks.example.com", 443, allow_private=False)


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is public when it is checked and private a moment later."""
    asked: list[str] = []
    connected: list[Any] = []

    def look_up(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", 443))]

    def connect(address: Any, *_: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(PeerError):
        post(at("https://hooks.example.com/x", allow_private=False), "msg_1", BODY, NOW)

    assert asked == ["hooks.example.com"]
    assert connected == [("93.184.216.34", 443)]


def test_a_certificate_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, certificate = certified(tmp_path)
    with hooked(context) as hook:
        with pytest.raises(PeerError, match="CERTIFICATE_VERIFY_FAILED"):
            post(at(hook.url), "msg_1", BODY, NOW)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        post(at(hook.url), "msg_1", BODY, NOW)
        assert len(hook.got) == 1
        found = socket.getaddrinfo("127.0.0.1", int(hook.url.rpartition(":")[2].partition("/")[0]))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(PeerError, match="CERTIFICATE_VERIFY_FAILED"):
            post(at(hook.url.replace("localhost", "hooks.example.com")), "msg_1", BODY, NOW)
        assert len(hook.got) == 1


def test_a_handshake_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "DEADLINE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(PeerError):
            post(at(f"https://localhost:{server.getsockname()[1]}/"), "msg_1", BODY, NOW)

    assert time.monotonic() - began < 3


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with hooked() as hook:
        post(at(hook.url), "msg_1", BODY, NOW)

    assert len(hook.got) == 1
