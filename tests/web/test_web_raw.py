"""A ledger's files as the server hands them out: what there is, whole; and nothing else, whatever is asked for."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.testclient import TestClient
from tests.web.hosting import CHROMIUM, NO_BROWSER, STATIC, browsing

from detent.ledger import Ledger
from detent.ledger.published import published_names
from detent.signing import SigningKey
from detent.web.house import House
from detent.web.raw import router

KEY = SigningKey.from_seed("example.com/raw", b"raw".ljust(32))
SIZE = 300


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "charter.dsse").write_text("secret")
    (folder / "log.vkey").write_text(f"{KEY.verify_key}\n")
    with Ledger.create(folder / "ledger", KEY, KEY.name) as ledger:
        ledger.extend(f'{{"kind":"entry {n}"}}'.encode() for n in range(SIZE))
    return folder


@pytest.fixture
def client(run: Path) -> TestClient:
    app = FastAPI()
    app.include_router(router(House([run])))
    return TestClient(app, raise_server_exceptions=True)


def test_every_file_of_a_ledger_is_served_as_it_lies_there(client: TestClient, run: Path) -> None:
    for name in published_names(SIZE):
        answer = client.get(f"/runs/demo/ledger/{name}")
        assert answer.content == (run / "ledger" / name).read_bytes()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert ("immutable" in answer.headers["cache-control"]) == (".p/" not in name)
    assert client.get("/runs/demo/log.vkey").text == f"{KEY.verify_key}\n"


def test_a_checkpoint_is_text_and_is_sent_again_only_when_it_is_another(
    client: TestClient, run: Path
) -> None:
    address = "/runs/demo/ledger/checkpoint"
    first = client.get(address)
    known = {"If-None-Match": first.headers["etag"]}

    assert first.text == (run / "ledger/checkpoint").read_text()
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    assert client.get(address, headers=known).status_code == 304
    with Ledger.open(run / "ledger", KEY) as ledger:
        ledger.append(b"{}")
    assert client.get(address, headers=known).status_code == 200
    assert client.head(address).status_code == 200


NOT_SERVED = {
    "a run that is not there": "/runs/other/ledger/checkpoint",
    "a run named by a path": "/runs/..%2Fdemo/ledger/checkpoint",
    "the signed charter beside the ledger": "/runs/demo/ledger/..%2Fcharter.dsse",
    "the same with dots": "/runs/demo/ledger/../charter.dsse",
    "the same by way of a tile": "/runs/demo/ledger/tile/0/..%2F..%2F..%2Fcharter.dsse",
    "the same by way of a level": "/runs/demo/ledger/tile/..%2F..%2F../charter.dsse",
    "the same by way of a bundle": "/runs/demo/ledger/tile/entries/000/../../../../charter.dsse",
    "the same, encoded twice": "/runs/demo/ledger/tile/entries/%252e%252e%252fcharter.dsse",
    "an absolute path": "/runs/demo/ledger/tile/entries//etc/passwd",
    "the writer's journal": "/runs/demo/ledger/journal",
    "a folder": "/runs/demo/ledger/tile/entries/001.p",
    "the ledger's folder": "/runs/demo/ledger/",
    "a number in another spelling": "/runs/demo/ledger/tile/entries/x000/000",
    "a number that is none": "/runs/demo/ledger/tile/entries/0x0",
    "digits of another script": "/runs/demo/ledger/tile/entries/%D9%A0%D9%A0%D9%A0",
    "a width of nothing": "/runs/demo/ledger/tile/entries/001.p/0",
    "a width of a full tile": "/runs/demo/ledger/tile/entries/000.p/256",
    "a width with a zero before it": "/runs/demo/ledger/tile/entries/001.p/044",
    "a level that no tree has": "/runs/demo/ledger/tile/64/000",
    "a level with a zero before it": "/runs/demo/ledger/tile/00/000",
    "a number as long as a book": "/runs/demo/ledger/tile/entries/" + "x001/" * 2000 + "000",
    "a zero byte": "/runs/demo/ledger/tile/entries/000%00",
    "a link that leads out of the ledger": "/runs/demo/ledger/tile/0/007",
    "a file larger than it can be": "/runs/demo/ledger/tile/0/008",
    "a pipe that nobody writes to": "/runs/demo/ledger/tile/0/009",
}


@pytest.mark.parametrize("name", NOT_SERVED)
def test_nothing_else_is_served(name: str, client: TestClient, run: Path) -> None:
    tiles = run / "ledger/tile/0"
    (tiles / "007").symlink_to(run / "charter.dsse")
    (tiles / "008").write_bytes(bytes(8193))
    if not (tiles / "009").exists():
        os.mkfifo(tiles / "009")

    answer = client.get(NOT_SERVED[name])

    assert answer.status_code == 404
    assert "secret" not in answer.text


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = """<!doctype html><html lang="en"><title>Ledger</title><script type="module" src="/static/verify.js"></script>
<section id="verify" data-run="demo"><h2>Verify</h2><button type="button">Verify now</button></section></html>"""


@pytest.fixture
def address(run: Path) -> Iterator[str]:
    """A server with the dashboard's content security policy, and a page that names a run."""
    app = FastAPI()
    app.include_router(router(House([run])))
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/")
    def page() -> Response:
        return Response(PAGE, media_type="text/html")

    @app.middleware("http")
    async def policy(request: Request, call_next):  # type: ignore[no-untyped-def]
        answer = await call_next(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_a_page_of_the_server_verifies_its_run_under_the_strict_policy(address: str) -> None:
    """The ledger here is nobody's: its files are in order, and that no charter stands on it is said."""
    with browsing() as browser:
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(address)
        page.click("text=Verify now")
        page.wait_for_selector("section#verify[data-outcome=wrong]")

        right = page.eval_on_selector_all("li[data-status=right]", "all => all.map(li => li.dataset.check)")
        people = page.text_content("li[data-check=people]")

    assert {"checkpoint", "entries", "tiles"} <= set(right)
    assert people is not None
    assert "there is no charter on the ledger" in people
    assert not [line for line in said if "Content Security" in line]
