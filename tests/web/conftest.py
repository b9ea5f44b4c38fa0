"""A run that many tests look at, made once: nobody may change it. `fresh` is one of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.web.made_run import Made

from detent.web.app import create_app
from detent.web.house import House
from detent.web.settings import Settings


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
