"""One honest run for the tests that only read it, and what a stranger's machine has: nothing."""

from pathlib import Path

import pytest
from tests.attacks.attacks_world import Scene, found


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Three generations, never changed."""
    scene = found(tmp_path_factory.mktemp("told"))
    with scene.here():
        scene.turn(3)
    return scene


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that knows nothing of the run, and asks no proxy for local addresses."""
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "strangers"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path
