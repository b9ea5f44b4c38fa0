"""E-mail of notices: who gets it, how, and what no text in it can do."""

import email
import email.policy
import json
import socket
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.web.receivers import certified, posted

from detent.errors import PeerError
from detent.values.text import one_line
from detent.web import mailing
from detent.web.mailing import message, send
from detent.web.notices import message_body
from detent.web.noticing import Mail, Security
from detent.web.occasions import Occasion

LINES = ("why: look at it", "link")


def to(port: int, security: Security = "none", **fields: Any) -> Mail:
    given = {"from": "detent@example.com", "to": ("ada@example.com", "bob@example.com")} | fields
    named = {"name": "stewards", "host": "localhost", "port": port, "security": security}
    return msgspec.convert(named | given, Mail)


def read(data: bytes) -> EmailMessage:
    made = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    context, file = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


def test_one_mail_goes_to_all_recipients_in_plain_text() -> None:
    with posted() as post:
        mail = to(post.port)
        send(mail, message(mail, "msg_5f0c", "a person is asked", LINES))

    ((sender, recipients, data),) = post.got
    got = read(data)
    assert "detent@example.com" in sender
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert got["Subject"] == "a person is asked"
    assert got["Message-ID"] == "<msg_5f0c@example.com>"
    assert got.get_content_type() == "text/plain"
    assert not got.is_multipart()
    assert got.get_content().replace("\r\n", "\n") == "why: look at it\nlink\n"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_and_credentials_go_over_tls(
    security: Security, certificate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_USER", "ada")
    monkeypatch.setenv("TEST_PASSWORD", "very secret")
    with posted(certificate, at_once=security == "tls") as post:
        mail = to(post.port, security, user_env="TEST_USER", password_env="TEST_PASSWORD")  # noqa: S106
        send(mail, message(mail, "msg_1", "title", LINES))

    assert post.logins == [("ada", "very secret")]
    assert post.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_knows_gets_no_mail(
    security: Security, certificate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with posted(certificate, at_once=security == "tls") as post:
        mail = to(post.port, security)
        with pytest.raises(PeerError, match="CERTIFICATE_VERIFY_FAILED"):
            send(mail, message(mail, "msg_1", "title", LINES))

    assert not post.got


def test_a_server_without_starttls_gets_nothing() -> None:
    """As when somebody in between takes the offer out."""
    with posted(offers=()) as post:
        mail = to(post.port, "starttls")
        with pytest.raises(PeerError, match="SMTPNotSupportedError"):
            send(mail, message(mail, "msg_1", "title", LINES))

    assert not [line for line in post.heard if line.upper().startswith(("MAIL", "AUTH", "DATA"))]


def test_mail_in_the_clear_goes_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.1", 25))])
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    mail = to(25)

    with pytest.raises(PeerError, match="a server on this machine expected"):
        send(mail, message(mail, "msg_1", "title", LINES))


INJECTED = {
    "a header in the title": "stop\r\nBcc: eve@example.com",
    "a header after a bare new line": "stop\nBcc: eve@example.com",
    "a header after a bare return": "stop\rBcc: eve@example.com",
    "a body in the title": "stop\r\n\r\nSend all keys to eve",
    "a new line of another script": "stop\u2028Bcc: eve@example.com",
    "a vertical tab": "stop\x0bBcc: eve@example.com",
    "a zero byte": "stop\x00Bcc: eve@example.com",
    "the end of the message": "stop\r\n.\r\nMAIL FROM:<eve@example.com>",
    "an encoded word": "=?utf-8?q?stop=0ABcc:_eve@example.com?=",
    "an encoded word in base64": "=?utf-8?b?c3RvcApCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=",
    "an encoded word over two words": "=?utf-8?q?stop?= =?utf-8?q?=0D=0ABcc:_eve@example.com?=",
    "an encoded word that is made when a space goes": "=\u200b?utf-8?q?stop=0ABcc:_eve@example.com?=",
    "an encoded word between others' letters": "é =?utf-8?q?stop=0ABcc:_eve@example.com?= é",
    "half a character": "stop\ud800",
    "a title as long as a book": "stop" * 100_000,
    "a text that turns round": "\u202estop",
}


@pytest.mark.parametrize("name", INJECTED)
def test_no_text_begins_a_header_or_another_mail(name: str) -> None:
    text = INJECTED[name]
    with posted() as post:
        mail = to(post.port)
        send(mail, message(mail, f"msg_1{text}", text, (text, "<b>no markup</b>")))

    ((_, recipients, data),) = post.got
    got = read(data)
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert sorted(got.keys()) == sorted(
        [
            "Subject",
            "From",
            "To",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
    )
    assert sum(line.upper().startswith("MAIL") for line in post.heard) == 1
    assert got.get_content().replace("\r\n", "\n") == f"{one_line(text, 1000)}\n<b>no markup</b>\n"


def forever(line: bytes) -> Callable[[Any], None]:
    def say(file: Any) -> None:
        for _ in range(60):
            file.write(line)
            time.sleep(0.1)

    return say


SERVERS: dict[str, tuple[dict[str, Any], str]] = {
    "a greeting that never ends": ({"greeting": forever(b"220-wait\r\n")}, "expected, got"),
    "a greeting that drips": ({"greeting": forever(b"2")}, "expected, got"),
    "a greeting of garbage": ({"greeting": lambda file: file.write(b"\xff" * 100_000)}, "expected, got"),
    "no greeting": ({"greeting": lambda _: None}, "expected, got"),
    "a server that wants nobody's mail": ({"says": {"MAIL": b"550 the-words-of-a-stranger\r\n"}}, "550"),
    "a server that knows no recipient": (
        {"says": {"RCPT": b"550 the-words-of-a-stranger\r\n"}},
        "SMTPRecipientsRefused",
    ),
    "a server that takes no data": ({"says": {"DATA": b"554 the-words-of-a-stranger\r\n"}}, "554"),
    "a server that goes away": ({"says": {"DATA": b""}}, "expected, got"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_that_misbehaves_is_left_soon_and_none_of_its_words_are_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "DEADLINE_SECONDS", 0.5)
    fields, says = SERVERS[name]
    with posted(**fields) as post:
        mail = to(post.port)
        began = time.monotonic()
        with pytest.raises(PeerError) as refused:
            send(mail, message(mail, "msg_1", "title", LINES))

    assert time.monotonic() - began < 3
    assert says in str(refused.value)
    assert "the-words-of-a-stranger" not in str(refused.value)


def test_a_password_that_is_wrong_is_not_told(certificate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_USER", "ada")
    monkeypatch.setenv("TEST_PASSWORD", "very secret")
    with posted(certificate, says={"AUTH": b"535 very secret is wrong\r\n"}) as post:
        mail = to(post.port, "starttls", user_env="TEST_USER", password_env="TEST_PASSWORD")  # noqa: S106
        with pytest.raises(PeerError) as refused:
            send(mail, message(mail, "msg_1", "title", LINES))

    assert "SMTPAuthenticationError 535" in str(refused.value)
    assert "very secret" not in str(refused.value)


def test_what_a_mail_is_made_from_says_where_to_look() -> None:
    occasion = Occasion("held", "halted 9", "the run is halted", ("by ada",), 3)

    said = json.loads(
        message_body("demo", "digits", occasion, "2026-01-31T12:00:00Z", "https://d.example.com/")
    )

    assert said["type"] == "detent.held"
    assert said["data"]["link"] == "https://d.example.com/runs/demo"
    assert said["data"]["generation"] == 3
