"""A real run of a language subject, judged in words by the model in force: it verifies, and is made again."""

import re
from pathlib import Path

import pytest
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import Machine, entries
from tests.cli.words_run import write_home

from detent.values import DataMade, Decided, JudgeTested, Tuned


@pytest.mark.long
def test_a_run_judged_in_words_by_the_model_in_force_verifies_and_is_made_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    made = machine.detent("init", machine.run, "--from", write_home(machine.root / "home"))
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries(machine.run)
    first = next(one for one in found if isinstance(one, Decided))
    assert not any(one.slot == "judge/v1" for one in found)
    preferred = [one for one in found if isinstance(one, DataMade) and one.origin.source == "preferred"]
    assert preferred[0].origin.judge == first.incumbent
    assert preferred[0].counts
    assert {one.judge for one in found if isinstance(one, Tuned)} == {first.incumbent}
    tested = next(one for one in found if isinstance(one, JudgeTested))
    assert tested.judge == first.incumbent
    assert tested.compares

    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = machine.detent("status", machine.run)
    assert "the same in both orders" in told.stdout, told.stdout

    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    checks = re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    assert {"judge", "preferences", "tuned", "flips"} <= set(checks)
    assert "WRONG" not in again.stdout
