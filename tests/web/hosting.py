"""A static host of a ledger and of the pages that verify it, which can be made to misbehave.

>>> with hosted(run / "ledger", run / "log.vkey") as host:
...     host.instead["tile/0/000"] = garbage
...     page.goto(f"{host.url}/verify.html")
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

STATIC = Path(str(files("detent.web") / "static"))
TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8", ".css": "text/css"}

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Host:
    """instead: what a file of the ledger is answered with in place of it, by its name there."""

    ledger: Path
    log_key: Path
    url: str = ""
    instead: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """The ledger lies under /run/ledger/, its key beside it; the pages lie at the root."""

    protocol_version = "HTTP/1.1"

    def __init__(self, host: Host, *args: Any) -> None:
        self.host = host
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        name = path.removeprefix("/run/ledger/")
        self.host.asked.append(name)
        if name in self.host.instead:
            with suppress(OSError):
                self.host.instead[name](self)
            return
        if name != path:
            file = self.host.ledger / name
        elif path == "/run/log.vkey":
            file = self.host.log_key
        else:
            file = STATIC / path.removeprefix("/")
        content = file.read_bytes() if file.is_file() else None
        say(self, 404 if content is None else 200, content or b"", TYPES.get(file.suffix, "text/plain"))

    def log_message(self, *_: object) -> None:
        """Quiet."""


def say(handler: BaseHTTPRequestHandler, status: int, content: bytes, kind: str = "text/plain") -> None:
    """One whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    with suppress(OSError):
        handler.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A browser that goes away is no error."""


@contextmanager
def hosted(ledger: Path, log_key: Path) -> Iterator[Host]:
    """A host on this machine."""
    host = Host(ledger, log_key)
    server = _Server(("127.0.0.1", 0), partial(Handler, host))
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CHROMIUM = shutil.which("chromium")
NO_BROWSER = "takes Chromium: make browser"


@contextmanager
def browsing() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
