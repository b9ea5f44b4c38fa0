"""The guard before every route: names, readers, changes, sizes, rates, headers, and a line for the log.

    >>> app = Guard(app, settings, say=print)

What it lets through has `request.state.client`, `.reader` and `.token`; the last is what a page must send back, as
`X-Detent-Token`, with whatever changes something.
"""

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detent.report import plain
from detent.web.limiting import Buckets
from detent.web.readers import Readers
from detent.web.refusing import refusal, wants_page
from detent.web.settings import Settings

SAFE = frozenset({"GET", "HEAD"})
OPEN = ("/login", "/static/")
"""What is shown to everybody: the page that asks for a token, and the files that every Detent has."""

QUIET = re.compile(r"/static/.*|/runs/[^/]+/(ledger/.*|events)|/events|/metrics")
"""What is asked for so often that it gets no line in the log, unless it was refused."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
REASONS = {
    401: "unknown",
    403: "elsewhere",
    408: "slow",
    413: "size",
    414: "size",
    421: "host",
    429: "rate",
}
"""Statuses of the guard's own, and how metrics call them."""

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")


class Refusal(NamedTuple):
    """Why a request goes no further."""

    status: int
    said: str
    headers: Mapping[str, str] = MappingProxyType({})


class Counts:
    """What the server did since it began, for its own metrics. answered: by status. refused: by reason."""

    def __init__(self) -> None:
        self.answered: dict[int, int] = {}
        self.refused: dict[str, int] = {}


class Guard:
    """As ASGI: the application behind it sees only what may pass."""

    def __init__(
        self, app: ASGIApp, settings: Settings, readers: Readers, counts: Counts, say: Callable[[str], None]
    ) -> None:
        limits = settings.limits
        self._app, self._settings, self._readers, self._counts, self._say = (
            app,
            settings,
            readers,
            counts,
            say,
        )
        self._all = Buckets(limits.rate, limits.burst)
        self._unknown = Buckets(limits.unknown_rate, limits.unknown_burst)
        self._changes = Buckets(limits.change_rate, limits.change_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is no HTTP but the server's own start and end is refused."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        passing = _Passing((scope, receive, send), self._settings, self._counts, self._say)
        refused = self._refused(scope)
        if refused is not None:
            await self._answer(scope, refused)(scope, receive, passing.send)
            passing.log()
            return
        try:
            await self._app(scope, passing.receive, passing.send)
        except _TooMuchError as error:
            if not passing.begun:
                await self._answer(scope, error.refusal)(scope, receive, passing.send)
        except Exception as error:  # noqa: BLE001  a fault of this program: told to who runs it, not to who asked
            self._say(plain(f"an answer expected, got {error!r} {_where(error)}"))
            if not passing.begun:
                said = "an answer expected, got a fault of this program; its operator finds it in the log"
                await refusal(scope, 500, said)(scope, receive, passing.send)
        finally:
            passing.log()

    def _refused(self, scope: Scope) -> Refusal | None:
        """What speaks against a request, the cheapest first."""
        headers, client = Headers(scope=scope), _client(scope)
        scope.setdefault("state", {})
        scope["state"] |= {"client": client, "reader": None, "token": ""}
        refused = self._misshapen(scope, headers) or self._too_often(self._all, client)
        if refused is not None:
            return refused
        reader = self._readers.reader(headers)
        if reader is not None:
            scope["state"] |= {"reader": reader, "token": self._readers.token_for(reader)}
        elif (refused := self._too_often(self._unknown, client)) is not None:
            return refused
        elif not any(
            scope["path"] == path or (path.endswith("/") and scope["path"].startswith(path)) for path in OPEN
        ):
            return Refusal(
                401,
                "a read token expected, got none that is known; send it as Authorization: Bearer, or log in at /login",
                {"WWW-Authenticate": 'Bearer realm="detent"'},
            )
        return None if scope["method"] in SAFE else self._not_to_change(scope, headers, reader, client)

    def _misshapen(self, scope: Scope, headers: Headers) -> Refusal | None:
        limits = self._settings.limits
        if not self._is_ours(headers.getlist("host")):
            names = ", ".join(sorted(self._settings.names))
            return Refusal(
                421,
                f"one of {names} as the Host expected, got another; ask by such a name, or add it with --public-name",
            )
        if len(scope["raw_path"]) + len(scope["query_string"]) > limits.address_bytes:
            return Refusal(
                414, f"an address of at most {limits.address_bytes} bytes expected, got a longer one"
            )
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > limits.body_bytes:
            return Refusal(413, f"a body of at most {limits.body_bytes} bytes expected, got a larger one")
        return None

    def _is_ours(self, hosts: list[str]) -> bool:
        """Else a page elsewhere could have its own name lead here, and read what its visitor may read."""
        if len(hosts) != 1:
            return False
        found = _HOST.fullmatch(hosts[0].lower())
        return found is not None and found["name"].strip("[]") in self._settings.names

    def _too_often(self, buckets: Buckets, client: str) -> Refusal | None:
        waits = buckets.take(client, time.monotonic())
        if not waits:
            return None
        return Refusal(
            429, "fewer requests expected, got too many; wait a moment", {"Retry-After": str(int(waits) + 1)}
        )

    def _not_to_change(
        self, scope: Scope, headers: Headers, reader: str | None, client: str
    ) -> Refusal | None:
        """A browser that was led here by another site's page is refused, whatever it may read."""
        if (refused := self._too_often(self._changes, client)) is not None:
            return refused
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        same = f"{self._settings.scheme}://{headers['host']}"
        if (origin is not None and origin != same) or (site is not None and site != "same-origin"):
            return Refusal(403, "a request from this server's own pages expected, got one from another site")
        if scope["path"] == "/login":
            return None  # what it takes is the read token itself
        sent = headers.get("x-detent-token", "")
        if reader is None or not self._readers.sent_right(reader, sent):
            return Refusal(
                403,
                "this session's token in X-Detent-Token expected, got none or another; load the page again, or ask "
                "/api/v1/token for it",
            )
        return None

    def _answer(self, scope: Scope, refused: Refusal) -> Response:
        name = REASONS[refused.status]
        self._counts.refused[name] = self._counts.refused.get(name, 0) + 1
        if refused.status == 401 and wants_page(scope) and scope["method"] in SAFE:  # noqa: PLR2004
            return RedirectResponse(f"/login?next={quote(scope['path'], safe='/')}", 303)
        return refusal(scope, refused.status, refused.said, headers=refused.headers)


class _TooMuchError(Exception):
    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.said)
        self.refusal = refused


class _Passing:
    """One request on its way: its body counted and timed, its answer's headers set, its line written."""

    def __init__(
        self,
        asked: tuple[Scope, Receive, Send],
        settings: Settings,
        counts: Counts,
        say: Callable[[str], None],
    ) -> None:
        self._scope, self._receive, self._send = asked
        self._settings, self._counts, self._say = settings, counts, say
        self._began = time.monotonic()
        self._taken, self._whole = 0, False
        self._status = 0

    @property
    def begun(self) -> bool:
        """Whether an answer has begun."""
        return self._status != 0

    async def receive(self) -> Message:
        """The next piece of the body: not too large, and not too late."""
        if self._whole:
            return await self._receive()
        limits = self._settings.limits
        left = self._began + limits.body_seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.001))
        except TimeoutError as error:
            said = f"a whole request within {limits.body_seconds:g} s expected, got a slower one"
            raise _TooMuchError(Refusal(408, said, {"Connection": "close"})) from error
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._taken > limits.body_bytes:
            said = f"a body of at most {limits.body_bytes} bytes expected, got a larger one"
            raise _TooMuchError(Refusal(413, said))
        return message

    async def send(self, message: Message) -> None:
        """The answer, with the guard's headers in the place of any of that name."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if self._settings.tls:
                headers["Strict-Transport-Security"] = "max-age=86400"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    def log(self) -> None:
        """One line: the query, which may hold anything, and headers are not in it."""
        status = self._status
        self._counts.answered[status] = self._counts.answered.get(status, 0) + 1
        path = self._scope["path"]
        if status < 400 and QUIET.fullmatch(path):  # noqa: PLR2004
            return
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        took = 1000 * (time.monotonic() - self._began)
        asked = plain(f"{self._scope['method'][:16]} {path[:300]}")
        self._say(f"{at} {_client(self._scope)} {asked} {status} {took:.0f} ms")


def _client(scope: Scope) -> str:
    """The address that the connection comes from; what headers say of it is not believed."""
    client: Any = scope.get("client")
    return str(client[0]) if client else "unknown"


def _where(error: Exception) -> str:
    """The innermost line that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
