"""What a job costs more on a cluster: the same jobs on this machine and on two Ray nodes on it, by turns.

    python benchmarks/cluster.py [--rounds 7]

Overhead is what a job takes longer on Ray than on a local worker, both warm: the store, the cluster's messages and what
the overseer checks. Beside it: what a first job costs, with all that has to be started.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from detent.engine import (
    ClusterEngine,
    ClusterTerms,
    DataStore,
    Engine,
    LocalEngine,
    ModelStore,
    RayCrew,
    processor,
)
from detent.values import (
    AnswerJob,
    BuildJob,
    BuiltModel,
    Example,
    Job,
    Progress,
    Source,
    TrainedModel,
    TrainJob,
)

STEPS = 40
PROMPTS = tuple(f"C{number}=" for number in range(100, 228))
_OBJECTS = 80 << 20


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch + "/cache"
        measure(Path(scratch), rounds)


def measure(root: Path, rounds: int) -> None:
    from ray.cluster_utils import Cluster  # noqa: PLC0415  an extra

    for name in ("models", "data", "shared", "staging"):
        (root / name).mkdir()
    began = time.monotonic()
    head = {"num_cpus": 1, "object_store_memory": _OBJECTS, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, object_store_memory=_OBJECTS)
    print(f"machine: {processor()}, {os.cpu_count()} processors")
    print(f"two nodes started in {time.monotonic() - began:.1f} s")
    folders = {name: root / name for name in ("models", "data", "staging")}
    local = LocalEngine(**folders, log=root / "worker.log", threads=1)  # type: ignore[arg-type]
    terms = ClusterTerms(store=f"file://{root / 'shared'}", address=cluster.address, width=1)
    ray = ClusterEngine(RayCrew(terms), terms, **folders, threads=1)  # type: ignore[arg-type]
    try:
        compare({"local": local, "ray": ray}, root, rounds)
    finally:
        local.close()
        ray.close()
        cluster.shutdown()


def compare(engines: dict[str, Engine], root: Path, rounds: int) -> None:
    models = ModelStore(root / "models")
    built = engines["local"].run(BuildJob(seed=1), quiet)
    assert isinstance(built, BuiltModel)
    parent = models.admit(root / "staging" / built.folder)
    rows = [Example("copy", 1, f"C{n}=", str(n), 1.0, 1.0) for n in range(100)]
    data = DataStore(root / "data", root).put(rows)
    print(f"model: {built.parameters} parameters; one worker, one thread each")
    began = time.monotonic()
    engines["ray"].run(AnswerJob(model=parent, prompts=PROMPTS[:1]), quiet)
    print(
        "connecting, asking both nodes what they are, a first worker and a first answer: "
        f"{time.monotonic() - began:.1f} s"
    )
    spent: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    digests: defaultdict[int, set[str]] = defaultdict(set)
    for number in range(rounds):
        jobs: dict[str, Job] = {
            "answering 1 prompt": AnswerJob(model=parent, prompts=PROMPTS[:1]),
            f"answering {len(PROMPTS)} prompts": AnswerJob(model=parent, prompts=PROMPTS),
            f"training, {STEPS} steps": TrainJob(parent, (Source(data, 1.0),), STEPS, seed=number),
        }
        for what, job in jobs.items():
            for name, engine in list(engines.items())[:: 1 if number % 2 else -1]:
                began = time.monotonic()
                result = engine.run(job, quiet)
                spent[what, name].append(time.monotonic() - began)
                if isinstance(result, TrainedModel):
                    digests[number].add(models.admit(root / "staging" / result.folder))
    assert all(len(found) == 1 for found in digests.values())
    print(
        f"{'':24} {'local':>8} {'ray':>8} {'more':>8}   medians of {rounds}, seconds; more: median of the differences"
    )
    for what in jobs:
        here, there = spent[what, "local"], spent[what, "ray"]
        more = median(b - a for a, b in zip(here, there, strict=True))
        print(f"{what:24} {median(here):8.3f} {median(there):8.3f} {more:8.3f}")
    print(f"{rounds} trainings: the same digest by both, each time")


def quiet(_: Progress) -> None:
    """Nobody is watching."""


if __name__ == "__main__":
    main()
