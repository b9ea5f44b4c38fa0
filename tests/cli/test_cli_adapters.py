"""A real run whose models are adapters of a given chat model: it verifies, is made again, and keeps its base."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.cli.test_cli_replay import a_stranger
from tests.cli.tiny_run import CHARTER, Machine, entries
from tests.cli.words_run import NAMED

from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.engine import ModelStore
from detent.subject.load import load
from detent.subject.merge import merge
from detent.testing.language import write_language_model
from detent.values import CandidateTrained, Lora, SubjectBuilt, fold, needed
from detent.values.adapters import ADAPTER_FILES
from detent.values.folder import folder_digest
from detent.values.weights import numbers_in

ADAPTED = (
    CHARTER.replace("improve = { copy = 4, first = 5 }", "improve = { named = 4 }")
    .replace('[tasks.first]\nsource = "first.py:First"', '[tasks.named]\nsource = "named.py:Named"')
    .replace(
        "layers = 2\nhidden = 64\nintermediate = 64\nheads = 2",
        'source = "given"\nlora = { rank = 8, alpha = 16.0 }\nchat = "always"\nanswer_tokens = 12',
    )
    .replace("seed_steps = 25", "seed_steps = 30")
    .replace(
        "steps = 40\nbatch = 32",
        'steps = 3\nbatch = 16\nmicro_batch = 4\noptimizer = "adamw"\nother_rate = 5e-3',
    )
    .replace("confidence = 0.1", "confidence = 0.0\nleast_accuracy = 0.0")
    + '[tripwires.label_avalanche]\naction = "record"\n'
)


def adapted_run(root: Path) -> Machine:
    """A machine with a run that has ended."""
    machine, home = Machine(root), root / "home"
    home.mkdir(parents=True)
    (home / "named.py").write_text(NAMED)
    (home / "charter.toml").write_text(ADAPTED)
    write_language_model(home / "given", "qwen3")
    made = machine.detent("init", machine.run, "--from", home / "charter.toml")
    assert made.returncode == 0, made.stderr
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return machine


@pytest.mark.long
def test_a_run_of_adapters_verifies_and_is_made_again_and_keeps_its_base(tmp_path: Path) -> None:
    machine = adapted_run(tmp_path / "machine")
    found, models = entries(machine.run), machine.run / "models"
    first = [entry for entry in found if isinstance(entry, SubjectBuilt)]
    candidates = [entry for entry in found if isinstance(entry, CandidateTrained)]
    base = folder_digest(machine.root / "home" / "given")
    assert {entry.parent for entry in first} == {base}
    assert {entry.lora for entry in first} == {Lora(rank=8, alpha=16.0)}
    assert candidates
    made: list[SubjectBuilt | CandidateTrained] = [*first, *candidates]
    for entry in made:
        folder = models / entry.digest
        assert {path.name for path in folder.iterdir()} == ADAPTER_FILES
        assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == base
        own = sum(numbers_in(path) for path in folder.glob("*.safetensors"))
        assert entry.parameters == ModelStore(models).parameters(base) + own
        assert own < ModelStore(models).parameters(base)
    assert len({entry.digest for entry in made}) == len(made)
    assert all(set(entry.change) and all(entry.change.values()) for entry in candidates)

    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    asked = machine.detent("try", machine.run, "What is named first: red, old? It is ")
    assert asked.returncode == 0, asked.stderr
    stranger = a_stranger(machine, tmp_path / "stranger")
    again = stranger.detent("replay", stranger.run, "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "WRONG" not in again.stdout
    checks = re.findall(r"^(\w+) +equal: ", again.stdout, re.MULTILINE)
    assert {"labels", "visible", "decision"} <= set(checks), again.stdout
    assert base in needed(fold(found)).models

    told = machine.detent("status", machine.run)
    assert f"rank 8, alpha 16, on all-linear; base {base[:8]}" in told.stdout, told.stdout
    for form in ("--adapter", "--merged"):
        exported = machine.detent("export", machine.run, "0", form, "--to", tmp_path / f"out{form}")
        assert exported.returncode == 0, exported.stderr
    assert load(tmp_path / "out--merged").model.config.model_type == "qwen3"
    assert folder_digest(tmp_path / "out--adapter" / "base") == base

    merge(models / first[0].digest, models / base, tmp_path / "merged")
    assert load(tmp_path / "merged").model.config.model_type == "qwen3"
    assert signed_charter(RunFolder(machine.run)).charter.subject.chat == "always"

    shutil.rmtree(models / base)
    without = machine.detent("verify", machine.run)
    assert without.returncode != 0
