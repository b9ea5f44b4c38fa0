"""A real run whose team revises its answers: it verifies, is made again by a stranger, and revises when it is asked."""

import re
from pathlib import Path

import pytest
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import CHARTER, Machine, entries

from detent.values import DataMade, Entry, Flipped, JudgeTrained

REVISED = (
    CHARTER.replace(
        "layers = 2\nhidden = 64\nintermediate = 64", "layers = 1\nhidden = 32\nintermediate = 32"
    )
    .replace("seed_steps = 25", "seed_steps = 60")
    .replace("improve = { copy = 4, first = 5 }", "improve = { copy = 5, reverse = 5 }")
    .replace('[tasks.first]\nsource = "first.py:First"\n', "")
    + """
[feedback]
methods = ["self_label", "refine", "constitution"]
corrections = 60
correction_share = 0.3
revise_confidence = 0.0
flips = 20
probes = 30

[constitution]
file = "digits"

[tripwires.label_avalanche]
action = "record"
"""
)


@pytest.mark.long
def test_a_run_that_revises_verifies_is_made_again_and_revises_when_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found(REVISED)
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries(machine.run)
    made = {one.origin.source for one in found if isinstance(one, DataMade)}
    assert made == {"seed", "self", "corrections", "revised", "principled"}
    assert {one.method for one in found if isinstance(one, Flipped)} == {"refine", "constitution"}

    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr

    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(re.findall(r"^revisions +equal: ", again.stdout, re.MULTILINE)) == 2

    said = machine.detent("try", machine.run, "C12=", "--revise")
    assert re.fullmatch(r"draft .*\ncritique .*\nrevision .*\nanswer .*\n", said.stdout), said
    said = machine.detent("try", machine.run, "C1x=", "--principle", "malformed")
    assert re.fullmatch(r"draft .*\ncritique .*\nrevision .*\nanswer .*\n", said.stdout), said
    said = machine.detent("try", machine.run, "C12=", "--principle", "kindness")
    assert (said.returncode, said.stderr) == (
        2,
        "detent: one of alphabet, malformed, unsure expected, got kindness\n",
    )


PREFERRED = REVISED.replace('"refine", "constitution"]', '"constitution", "dpo"]').replace(
    "probes = 30",
    """probes = 30
judge_seed_steps = 150
judge_steps = 10
anchors = 20
pairs = 16
samples = 3
least_odds = 0.05
dpo_steps = 4""",
)


@pytest.mark.long
def test_a_run_whose_judge_prefers_by_principle_verifies_and_is_made_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found(PREFERRED.replace("seed_steps = 60\n", "seed_steps = 150\n"))
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries(machine.run)
    made = {one.origin.source: one for one in found if isinstance(one, DataMade)}
    assert set(made) == {"seed", "self", "corrections", "lessons", "principled", "preferred"}
    kinds = {name.startswith("P/") for name in made["preferred"].counts}
    assert kinds == {True, False}
    flips = {one.method: one.flips for one in found if isinstance(one, Flipped)}
    assert {"copy", "reverse", "P/alphabet", "P/malformed", "P/unsure"} == set(flips["dpo"])
    assert all(source.data != made["principled"].digest for source in _last_judge(found).data)
    assert any(source.data == made["corrections"].digest for source in _last_judge(found).data)

    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = machine.detent("status", machine.run)
    assert re.search(r"^  dpo P/unsure +\d+ made right and \d+ wrong", told.stdout, re.MULTILINE), told.stdout

    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    checks = re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    assert {"preferences", "tuned", "flips", "revisions"} <= set(checks)


def _last_judge(found: list[Entry]) -> JudgeTrained:
    return next(one for one in reversed(found) if isinstance(one, JudgeTrained))
