"""A real run on a real Ray cluster, of which a node is switched off meanwhile: its models are those of one machine."""

from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, Machine, entries
from tests.engine.ray_clusters import two_nodes, workers_of

from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.values import PROCESSOR, CandidateTrained, SessionStarted, SubjectBuilt


def models(machine: Machine) -> list[str]:
    """Digests of every model that was made, in order."""
    return [
        entry.digest for entry in entries(machine.run) if isinstance(entry, SubjectBuilt | CandidateTrained)
    ]


@pytest.mark.long
def test_a_run_on_a_cluster_that_loses_a_node_makes_the_models_of_a_run_on_one_machine(
    tmp_path: Path,
) -> None:
    alone, clustered = Machine(tmp_path / "alone"), Machine(tmp_path / "clustered")
    alone.found()
    done = alone.detent("run", alone.run)
    assert done.returncode == 0, done.stdout + done.stderr

    (tmp_path / "shared").mkdir()
    (tmp_path / "cache").mkdir()
    with two_nodes(tmp_path / "cache") as cluster:
        where = f'engine = "ray"\n\n[run.ray]\nstore = "file://{tmp_path}/shared"\naddress = "{cluster.address}"\n'
        clustered.found(CHARTER + where)
        process = clustered.start("run", clustered.run)
        cluster.when(
            lambda: len(workers_of(tmp_path / "cache")) > 1, process
        )  # the team is trained side by side
        cluster.switch_off_second()
        said = process.communicate()
    assert process.returncode == 0, said

    assert models(clustered) == models(alone)
    assert signed_charter(RunFolder(clustered.run)).charter.run.ray is not None
    (session,) = [entry for entry in entries(clustered.run) if isinstance(entry, SessionStarted)]
    (here,) = [entry for entry in entries(alone.run) if isinstance(entry, SessionStarted)]
    assert session.software[PROCESSOR] == here.software[PROCESSOR]  # both nodes are this machine
    assert session.confined == here.confined
    verified = clustered.detent("verify", clustered.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    replayed = clustered.detent("replay", clustered.run)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "all must be equal" in replayed.stdout
