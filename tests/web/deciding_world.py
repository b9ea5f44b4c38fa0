"""A served run in which somebody is asked: the attacked run of tests/attacks, with a tripwire that asks.

>>> world = asked(tmp_path)              # request 1 waits for an answer
>>> with serving(world.run) as address: ...  # a real server, as a browser sees it
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, Scene, found

from detent.web import handing, pages
from detent.web.house import House

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def asked(root: Path) -> Scene:
    """Generation 1 is closed, and somebody is asked about generation 2."""
    scene = found(root, CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here():
        scene.turn(2)
    assert scene.state().request is not None
    return scene


def application(house: House) -> FastAPI:
    """The pages and the hands, with the pages' policy; what a run's news are stays silent."""
    app = FastAPI()

    @app.get("/runs/{name}/events")
    def events(name: str) -> Response:
        assert name
        return Response(status_code=204)

    app.include_router(handing.router(house))
    app.include_router(pages.router(house))

    @app.middleware("http")
    async def policy(request: Request, go_on: RequestResponseEndpoint) -> Response:
        answer = await go_on(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    return app


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A run on a real server at a free port, in threads; gives its address."""
    with House([folder], poll_seconds=0.05) as house, _served(application(house)) as address:
        deadline = time.monotonic() + 30
        while house.rooms[0].view.signed is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield address


@contextmanager
def _served(app: FastAPI) -> Iterator[str]:
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
