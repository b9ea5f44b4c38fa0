"""A real run that carries on what optimizers remember: it verifies, and its record makes the same weights again."""

from pathlib import Path

import pytest
from msgspec import UNSET
from tests.cli.tiny_run import CHARTER, Machine, entries

from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.engine import LocalEngine, ModelStore, StateStore
from detent.propose import optimizer_of
from detent.values import CandidateTrained, Progress, SubjectBuilt, TrainedModel, TrainJob

CARRIED = CHARTER.replace("batch = 32\n", "batch = 32\ncarry_optimizer = true\n")


def quiet(_: Progress) -> None:
    """Nobody is watching."""


@pytest.mark.long
def test_a_run_that_carries_on_verifies_and_its_record_makes_the_same_weights(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found(CARRIED)
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    checked = machine.detent("verify", machine.run)
    assert checked.returncode == 0, checked.stdout
    made = [one for one in entries(machine.run) if isinstance(one, SubjectBuilt | CandidateTrained)]
    left = {one.digest: one.state for one in made}
    assert {path.name for path in (machine.run / "states").iterdir()} == set(left.values())
    last = made[-1]
    assert isinstance(last, CandidateTrained)
    assert left[last.parent] is not UNSET
    folder, charter = RunFolder(machine.run), signed_charter(RunFolder(machine.run)).charter
    models = ModelStore(tmp_path / "models")
    (tmp_path / "models").mkdir()
    engine = LocalEngine(
        models=folder.models,
        data=folder.data,
        staging=tmp_path / "staging",
        log=tmp_path / "log",
        threads=charter.run.threads,
        states=folder.states,
    )
    try:
        for one in (made[0], last):
            state = left[one.parent] if one is last else UNSET
            job = TrainJob(one.parent, one.data, one.steps, one.seed, optimizer_of(charter), state)
            again = engine.run(job, quiet)
            assert isinstance(again, TrainedModel)
            assert models.admit(tmp_path / "staging" / again.folder) == one.digest
            states = StateStore(tmp_path / "states", models)
            assert states.admit(tmp_path / "staging" / str(again.state), of=one.digest) == one.state
    finally:
        engine.close()
