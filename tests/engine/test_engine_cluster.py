"""What an engine of many machines promises, on a cluster of threads that can lose its nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.cluster_worlds import Site, made
from tests.engine.stand_ins import StandInPost
from tests.engine.threads_crew import ThreadCrew

from detent.testing.engines import EngineContract, World, closed_engine_is_closed
from detent.values import AnswerJob


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return made(tmp_path, monkeypatch)


class TestClusterEngine(EngineContract):
    @pytest.fixture
    def world(self, site: Site) -> Iterator[World]:
        engine = site.engine(ThreadCrew(StandInPost))
        yield site.world(engine)
        engine.close()

    def test_close(self, world: World) -> None:
        assert world.engine.run(AnswerJob(model=world.model, prompts=("C1=",)), print)
        closed_engine_is_closed(world)
