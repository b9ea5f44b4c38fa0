"""A charter that `init` writes for a language model and tasks of the gym: it inits, and a generation of it runs."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.cli.tiny_run import Machine, entries

from detent.assembly.estimating import draft_for
from detent.assembly.tasks import catalogue
from detent.charter import parse_draft
from detent.testing.language import write_language_model
from detent.values import CandidateTrained, Decided, Lora, SubjectBuilt

pytestmark = pytest.mark.skipif(find_spec("reasoning_gym") is None, reason="the extra gym is not installed")

SMALLER: dict[str, float] = {
    "seed_problems": 40,
    "seed_steps": 4,
    "steps": 2,
    "profile_problems": 8,
    "audit": 10,
    "label_prompts": 20,
    "label_keep": 10,
    "review_prompts": 10,
    "batch": 8,
    "micro_batch": 4,
}
"""The written numbers, so small that a run takes a minute."""

LENIENT: dict[str, float] = {
    "non_inferiority_margin": 0.3,
    "mastery_floor": 0.5,
    "error_budget": 0.5,
    "least_accuracy": 0.0,
    "confidence": 0.0,
}
"""A gate that so few items can pass, and labels of a model with random weights, which is sure of nothing."""


def smaller(text: str) -> str:
    """The charter with less of everything; an alarm that such a model's labels are wrong is only written down."""
    text = text.replace('action = "pause"', 'action = "record"')
    for key, value in (SMALLER | LENIENT).items():
        text, found = re.subn(rf"^{key} = [\d.]+", f"{key} = {value}", text, flags=re.MULTILINE)
        assert found == 1, key
    text = re.sub(
        r"superiority = 2000, non_inferiority = 2000", "superiority = 400, non_inferiority = 200", text
    )
    return text.replace("lease = { generations = 8", "lease = { generations = 1")


def test_the_charter_that_is_written_for_a_language_model_can_be_read(tmp_path: Path) -> None:
    write_language_model(tmp_path / "given", "qwen3")
    made = draft_for("given", "gym:chain_sum=2,gym:spell_backward", tmp_path)
    read = parse_draft(made.text, catalogue())
    assert dict(read.direction.improve) == {"gym:chain_sum": 2, "gym:spell_backward": 5}
    assert read.subject.lora is not None
    assert (read.subject.lora.rank, read.subject.chat, read.run.device) == (6, "auto", "auto")
    assert (read.recipe.optimizer, read.recipe.team, read.recipe.micro_batch) == ("adamw", 2, 16)
    assert read.subject.answer_tokens >= 16
    assert made.estimate.plan.adapter is not None
    assert made.estimate.fits is True
    assert made.estimate.lease_flops / 1e15 < read.pace.lease.petaflop
    assert parse_draft(smaller(made.text), catalogue()).recipe.seed_steps == 4


@pytest.mark.long
def test_a_charter_that_is_written_for_a_language_model_runs_and_verifies(tmp_path: Path) -> None:
    machine, home = Machine(tmp_path / "machine"), tmp_path / "machine" / "home"
    home.mkdir(parents=True)
    write_language_model(home / "given", "qwen3")
    dry = machine.detent(
        "init", machine.run, "--subject", home / "given", "--tasks", "gym:chain_sum=2", "--dry-run"
    )
    assert dry.returncode == 0, dry.stderr
    assert "adapter     of rank 6" in dry.stdout
    text = draft_for("given", "gym:chain_sum=2", home).text
    (home / "charter.toml").write_text(smaller(text))
    made = machine.detent("init", machine.run, "--from", home / "charter.toml")
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries(machine.run)
    assert {one.lora for one in found if isinstance(one, SubjectBuilt)} == {Lora(rank=6, alpha=12.0)}
    assert [one.generation for one in found if isinstance(one, Decided)] == [0, 1]
    assert any(isinstance(one, CandidateTrained) for one in found), ran.stdout
    told = machine.detent("status", machine.run)
    assert "rank 6, alpha 12, on all-linear; base " in told.stdout, told.stdout
    exported = machine.detent("export", machine.run, "0", "--to", tmp_path / "out", "--merged")
    assert exported.returncode == 0, exported.stderr
    assert "whole model merged from the adapter" in exported.stdout
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
