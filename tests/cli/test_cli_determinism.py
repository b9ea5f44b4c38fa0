"""The same seed makes the same models; with the same clock, keys and seal, the same ledger to the byte."""

import signal
from pathlib import Path

import pytest
from tests.cli.tiny_run import CHARTER, Machine, blow, content, entries, raw_entries, wait_for

from detent.values import SubjectBuilt


def first_team(run: Path) -> list[str]:
    """The digests of generation 0, member by member."""
    return [entry.digest for entry in entries(run) if isinstance(entry, SubjectBuilt)]


def begun(machine: Machine, text: str) -> Machine:
    """A run under that charter, stopped as soon as its first team is trained."""
    machine.found(text)
    process = machine.start("run", machine.run)
    wait_for("subject/v1/1", machine.run, process)
    blow(signal.SIGTERM, process)
    return machine


def test_the_same_seed_makes_the_same_first_models_on_another_machine(
    finished: Machine, tmp_path: Path
) -> None:
    other = begun(Machine(tmp_path), CHARTER)
    assert other.secrets.name != finished.secrets.name  # another seal
    assert first_team(other.run) == first_team(finished.run)
    assert len(set(first_team(other.run))) == 2


@pytest.mark.long
def test_another_seed_makes_other_first_models(finished: Machine, tmp_path: Path) -> None:
    other = begun(Machine(tmp_path), CHARTER.replace("seed = 1", "seed = 2"))
    assert not set(first_team(other.run)) & set(first_team(finished.run))


@pytest.mark.long
def test_the_same_clock_keys_and_seal_write_the_same_ledger_byte_for_byte(
    founded: Machine, finished: Machine, tmp_path: Path
) -> None:
    again = founded.copy(tmp_path / "again")
    assert again.detent("run", again.run, "--generations", "1").returncode == 0
    assert raw_entries(again.run) == raw_entries(finished.run)
    for part in ("ledger", "models", "data", "answers"):
        assert content(again.run / part) == content(finished.run / part)
