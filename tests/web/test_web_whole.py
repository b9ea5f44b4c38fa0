"""The pages behind the real guard, of runs that the real House reads while they grow."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.report.report_reader import read
from tests.web.made_run import Made

from detent.web.app import create_app
from detent.web.house import House
from detent.web.settings import Settings

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    Made.new(tmp_path / "demo", generations=4, trials=2)
    house = House([tmp_path / "demo"])
    while house.look():
        pass
    return house


@pytest.fixture
def client(house: House) -> TestClient:
    return TestClient(create_app(house, Settings.local(8734)), "http://127.0.0.1:8734", headers=BROWSER)


def test_every_link_on_a_page_leads_to_one(client: TestClient) -> None:
    known, waiting = set[str](), ["/"]
    while waiting and len(known) < 150:
        path = waiting.pop()
        known.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        links = {element.attributes["href"] for element in read(answer.text).named("a")}
        found = (
            link if link.startswith("/") else path.partition("?")[0] + link
            for link in links
            if link[0] in "/?"
        )
        waiting += sorted({link.partition("#")[0] for link in found} - known - set(waiting))
    kinds = {re.sub(r"[0-9a-f]{64}|\d+|\?.*", "_", path) for path in known}
    assert {"/", "/compare_", "/runs/demo", "/runs/demo/generations/_", "/runs/demo/ledger/_"} <= kinds


def test_a_generation_of_a_long_run_still_shows_how_its_evidence_grew(
    client: TestClient, house: House
) -> None:
    opened = house.run("demo").story.openings[0]
    assert not any(trial.result.trace for trial in opened.trials if trial.result)  # the story is brief
    shown = client.get(f"/runs/demo/generations/{opened.generation}").text
    paths = re.findall(r'<path d="([^"]+)" class="line s0"', shown)
    assert max(path.count("L") for path in paths) > 3


def test_a_run_that_is_not_read_yet_is_named_and_its_pages_say_so(tmp_path: Path) -> None:
    Made.new(tmp_path / "demo", generations=1)
    client = TestClient(
        create_app(House([tmp_path / "demo"]), Settings.local(8734)), "http://127.0.0.1:8734", headers=BROWSER
    )
    assert "It is being read" in client.get("/").text
    assert client.get("/runs/demo").status_code == 503


def test_what_is_not_there_is_said_on_a_page_that_keeps_the_policy(client: TestClient) -> None:
    answer = client.get("/runs/demo/generations/77")
    assert answer.status_code == 404
    assert "the number of a generation expected, got 77" in answer.text
    assert "style=" not in answer.text
