"""A served run in which somebody is asked: the attacked run of tests/attacks, with a tripwire that asks.

>>> world = asked(tmp_path)              # request 1 waits for an answer
>>> with serving(world) as address: ...  # a real server, as a browser sees it
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, Scene, found

from detent.errors import UsageError
from detent.web import handing
from detent.web.handing import router

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

ANSWER_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>asked</title>
<link rel="icon" href="data:,"><script type="module" src="/static/sign.js"></script></head><body>
<form id="stop" method="post"><input name="because" required>
<button type="submit" name="order" value="pause" disabled>Pause</button>
<button type="submit" name="order" value="halt" disabled>Halt</button>
<button type="submit" name="order" value="resume" disabled>Resume</button>
<output class="said" aria-live="polite"></output></form>
<form id="answer" method="post" data-request="NUMBER"><textarea name="because" required></textarea>
<button type="submit" name="verdict" value="approve" disabled>Approve</button>
<button type="submit" name="verdict" value="deny" disabled>Deny</button>
<output class="said" aria-live="polite"></output></form></body></html>"""
"""The forms as the pages have them, and nothing else."""


@dataclass(frozen=True)
class Room:
    """A run that is served."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Rooms:
    """Served runs by name."""

    rooms: tuple[Room, ...]

    def run(self, name: str) -> Room:
        for room in self.rooms:
            if room.name == name:
                return room
        raise UsageError(f"the name of a run expected, got {name!r}")


def asked(root: Path) -> Scene:
    """Generation 1 is closed, and somebody is asked about generation 2."""
    scene = found(root, CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here():
        scene.turn(2)
    assert scene.state().request is not None
    return scene


def application(*folders: Path) -> FastAPI:
    """The router in an application of its own, with the pages' policy."""
    app = FastAPI()
    app.include_router(router(Rooms(tuple(Room(folder.name, folder) for folder in folders))))
    app.mount("/static", StaticFiles(directory=handing.STATIC))

    @app.get("/runs/{name}/requests/{number}")
    def page(name: str, number: int) -> HTMLResponse:
        assert name
        return HTMLResponse(ANSWER_PAGE.replace("NUMBER", str(number)))

    @app.get("/static/style.css")
    def style() -> Response:
        return Response("", media_type="text/css")

    @app.middleware("http")
    async def policy(request: Request, go_on: RequestResponseEndpoint) -> Response:
        answer = await go_on(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    # Before the folder: the style of the pages is another module's.
    app.router.routes.sort(key=lambda route: getattr(route, "path", "") == "/static")
    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """A real server on a free port, in a thread; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
