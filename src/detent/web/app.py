"""The application: every router behind one guard, and the server that it runs in.

>>> with House([Path("demo")]) as house:
...     serve(house, Settings.local(8734), say=print)
"""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from detent.errors import DetentError, UsageError
from detent.web import api, events, handing, login, metrics, pages, raw
from detent.web.events import Ending
from detent.web.guarding import Counts, Guard
from detent.web.house import House
from detent.web.limiting import Seats
from detent.web.notices import Notifier, attending
from detent.web.noticing import read_notices
from detent.web.readers import Readers
from detent.web.refusing import refusal, status_of
from detent.web.settings import Settings

Say = Callable[[str], None]

MOST_CONNECTIONS = 600
MOST_HEAD = 16 * 1024
IDLE_SECONDS = 20
GRACE_SECONDS = 3


def create_app(
    house: House, settings: Settings, say: Say = lambda _: None, ending: Ending | None = None
) -> FastAPI:
    """All that is served. say: told a line of each request that is worth one. ending: set when the server ends."""
    app = FastAPI(
        title="Detent",
        version=version("detent"),
        summary="Runs, generations and questions of Detent, and what people sign.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
    )
    limits = settings.limits
    readers, counts = Readers(settings), Counts()
    seats = Seats(limits.streams, limits.streams_of_all)
    app.add_middleware(Guard, settings=settings, readers=readers, counts=counts, say=say)
    app.add_exception_handler(DetentError, _told)
    app.add_exception_handler(HTTPException, _missing)
    app.add_exception_handler(RequestValidationError, _misread)
    for router in (
        login.router(readers),
        events.router(house, seats, ending or Ending()),
        metrics.router(house, counts, seats),
        api.router(house),
        api.described(app),
        raw.router(house),
        handing.router(house),
        pages.router(house),
    ):
        app.include_router(router)
    return app


async def _told(request: Request, error: Exception) -> Response:
    status = status_of(error) if isinstance(error, DetentError) else 500
    return refusal(request.scope, status, str(error), type(error).__name__)


async def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = str(error.detail) if isinstance(error, HTTPException) else ""
    if status == 404 and said == "Not Found":  # noqa: PLR2004
        said = "an address of this server expected, got another; begin at /, or at /api"
    return refusal(request.scope, status, said)


async def _misread(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    named = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in faults[:5])
    return refusal(request.scope, 422, f"a request as /api describes it expected, got: {named}", "UsageError")


class _Prompt(H11Protocol):
    """Cuts a connection whose next request does not come whole in time, however slowly it goes on."""

    head_seconds = 10.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy and self._late is not None:
            self._late.cancel()
            self._late = None
        elif not busy and self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._cut)

    def _cut(self) -> None:
        self._late = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class _Server(uvicorn.Server):
    """Ends its streams when it ends."""

    def __init__(self, config: uvicorn.Config, ending: Ending, house: House) -> None:
        super().__init__(config)
        self._ending, self._house = ending, house

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._ending.set = True
        self._house.ring()
        super().handle_exit(sig, frame)


def listening(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; port 0 for any free one.

    Raises:
        UsageError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((settings.host, settings.port))
        made.listen(256)
    except OSError as error:
        made.close()
        raise UsageError(
            f"a free address expected, got {settings.host}:{settings.port}: {error.strerror or error}; name another"
        ) from error
    return made


def serve_folders(folders: Sequence[Path], settings: Settings, say: Say, notify: Path | None = None) -> None:
    """What `detent serve` does. notify: the file that says whom to tell that they are needed.

    Raises:
        UsageError: a folder is no run folder, the address is taken, certificate and key are none, or the file is not in
            order.
    """
    house = House(folders)
    notices = read_notices(notify) if notify is not None else None
    made = listening(settings)
    host, port = made.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"{', '.join(room.name for room in house.rooms)}: {settings.scheme}://{shown}:{port}/ until Ctrl-C")
    with house, ExitStack() as stack:
        if notices is not None:
            notifier = stack.enter_context(Notifier(notices, tell=say))
            stack.enter_context(attending(house, notifier))
        serve(house, settings, say, made)


def serve(house: House, settings: Settings, say: Say, at: socket.socket | None = None) -> None:
    """Serve until SIGINT or SIGTERM. at: a socket that listens already.

    Raises:
        UsageError: the address is taken, or certificate and key are none.
    """
    made = listening(settings) if at is None else at
    ending = Ending()
    certificate, key = settings.tls or (None, None)
    config = uvicorn.Config(
        create_app(house, settings, say, ending),
        http=_Prompt,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEAD,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        made.close()
        raise UsageError(f"a certificate and its key in PEM expected, got: {error}; name others") from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    _Prompt.head_seconds = settings.limits.head_seconds
    server = _Server(config, ending, house)
    try:
        with _asked_to_end():
            server.run(sockets=[made])
    finally:
        made.close()


@contextmanager
def _asked_to_end() -> Iterator[None]:
    """SIGTERM and SIGINT are a good end: the server ends well, and then passes on the signal that it ended by."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
