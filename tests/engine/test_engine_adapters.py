"""An adapter is a model of its own in the store, and worth nothing without the base that its digest covers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from detent.engine import ModelStore, as_chat, check_adapter, check_alike
from detent.errors import DetentError, SubjectError, TrustError
from detent.values import Lora

LORA = Lora(rank=2, alpha=4.0)
LAYER = "model.layers.0.q_proj"


def safetensors(path: Path, **shapes: list[int]) -> None:
    """A file of tensors of zeros, in float32."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(at))


def whole(folder: Path, **config: str) -> Path:
    """A base with one adapted layer of 3 inputs and 5 outputs, and 8 x 3 embeddings: 39 numbers."""
    folder.mkdir(parents=True)
    safetensors(
        folder / "model.safetensors", **{f"{LAYER}.weight": [5, 3], "model.embed_tokens.weight": [8, 3]}
    )
    (folder / "config.json").write_text(json.dumps({"model_type": "none", **config}))
    return folder


def adapter(folder: Path, base: str, *, rank: int = 2, **changes: object) -> Path:
    """2 x 3 and 5 x 2: 16 numbers."""
    folder.mkdir(parents=True)
    names = {
        f"base_model.model.{LAYER}.lora_A.weight": [rank, 3],
        f"base_model.model.{LAYER}.lora_B.weight": [5, rank],
    }
    safetensors(folder / "adapter_model.safetensors", **names)
    config = {
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": 4.0,
        "lora_dropout": 0.0,
        "target_modules": ["q_proj"],
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "bias": "none",
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    return folder


class Stored:
    """A store with a base and an adapter of it."""

    def __init__(self, folder: Path) -> None:
        (folder / "models").mkdir()
        self.folder = folder / "models"
        self.store = ModelStore(self.folder)
        self.base = self.store.admit(whole(folder / "base"))
        self.adapter = self.store.admit(adapter(folder / "new", self.base))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def test_an_adapter_lies_beside_its_base_in_two_files(stored: Stored) -> None:
    assert sorted(path.name for path in (stored.folder / stored.adapter).iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert stored.store.base(stored.adapter) == stored.base
    assert stored.store.base(stored.base) is None


def test_a_models_size_counts_its_base(stored: Stored) -> None:
    assert stored.store.parameters(stored.base) == 39
    assert stored.store.parameters(stored.adapter) == 39 + 16


def test_an_adapter_is_not_given_out_when_its_base_was_changed_or_is_gone(stored: Stored) -> None:
    config = stored.folder / stored.base / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(TrustError, match=f"weights with digest {stored.base}"):
        ModelStore(stored.folder).path(stored.adapter)
    shutil.rmtree(stored.folder / stored.base)
    with pytest.raises(SubjectError, match=f"the model {stored.base} expected"):
        ModelStore(stored.folder).path(stored.adapter)


def test_a_base_that_was_looked_at_before_is_looked_at_anew_when_its_adapter_is(stored: Stored) -> None:
    stored.store.path(stored.adapter)
    (stored.folder / stored.base / "config.json").write_text("{}")
    with pytest.raises(TrustError):
        stored.store.check(stored.adapter)


STRANGE: dict[str, Callable[[Stored, Path], Path]] = {
    "an adapter of a base that is not there": lambda _, new: adapter(new, "0" * 64),
    "an adapter of an adapter": lambda stored, new: adapter(new, stored.adapter),
    "a base named by a path": lambda _, new: adapter(new, "../../etc"),
    "a key that PEFT would import modules by": lambda stored, new: adapter(
        new, stored.base, auto_mapping={"parent_library": "os"}
    ),
    "a tokenizer of its own": lambda stored, new: _and(adapter(new, stored.base), "tokenizer.json"),
    "a whole model with an adapter beside it": lambda stored, new: _and(
        adapter(new, stored.base), "config.json"
    ),
    "a configuration without weights": lambda stored, new: _without(
        adapter(new, stored.base), "adapter_model.safetensors"
    ),
}


def _and(folder: Path, name: str) -> Path:
    (folder / name).write_text("{}")
    return folder


def _without(folder: Path, name: str) -> Path:
    (folder / name).unlink()
    return folder


@pytest.mark.parametrize("case", STRANGE)
def test_the_store_refuses(stored: Stored, tmp_path: Path, case: str) -> None:
    before = sorted(path.name for path in stored.folder.iterdir())
    with pytest.raises(SubjectError):
        stored.store.admit(STRANGE[case](stored, tmp_path / "strange"))
    assert sorted(path.name for path in stored.folder.iterdir()) == before


def test_an_adapter_fits_its_base_and_is_as_the_charter_says(stored: Stored) -> None:
    check_adapter(stored.store.path(stored.base), stored.store.path(stored.adapter), LORA)


UNFIT: dict[str, Callable[[Stored, Path], Path]] = {
    "of another rank": lambda stored, new: adapter(new, stored.base, rank=3),
    "of another alpha": lambda stored, new: adapter(new, stored.base, lora_alpha=9.0),
    "of another base": lambda _, new: adapter(new, "0" * 64),
    "that is none": lambda _, new: whole(new),
    "for layers that the base has not": lambda stored, new: adapter(
        new, stored.base, target_modules=["k_proj"]
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_adapter_is_refused(stored: Stored, tmp_path: Path, case: str) -> None:
    with pytest.raises(SubjectError, match="an adapter"):
        check_adapter(stored.store.path(stored.base), UNFIT[case](stored, tmp_path / "child"), LORA)


def test_an_adapter_that_was_trained_on_has_its_parents_base_and_shape(
    stored: Stored, tmp_path: Path
) -> None:
    parent = stored.store.path(stored.adapter)
    check_alike(parent, adapter(tmp_path / "child", stored.base))
    for name, child in {
        "other base": adapter(tmp_path / "a", "0" * 64),
        "other rank": adapter(tmp_path / "b", stored.base, rank=3),
        "whole": whole(tmp_path / "c"),
    }.items():
        with pytest.raises(DetentError, match="expected"):
            check_alike(parent, child)
        assert name


def with_template(folder: Path, *, in_config: bool) -> Path:
    whole(folder)
    config = {"tokenizer_class": "X"} | ({"chat_template": "{{ messages }}"} if in_config else {})
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if not in_config:
        (folder / "chat_template.jinja").write_text("{{ messages }}")
    return folder


@pytest.mark.parametrize("in_config", [True, False])
def test_a_copy_that_is_never_to_chat_has_no_template(tmp_path: Path, *, in_config: bool) -> None:
    folder = with_template(tmp_path / "given", in_config=in_config)
    for chat in ("auto", "always"):
        as_chat(folder, chat)
    assert ("chat_template" in (folder / "tokenizer_config.json").read_text()) == in_config
    assert (folder / "chat_template.jinja").exists() != in_config
    as_chat(folder, "never")
    assert not (folder / "chat_template.jinja").exists()
    assert json.loads((folder / "tokenizer_config.json").read_text()) == {"tokenizer_class": "X"}


def test_a_model_that_must_chat_and_cannot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match="a chat template expected"):
        as_chat(whole(tmp_path / "given"), "always")
