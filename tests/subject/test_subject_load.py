"""Loading refuses whatever could run code or is not the model that was asked for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.build import save
from detent.subject.load import load
from detent.values.folder import folder_digest


def test_what_was_saved_comes_back(folder: Path, tiny: PreTrainedModel) -> None:
    model, tokenizer = load(folder, expected_digest=folder_digest(folder))
    assert not model.training
    assert model.dtype == torch.float32
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), tiny.parameters(), strict=True))
    assert tokenizer.decode(tokenizer("S 31=")["input_ids"]) == "S 31="


def test_any_other_causal_model_loads_too(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    config = LlamaConfig(
        vocab_size=97, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    save(LlamaForCausalLM(config), tokenizer, tmp_path / "llama")
    model, loaded = load(tmp_path / "llama")
    assert isinstance(model, LlamaForCausalLM)
    assert loaded.eos_token_id == 1


def test_loading_leaves_the_folder_as_it_was(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    load(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def _drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _add_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors") | {"extra": torch.zeros(1)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _reshape_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 64}))


def _ask_for_remote_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    remote = {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "someone/model--code.Model"}}
    (folder / "config.json").write_text(json.dumps(config | remote))


def _add_below(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "b.pkl").write_bytes(b"")


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle beside the weights": (lambda f: (f / "pytorch_model.bin").write_bytes(b""), "pickles and code"),
    "a pickle in a folder below": (
        _add_below,
        "pickles and code",
    ),
    "a pickle in capitals": (lambda f: (f / "STATE.PT").write_bytes(b""), "pickles and code"),
    "code of its own": (lambda f: (f / "modeling.py").write_text(""), "pickles and code"),
    "only a pickle": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        "pickles and code",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "weights as .safetensors"),
    "weights cut short": (
        lambda f: (f / "model.safetensors").write_bytes(b"\x10"),
        "loads without its own code",
    ),
    "one weight missing": (_drop_a_weight, "missing_keys"),
    "one weight too many": (_add_a_weight, "unexpected_keys"),
    "weights of another shape": (_reshape_config, "expected"),
    "no configuration": (lambda f: (f / "config.json").unlink(), "config.json with model_type"),
    "a configuration that is no JSON": (
        lambda f: (f / "config.json").write_text("{"),
        "config.json with model_type",
    ),
    "a configuration that is a list": (
        lambda f: (f / "config.json").write_text("[]"),
        "config.json with model_type",
    ),
    "an architecture only remote code knows": (_ask_for_remote_code, "loads without its own code"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_folder_that_is_not_a_plain_model_is_refused(attack: str, folder: Path) -> None:
    act, message = ATTACKS[attack]
    act(folder)
    with pytest.raises(SubjectError, match=message):
        load(folder)


def test_a_changed_folder_does_not_pass_for_the_expected_one(folder: Path) -> None:
    expected = folder_digest(folder)
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with pytest.raises(SubjectError, match=f"model {expected} expected"):
        load(folder, expected_digest=expected)
