"""Two honest runs for all tests here, one of them with people in it, and a copy for each test that tampers."""

from pathlib import Path

import pytest
from tests.audit.exploring_run import make_exploring_run
from tests.audit.peopled_run import make_peopled_run
from tests.audit.replaying import FLATTERED, WATCHED, Flatterer
from tests.audit.scripted_run import ScriptedRun, make_run


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return make_run(tmp_path_factory.mktemp("honest") / "run")


@pytest.fixture
def run(honest: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest.copy(tmp_path / "run")


@pytest.fixture(scope="session")
def honest_peopled(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed; people did in it all that they may do."""
    return make_peopled_run(tmp_path_factory.mktemp("peopled") / "run")


@pytest.fixture
def peopled(honest_peopled: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest_peopled.copy(tmp_path / "run")


@pytest.fixture(scope="session")
def honest_exploring(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed; changes beside the data are tried in it."""
    return make_exploring_run(tmp_path_factory.mktemp("exploring") / "run")


@pytest.fixture
def exploring(honest_exploring: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """To be tampered with."""
    return honest_exploring.copy(tmp_path / "run")


@pytest.fixture(scope="session")
def flattered(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run whose workers told the loop more than its models say. Never changed."""
    return make_run(
        tmp_path_factory.mktemp("flattered") / "run",
        trained=FLATTERED,
        leases=(1,),
        worker_kind=Flatterer,
    )


@pytest.fixture
def leased_once(tmp_path: Path) -> ScriptedRun:
    """No lease was granted in sight of the last opening, which was undecided."""
    return make_run(tmp_path / "run", leases=(2,))


@pytest.fixture
def promoted_last(tmp_path: Path) -> ScriptedRun:
    """Nothing came after the generation that was promoted."""
    return make_run(tmp_path / "run", leases=(1,))


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run with a tripwire. Never changed."""
    return make_run(tmp_path_factory.mktemp("watched") / "run", WATCHED)
