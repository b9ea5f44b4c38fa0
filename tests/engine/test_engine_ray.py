"""The same promises on a real Ray cluster of two nodes on this machine."""

from collections.abc import Iterator

import pytest
from tests.engine.cluster_worlds import Site, made
from tests.engine.ray_clusters import TwoNodes, two_nodes
from tests.engine.stand_ins import StandInPost

from detent.engine.ray import RayCrew
from detent.errors import EngineError
from detent.testing.engines import EngineContract, World, closed_engine_is_closed
from detent.values import AnswerJob


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    with two_nodes(tmp_path_factory.mktemp("cache")) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return made(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def shared(site: Site, cluster: TwoNodes) -> Iterator[World]:
    terms = site.terms(address=cluster.address, width=2)
    engine = site.engine(RayCrew(terms, StandInPost), terms, stall_seconds=20.0)
    yield site.world(engine)
    engine.close()


class TestClusterEngineOnRay(EngineContract):
    @pytest.fixture
    def world(self, shared: World) -> World:
        """One for all: an engine goes on after every error."""
        return shared

    def test_close(self, world: World) -> None:
        """The last one: the engine gives back what it held of the cluster."""
        assert world.engine.run(AnswerJob(model=world.model, prompts=("C1=",)), print)
        closed_engine_is_closed(world)


def test_a_cluster_without_a_node_for_such_a_job_is_said_clearly(site: Site, cluster: TwoNodes) -> None:
    terms = site.terms(address=cluster.address, cpus=64.0)
    engine = site.engine(RayCrew(terms), terms)
    with pytest.raises(EngineError, match="a node with 64 CPUs and 0 GPUs expected in the cluster"):
        assert engine.confined
    engine.close()
