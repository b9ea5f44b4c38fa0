"""A ledger's files as the server hands them out: what there is, whole; and nothing else, whatever is asked for."""

import os
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.web.deciding_world import asked, serving
from tests.web.hosting import CHROMIUM, NO_BROWSER, browsing

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


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_the_ledger_s_page_verifies_its_run_in_the_browser(tmp_path: Path) -> None:
    """The whole server, its guard and its policy for scripts; the page names the run and the log's key."""
    scene = asked(tmp_path / "scene")
    said: list[str] = []
    with scene.here(), serving(scene.run) as address, browsing() as browser:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}/runs/run/ledger")
        page.click("#verify button")
        page.wait_for_selector("section#verify[data-outcome=passed]")
        right = page.eval_on_selector_all("li[data-status=right]", "all => all.map(li => li.dataset.check)")
        key = page.text_content("#verify-key-about")

    assert right == ["checkpoint", "entries", "tiles", "form", "order", "people"]
    assert key is not None
    assert (scene.run / "log.vkey").read_text().strip() in key
    assert not said
