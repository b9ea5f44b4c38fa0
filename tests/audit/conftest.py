"""One honest run for all tests here, and a copy of it for each that tampers."""

from pathlib import Path

import pytest
from tests.audit.scripted_run import ScriptedRun, make_run


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return make_run(tmp_path_factory.mktemp("honest") / "run")


@pytest.fixture
def run(honest: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest.copy(tmp_path / "run")
