"""A real run of a language subject, judged in words by the model in force: it verifies, and is made again."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import Machine, entries
from tests.cli.words_run import BY_ANOTHER, IN_WORDS, WORDS, write_home

from detent.values import DataMade, Decided, Entry, Flipped, JudgeTested, JudgeTrained, Tuned
from detent.values.folder import folder_digest

BY_PRINCIPLE = (
    IN_WORDS.replace('["self_label", "dpo"]', '["self_label", "constitution", "dpo"]').replace(
        "pairs = 60", "probes = 40\npairs = 60"
    )
    + '[constitution]\nfile = "constitution.toml"\n'
)
PROMPTED = """\
[principles.plain]
text = "Say it in few words."
source = "the author"
prompts = "open.jsonl"
checker = "short.py:is_short"

[principles.kind]
text = "Be kind to whoever asks."
source = "the author"
prompts = "open.jsonl"
"""
OPEN_PROMPTS = "".join(f'{{"prompt": "Tell me of {word} things. "}}\n' for word in WORDS)
SHORT = "def is_short(prompt, completion):\n    return 0 < len(completion) <= 9\n"


def judged_run(root: Path, charter: str | Path) -> Machine:
    """A machine with a run that has ended. charter: its text, or where its draft lies with all it needs."""
    machine = Machine(root)
    draft = charter if isinstance(charter, Path) else write_home(machine.root / "home", charter)
    made = machine.detent("init", machine.run, "--from", draft)
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return machine


def judges_of(found: Sequence[Entry]) -> set[str]:
    """Who preferred, taught and was examined; something was preferred."""
    preferred = [one for one in found if isinstance(one, DataMade) and one.origin.source == "preferred"]
    tuned = [one for one in found if isinstance(one, Tuned)]
    tested = [one for one in found if isinstance(one, JudgeTested)]
    assert preferred[0].counts
    assert tuned
    assert all(one.compares for one in tested)
    said = {one.judge for one in tuned} | {one.judge for one in tested}
    return said | {one.origin.judge for one in preferred}


def assert_holds(machine: Machine, folder: Path) -> None:
    """It verifies, tells its judge's exam, and is made again by a stranger to the last digit."""
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = machine.detent("status", machine.run)
    assert "the same in both orders" in told.stdout, told.stdout
    stranger = a_stranger(machine, folder)
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    checks = re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    assert {"judge", "preferences", "tuned", "flips"} <= set(checks)
    assert "WRONG" not in again.stdout


@pytest.mark.long
def test_a_run_judged_in_words_by_the_model_in_force_verifies_and_is_made_again(tmp_path: Path) -> None:
    machine = judged_run(tmp_path / "machine", IN_WORDS)
    found = entries(machine.run)
    assert not any(isinstance(one, JudgeTrained) for one in found)
    first = next(one for one in found if isinstance(one, Decided))
    assert judges_of(found) == {first.incumbent}
    assert_holds(machine, tmp_path / "stranger")


@pytest.mark.long
def test_a_run_judged_in_words_by_another_model_verifies_and_is_made_again(tmp_path: Path) -> None:
    machine = judged_run(tmp_path / "machine", BY_ANOTHER)
    found = entries(machine.run)
    (judge,) = (one for one in found if isinstance(one, JudgeTrained))
    assert judge.digest == folder_digest(machine.run / "judge")
    assert judges_of(found) == {judge.digest}
    assert_holds(machine, tmp_path / "stranger")


@pytest.mark.long
def test_a_run_that_learns_from_prompts_nobody_answered_verifies_and_is_made_again(tmp_path: Path) -> None:
    draft = write_home(tmp_path / "machine" / "home", BY_PRINCIPLE)
    (draft.parent / "constitution.toml").write_text(PROMPTED)
    (draft.parent / "open.jsonl").write_text(OPEN_PROMPTS)
    (draft.parent / "short.py").write_text(SHORT)
    machine = judged_run(tmp_path / "machine", draft)
    found = entries(machine.run)
    preferred = [one for one in found if isinstance(one, DataMade) and one.origin.source == "preferred"]
    assert {name for one in preferred for name in one.offered} == {"named", "P/plain/*", "P/kind/*"}
    assert any(name.startswith("P/") for one in preferred for name in one.counts)
    flipped = [one for one in found if isinstance(one, Flipped) and one.method == "dpo"]
    assert all(set(one.flips) == {"named", "P/plain"} for one in flipped)  # nobody could mark the kind ones
    assert_holds(machine, tmp_path / "stranger")


def test_a_judge_that_is_not_there_is_said_before_anything_is_made(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    charter = BY_ANOTHER.replace('judge_source = "wise"', 'judge_source = "nobody"')
    made = machine.detent("init", machine.run, "--from", write_home(machine.root / "home", charter))
    assert made.returncode != 0
    assert "nobody expected, got none; correct the path" in made.stderr
    assert not machine.run.exists()
