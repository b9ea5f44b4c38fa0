"""Runs that many tests look at, each made once: nobody may change them. `fresh` is one of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext
from starlette.testclient import TestClient
from tests.audit.peopled_run import make_peopled_run
from tests.audit.scripted_run import ScriptedRun
from tests.report.explored_run import explored
from tests.report.synthetic_run import EVENTFUL, TOP, ledger
from tests.web.hosting import browsing
from tests.web.made_run import Made
from tests.web.standing import Room, made_up, room_of

from detent.values import Requested
from detent.web.app import create_app
from detent.web.house import House
from detent.web.settings import Settings

ASKED_AT = "2026-01-01T00:30:00Z"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has seen nothing yet."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    return make_peopled_run(tmp_path_factory.mktemp("peopled") / "run")


@pytest.fixture(scope="session")
def steered(peopled: ScriptedRun) -> Room:
    """A run of the real loop: asked, approved, denied, paused, rolled back, halted, amended."""
    return room_of(peopled, "steered")


@pytest.fixture(scope="session")
def open_question(peopled: ScriptedRun, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """The same run as it stood when a person was asked for the first time."""
    every = peopled.entries()
    asked = next(index for index, entry in enumerate(every) if isinstance(entry, Requested))
    room = room_of(peopled.copy(tmp_path_factory.mktemp("asking") / "run"), "asking")
    room.read_on(every[: asked + 1])
    return room


@pytest.fixture(scope="session")
def climbing(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Eight generations that were made up, of three tasks of fifteen levels."""
    folder = tmp_path_factory.mktemp("climbing") / "run"
    return made_up(folder, "climbing", ledger(8, EVENTFUL), TOP, "Longer strings, same rules")


@pytest.fixture(scope="session")
def trying(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """A run that tried changes beside the data."""
    return made_up(tmp_path_factory.mktemp("trying") / "run", "trying", explored(), TOP, "Other shapes")


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("looked-at")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(place / "data"))
        return Made.new(place / "demo", generations=4, trials=3)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    return Made.new(tmp_path / "demo", generations=2)


@pytest.fixture
def house(looked_at: Made) -> House:
    found = House([looked_at.folder])
    while found.look():
        continue
    return found


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house, Settings.local()), base_url="http://127.0.0.1") as found:
        yield found
