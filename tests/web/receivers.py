"""Who receives notices in tests: a web server and a mail server on this machine, which do as they are told."""

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Deed = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, **headers: str) -> Deed:
    """A whole answer with that status."""

    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return say


@dataclass
class Hook:
    """deeds: what is done with the requests in turn, the last one again and again. got: each one's headers and body."""

    url: str = ""
    deeds: list[Deed] = field(default_factory=lambda: [answer(204)])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


class _HookHandler(BaseHTTPRequestHandler):
    def __init__(self, hook: Hook, *args: Any) -> None:
        self.hook = hook
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        deed = self.hook.deeds.pop(0) if len(self.hook.deeds) > 1 else self.hook.deeds[0]
        with suppress(OSError):
            deed(self)

    def log_message(self, *_: object) -> None:
        pass


class _QuietHTTP(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def hooked(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A receiver of webhooks."""
    hook = Hook()
    server = _QuietHTTP(("127.0.0.1", 0), partial(_HookHandler, hook))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme, port = "http" if context is None else "https", server.server_port
    hook.url = f"{scheme}://localhost:{port}/a-path-that-is-secret"
    with _running(server):
        yield hook


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Post:
    """A mail server. offers: what it says it can. says: what it answers to a command in place of what is right.

    got: (sender, recipients, the message) of each it took. heard: all commands. logins: user and password.
    """

    port: int = 0
    context: ssl.SSLContext | None = None
    at_once: bool = False
    offers: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN")
    says: dict[str, bytes] = field(default_factory=dict)
    greeting: Callable[[Any], None] | None = None
    got: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


class _PostHandler(socketserver.StreamRequestHandler):
    def __init__(self, post: Post, *args: Any) -> None:
        self.post = post
        super().__init__(*args)

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            if self.post.at_once:
                self._encrypt()
            self._speak()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _encrypt(self) -> None:
        assert self.post.context is not None
        self.connection = self.post.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _speak(self) -> None:
        if self.post.greeting is not None:
            self.post.greeting(self.wfile)
            return
        self._say("220 post")
        sender, to = "", list[str]()
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            self.post.heard.append(line)
            if word in self.post.says:
                self.wfile.write(self.post.says[word])
            elif word == "EHLO":
                self._say("250-post", *(f"250-{one}" for one in self.post.offers), "250 SIZE")
            elif word == "STARTTLS":
                self._say("220 go on")
                self._encrypt()
            elif word == "AUTH":
                _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                self.post.logins.append((user, password))
                self._say("235 known")
            elif word == "MAIL":
                sender, to = line, []
                self._say("250 ok")
            elif word == "RCPT":
                to.append(line.partition("<")[2].partition(">")[0])
                self._say("250 ok")
            elif word == "DATA":
                self._say("354 go on")
                self.post.got.append((sender, to, self._data()))
                self.post.encrypted.append(isinstance(self.connection, ssl.SSLSocket))
                self._say("250 taken")
            else:
                self._say("221 bye" if word == "QUIT" else "250 ok")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)


class _QuietTCP(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def posted(context: ssl.SSLContext | None = None, **fields: Any) -> Iterator[Post]:
    """A receiver of mail."""
    post = Post(context=context, **fields)
    server = _QuietTCP(("127.0.0.1", 0), partial(_PostHandler, post))
    post.port = server.server_address[1]
    with _running(server):
        yield post


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for localhost, and the file of the certificate by which it is known."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file
