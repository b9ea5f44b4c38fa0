"""A real Ray cluster of two nodes on this machine, each with one processor."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_OBJECTS = 80 << 20  # bytes of shared memory a node; Ray's least is 75 MiB


class TwoNodes(NamedTuple):
    """address: of the head. second: the node that can be switched off."""

    address: str
    cluster: Any
    second: Any

    def switch_off_second(self) -> None:
        self.cluster.remove_node(self.second, allow_graceful=False)

    def when(self, holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Return when it holds; fails when the process ends before."""
        while not holds():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)


@contextmanager
def two_nodes(cache: Path) -> Iterator[TwoNodes]:
    """cache: folder in which the nodes keep what they fetch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("PYTHONPATH", os.getcwd())  # noqa: PTH109  where this package of tests is found
        cluster_utils = pytest.importorskip("ray.cluster_utils")
        cluster = cluster_utils.Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1,
                "object_store_memory": _OBJECTS,
                "include_dashboard": False,
            },
        )
        try:
            second = cluster.add_node(num_cpus=1, object_store_memory=_OBJECTS)
            yield TwoNodes(cluster.address, cluster, second)
        finally:
            cluster.shutdown()


def processes_of(cache: Path, words: str) -> list[int]:
    """Those whose command line has these words and that belong to the cluster with this cache, oldest first."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            ours = str(cache) in line or str(cache).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if words in line and ours:
            found.append(int(folder.name))
    return sorted(found)


def workers_of(cache: Path) -> list[int]:
    """Actors of the cluster that have something to do: Ray names a process after that."""
    return processes_of(cache, "ray::Post.run")
