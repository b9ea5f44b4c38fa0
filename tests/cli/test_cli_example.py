"""The example of a user's own task: its charter improves a model on it, beyond the levels that were taught."""

from pathlib import Path

import pytest
from tests.cli.tiny_run import Machine, entries

from detent.evaluate import horizon
from detent.values import Profiled

CHARTER = Path(__file__).parents[2] / "examples" / "rotate" / "charter.toml"


@pytest.mark.long
def test_the_example_learns_to_rotate_longer_strings_than_it_was_taught(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.detent("init", machine.run, "--from", CHARTER).returncode == 0
    ran = machine.detent("run", machine.run, "--generations", "1", seconds=900)
    assert ran.returncode == 0, ran.stderr
    assert "better, promoted" in ran.stdout
    before, after = (
        entry.profile
        for entry in entries(machine.run)
        if isinstance(entry, Profiled) and entry.purpose == "fresh"
    )
    assert after.ladder() > before.ladder()
    assert horizon(after, "rotate").level > horizon(before, "rotate").level
    assert after.accuracy("rotate", 6) > before.accuracy("rotate", 6)
    assert machine.detent("verify", machine.run).returncode == 0
