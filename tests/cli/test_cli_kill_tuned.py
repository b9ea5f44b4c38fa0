"""A run that is killed in the middle of a DPO training makes the models that it would have made."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.hasty_run import SAID
from tests.cli.test_cli_kill import assert_sound
from tests.cli.test_cli_tuned import TUNED
from tests.cli.tiny_run import PATIENCE, Machine, blow, entries, gone, wait_until

from detent.values import CandidateTrained, DataMade, SubjectBuilt, Tuned

STEPS = 400
BY_PREFERENCES = (
    TUNED.replace("generations = 2", "generations = 1")
    .replace('"dpo", "grpo"]', '"dpo"]')
    .replace("dpo_steps = 4\ngrpo_steps = 2", f"dpo_steps = {STEPS}")
)


def hasty(machine: Machine) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cli.hasty_run", "run", str(machine.run)],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def made(folder: Path) -> list[tuple[str, float]]:
    """Digests of all models and data, and what each took, in order."""
    kinds = SubjectBuilt | CandidateTrained | DataMade | Tuned
    return [(entry.digest, entry.flops) for entry in entries(folder) if isinstance(entry, kinds)]


def standing(folder: Path) -> list[Path]:
    return [*(folder / "staging").glob("resume-preferred-*/[0-9]*/state.json")]


@pytest.mark.long
def test_what_a_judge_preferred_is_learnt_to_the_same_bits(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found(BY_PREFERENCES)
    twin = machine.copy(tmp_path / "twin")

    process = hasty(machine)
    wait_until(lambda: bool(standing(machine.run)), process)
    assert blow(signal.SIGKILL, process).status == -signal.SIGKILL
    assert gone(machine.run)
    step = max(int(path.parent.name) for path in standing(machine.run))
    assert 0 < step < STEPS
    assert not any(isinstance(entry, Tuned) for entry in entries(machine.run))

    again = hasty(machine)
    output, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, output + errors
    log = (machine.run / "logs" / "worker.log").read_text("utf-8", errors="replace")
    assert max(map(int, re.findall(rf"{SAID}(\d+)", log))) == step

    alone = twin.detent("run", twin.run)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert any(isinstance(entry, Tuned) for entry in entries(twin.run))
    assert made(machine.run) == made(twin.run)
    assert_sound(machine.run)
