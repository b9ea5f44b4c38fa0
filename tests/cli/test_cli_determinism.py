"""The same seed makes the same models; with the same clock, keys and seal, the same ledger to the byte."""

import signal
from pathlib import Path

import pytest
from tests.cli.conftest import Ended
from tests.cli.tiny_run import CHARTER, Machine, blow, content, entries, raw_entries, wait_for

from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.values import SubjectBuilt


def first_team(folder: Path) -> list[str]:
    """The digests of generation 0, member by member."""
    return [entry.digest for entry in entries(folder) if isinstance(entry, SubjectBuilt)]


def begun(machine: Machine, text: str) -> Path:
    """A run under that charter, stopped as soon as its first team is trained."""
    folder = machine.found("begun", text)
    process = machine.start("run", folder)
    wait_for("subject/v1/1", folder, process)
    blow(signal.SIGTERM, process)
    return folder


def test_the_same_seed_makes_the_same_first_models_on_another_machine(
    finished: Ended, tmp_path: Path
) -> None:
    other = begun(Machine(tmp_path), CHARTER)
    seals = {signed_charter(RunFolder(folder)).charter.seal.tip for folder in (finished.folder, other)}
    assert len(seals) == 2
    assert first_team(other) == first_team(finished.folder)
    assert len(set(first_team(other))) == 2


@pytest.mark.long
def test_another_seed_makes_other_first_models(finished: Ended, tmp_path: Path) -> None:
    other = begun(Machine(tmp_path), CHARTER.replace("seed = 1", "seed = 2"))
    assert not set(first_team(other)) & set(first_team(finished.folder))


@pytest.mark.long
def test_the_same_clock_keys_and_seal_write_the_same_ledger_byte_for_byte(
    machine: Machine, founded: Path, finished: Ended
) -> None:
    folder = machine.copy(founded, "again")
    assert machine.detent("run", folder, "--generations", "1").returncode == 0
    assert raw_entries(folder) == raw_entries(finished.folder)
    for part in ("ledger", "models", "data", "answers"):
        assert content(folder / part) == content(finished.folder / part)
