"""A served run in which somebody is asked: the attacked run of tests/attacks, with a tripwire that asks.

>>> scene = asked(tmp_path)                    # request 1 waits for an answer
>>> with serving(scene.run) as address: ...    # the whole server, as a browser sees it
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi.testclient import TestClient
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, Scene, found

from detent.web.app import create_app
from detent.web.events import Ending
from detent.web.house import House
from detent.web.settings import Settings


def asked(root: Path) -> Scene:
    """Generation 1 is closed, and somebody is asked about generation 2."""
    scene = found(root, CHARTER + ASKING, {"asks.py": ASKS})
    with scene.here():
        scene.turn(2)
    assert scene.state().request is not None
    return scene


def program_for(house: House) -> TestClient:
    """Who asks the whole application from this machine, with the token that whatever changes something has."""
    client = TestClient(create_app(house, Settings.local()), base_url="http://127.0.0.1")
    client.headers["X-Detent-Token"] = client.get("/api/v1/token").json()["token"]
    return client


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A run on the whole server at a free port, in threads; gives its address."""
    with House([folder], poll_seconds=0.05) as house, _served(house) as address:
        deadline = time.monotonic() + 30
        while house.rooms[0].view.signed is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield address


@contextmanager
def _served(house: House) -> Iterator[str]:
    ending = Ending()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(house, Settings.local(), ending=ending),
            log_level="error",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ending.set = server.should_exit = True
            house.ring()
            thread.join(30)
