"""A real run whose candidates are taught further by a judge's word: it verifies, and is made again by a stranger."""

import re
from pathlib import Path

import pytest
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import CHARTER, Machine, entries

from detent.values import DataMade, Decided, Flipped, Profiled, Tuned

TUNED = (
    CHARTER.replace("generations = 1", "generations = 2")
    .replace("layers = 2\nhidden = 64\nintermediate = 64", "layers = 1\nhidden = 32\nintermediate = 32")
    .replace("seed_steps = 25", "seed_steps = 60")
    + """
[feedback]
methods = ["self_label", "dpo", "grpo"]
judge_seed_steps = 60
judge_steps = 10
anchors = 20
pairs = 16
samples = 3
flips = 20
least_odds = 0.05
dpo_steps = 4
grpo_steps = 2

[tripwires.label_avalanche]
action = "record"
"""
)


@pytest.mark.long
def test_a_run_taught_by_a_judges_word_verifies_and_its_trainings_are_done_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found(TUNED)
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries(machine.run)
    assert [one.generation for one in found if isinstance(one, Decided)] == [0, 1, 2]
    tuned = [one for one in found if isinstance(one, Tuned)]
    first = [one for one in tuned if one.generation == 1]
    assert [(one.method, one.member) for one in first] == [("dpo", 0), ("dpo", 1), ("grpo", 0), ("grpo", 1)]
    assert all(min(one.flops, one.beta, max(one.change.values())) > 0 for one in tuned)
    measured = {
        one.profile.subject
        for one in found
        if isinstance(one, Profiled) and one.purpose == "visible" and one.generation == 1
    }
    assert measured == {one.digest for one in first[2:]}
    assert {one.method for one in found if isinstance(one, Flipped)} == {"dpo", "grpo"}
    assert any(isinstance(one, DataMade) and one.origin.source == "preferred" and one.counts for one in found)

    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert re.search(r"^tuning +\d+ models taught by a judge's word", verified.stdout, re.MULTILINE)

    told = machine.detent("status", machine.run)
    assert "dpo" in told.stdout, told.stdout

    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    checks = re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    assert {"preferences", "tuned", "flips"} <= set(checks)
    assert "WRONG" not in again.stdout
