"""Real trainings on a real Ray cluster that loses a part of itself: the digests are those of a quiet run."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.cluster_worlds import Site, made
from tests.engine.ray_clusters import TwoNodes, processes_of, two_nodes, workers_of

from detent.engine import ClusterEngine, DataStore, LocalEngine, ModelStore
from detent.engine.ray import RayCrew
from detent.values import BuildJob, BuiltModel, Example, Progress, Source, TrainedModel, TrainJob
from detent.values.folder import folder_digest

pytestmark = pytest.mark.long
STEPS = 150
ROWS = [Example("copy", 1, f"C{n}=", str(n), 1.0, 1.0) for n in range(10)]


class Trainings:
    """Two trainings from one small model, and what they give here, on one worker after the other."""

    def __init__(self, site: Site) -> None:
        self.site = site
        engine = LocalEngine(
            models=site.root / "models",
            data=site.root / "data",
            staging=site.root / "staging",
            log=site.root / "worker.log",
            threads=1,
        )
        built = engine.run(BuildJob(seed=1, layers=2, hidden=64, intermediate=128, heads=2), _quiet)
        assert isinstance(built, BuiltModel)
        parent = ModelStore(site.root / "models").admit(site.root / "staging" / built.folder)
        data = DataStore(site.root / "data", site.root).put(ROWS)
        self.jobs = [
            TrainJob(parent=parent, sources=(Source(data, 1.0),), steps=STEPS, seed=seed) for seed in (1, 2)
        ]
        self.expected = [self.digest(engine.run(job, _quiet)) for job in self.jobs]
        engine.close()

    def digest(self, result: object) -> str:
        assert isinstance(result, TrainedModel)
        return folder_digest(self.site.root / "staging" / result.folder)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def cluster(cache: Path) -> Iterator[TwoNodes]:
    with two_nodes(cache) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(made(tmp_path_factory.mktemp("site")))


def nothing(_: TwoNodes, __: Path) -> None:
    """A quiet run."""


def switch_off_a_node(cluster: TwoNodes, _: Path) -> None:
    cluster.switch_off_second()


def kill_a_ray_worker(_: TwoNodes, cache: Path) -> None:
    os.kill(processes_of(cache, "ray::Post")[0], signal.SIGKILL)


def kill_a_worker(_: TwoNodes, cache: Path) -> None:
    # The newest that trains: under bubblewrap the worker itself, whose line the ones around it have too.
    os.kill(processes_of(cache, "--staging")[-1], signal.SIGKILL)


LOSSES: dict[str, Callable[[TwoNodes, Path], None]] = {
    "nothing is lost": nothing,
    "a worker is killed in mid-training": kill_a_worker,
    "a Ray worker is killed in mid-training": kill_a_ray_worker,
    "a node is switched off in mid-training": switch_off_a_node,  # the last: it is not there again
}


@pytest.mark.parametrize("loss", LOSSES)
def test_whatever_is_lost_the_trainings_end_with_the_digests_of_a_quiet_run(
    loss: str, cluster: TwoNodes, trainings: Trainings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = trainings.site
    terms = site.terms(address=cluster.address)
    engine = site.engine(RayCrew(terms), terms, stall_seconds=60.0)
    lost = False
    noticed: list[str] = []
    lose = ClusterEngine._lose

    def noted(*given: Any) -> None:
        noticed.append(str(given[-1]))
        lose(*given)

    monkeypatch.setattr(ClusterEngine, "_lose", noted)

    def watch(progress: Progress) -> None:
        nonlocal lost
        if (
            not lost and progress.done > STEPS // 2 and len(workers_of(cache)) > 1
        ):  # both have something to do
            lost = True
            LOSSES[loss](cluster, cache)

    try:
        assert engine.confined == (not engine.unconfined_because)
        results = engine.run_all(trainings.jobs, watch)
    finally:
        engine.close()
    assert lost
    assert bool(noticed) == (loss != "nothing is lost")  # then one of them was begun again
    assert [trainings.digest(result) for result in results] == trainings.expected


def _quiet(_: Progress) -> None:
    """Nobody is watching."""
