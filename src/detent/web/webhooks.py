"""Webhooks as Standard Webhooks 1.0 has them: JSON, three headers, and a signature that the receiver can check.

    webhook-id: msg_5f0c...            the same in every try, by which a receiver knows what it had before
    webhook-timestamp: 1900000000
    webhook-signature: v1,K5oZ...      HMAC-SHA256 of "id.timestamp.body"

The target is looked up once and connected to by the address that was checked, so that a name cannot lead elsewhere
after the check. No redirect is followed, no proxy is asked, and of the answer nothing is read but its head.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from detent.errors import PeerError
from detent.web.noticing import Webhook, parts, secret_of

SILENCE_SECONDS = 10.0
DEADLINE_SECONDS = 30.0
LONGEST_WAIT = 86_400.0

TAKEN, ELSEWHERE, GONE = 2, 3, 410

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class GoneError(Exception):
    """The receiver wants no more."""


class LaterError(Exception):
    """The receiver says when to come again, in so many seconds."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def signature(key: bytes, name: str, timestamp: int, body: bytes) -> str:
    """What stands in webhook-signature.

    >>> signature(bytes(24), "msg_1", 1900000000, b"{}")
    'v1,SYIzxWiOiP+QLSXFjPNUcPVqhLTVIF6DZRMC6Nb9AM8='
    """
    signed = b".".join((name.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def post(webhook: Webhook, name: str, body: bytes, now: float) -> None:
    """Return when the receiver took it.

    Raises:
        PeerError: it did not. No message has anything of its address.
        GoneError, LaterError: it did not, and says what is to become of it.
    """
    found = parts(webhook.url)
    host, encrypted = found.hostname or "", found.scheme == "https"
    port = found.port or (443 if encrypted else 80)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "detent",
        "webhook-id": name,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": signature(secret_of(webhook), name, int(now), body),
    }
    path = (found.path or "/") + (f"?{found.query}" if found.query else "")
    context = ssl.create_default_context() if encrypted else None
    connection = _Pinned(host, port, address_of(host, port, allow_private=webhook.allow_private), context)
    try:
        with deadline(connection):
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:  # its body stays unread
                status, wait = answer.status, answer.getheader("Retry-After", "")
    except Exception as error:  # whatever a stranger's server makes of the protocol, it did not take it
        raise PeerError(f"an answer expected, got {cause(error)}") from error
    finally:
        connection.close()
    _judge(status, wait)


def _judge(status: int, wait: str) -> None:
    if status // 100 == TAKEN:
        return
    said = f"an answer of 2xx expected, got {status}"
    if status == GONE:
        raise GoneError(f"{said}: it wants no more")
    if wait.isascii() and wait.isdecimal():
        raise LaterError(said, min(float(wait[:9]), LONGEST_WAIT))
    raise PeerError(f"{said}; redirects are not followed" if status // 100 == ELSEWHERE else said)


def address_of(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to: every one that the name has must be a public one, or private ones be allowed.

    Raises:
        PeerError: the name is not known, or leads to this machine or into a private network.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PeerError(f"a known name expected, got {cause(error)}") from error
    addresses = [str(one[4][0]) for one in found]
    if not allow_private and not all(map(is_public, addresses)):
        raise PeerError(
            "a public address expected, got one of this machine or of a private network: see allow_private"
        )
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is one of the whole internet, also one that stands for another within it.

    >>> is_public("93.184.216.34"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _within(address)
    if inner is not None:
        return is_public(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _within(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def cause(error: Exception) -> str:
    """What went wrong, without a word of what the other side said or where it is."""
    known = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else known
    return f"{type(error).__name__} ({reason})" if isinstance(reason, str) else type(error).__name__


class _Pinned(http.client.HTTPConnection):
    """Connects to an address, and speaks to the name that it was looked up for."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=SILENCE_SECONDS)
        self._address = address
        self._context = context

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            # Set before the handshake, so that the deadline can end one that drips.
            self.sock = self._context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()


@contextmanager
def deadline(connection: object, seconds: float | None = None) -> Iterator[None]:
    """Cuts the connection's `sock` when it takes longer as a whole, however small the pieces in which it goes on."""

    def cut() -> None:
        sock = getattr(connection, "sock", None)
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(DEADLINE_SECONDS if seconds is None else seconds, cut)
    timer.daemon = True
    began = time.monotonic()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if time.monotonic() - began >= timer.interval:
        raise TimeoutError
