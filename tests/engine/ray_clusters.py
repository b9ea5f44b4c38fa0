"""A real Ray cluster of two nodes on this machine, each with one processor."""

import os
from collections.abc import Iterator
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
