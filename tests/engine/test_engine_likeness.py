"""A trained model is of its parent's kind: what may differ, and what may not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detent.engine import check_alike
from detent.errors import SubjectError
from detent.testing.models import write_model


def model(folder: Path, weights: bytes = b"1234", **config: Any) -> Path:
    """A folder as a worker leaves it, with a tokenizer."""
    write_model(folder, weights)
    (folder / "config.json").write_text(json.dumps({"model_type": "smollm3", "hidden_size": 8} | config))
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}, "padding": null}')
    return folder


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return model(tmp_path / "parent")


ALIKE: dict[str, Callable[[Path], object]] = {
    "weights have other values": lambda folder: model(folder, b"4321"),
    "another version of the library wrote it": lambda folder: model(folder, transformers_version="9"),
    "the tokenizer was last called with padding": lambda folder: (
        model(folder) / "tokenizer.json"
    ).write_text('{"padding": {"length": 9}, "model": {"vocab": {"a": 0}}}'),
}


@pytest.mark.parametrize("case", ALIKE)
def test_a_model_is_of_its_parents_kind_when(parent: Path, tmp_path: Path, case: str) -> None:
    ALIKE[case](tmp_path / "child")
    check_alike(parent, tmp_path / "child")


def broken(folder: Path, name: str, content: bytes) -> None:
    (model(folder) / name).write_bytes(content)


NOT_ALIKE: dict[str, tuple[Callable[[Path], object], str]] = {
    "it is of another type": (
        lambda f: model(f, model_type="llama"),
        "architecture .* 'smollm3', got 'llama'",
    ),
    "it is wider": (lambda f: model(f, hidden_size=16), "hidden_size 8, got 16"),
    "it counts positions otherwise": (lambda f: model(f, no_rope_layers=[1]), "no_rope_layers none, got"),
    "it brings code": (lambda f: model(f, auto_map={"A": "b"}), "auto_map none, got"),
    "it has more weights": (lambda f: model(f, b"12345"), r"tensors .* content \[4\], got \[5\]"),
    "it has other tokens": (
        lambda f: broken(f, "tokenizer.json", b'{"model": {"vocab": {"b": 0}}}'),
        "tokenizer expected",
    ),
    "it has another tokenizer beside": (lambda f: broken(f, "merges.txt", b"a b"), "merges.txt none, got"),
    "its configuration is none": (lambda f: broken(f, "config.json", b"["), "JSON expected"),
    "its configuration is a list": (lambda f: broken(f, "config.json", b"[]"), "a JSON object expected"),
    "its tensors have no shape": (
        lambda f: broken(f, "model.safetensors", b"\x07" + bytes(7) + b'{"a":1}'),
        "a tensor with its shape expected",
    ),
    "its weights are none": (lambda f: broken(f, "model.safetensors", b"\x01" * 8), "JSON expected"),
}


@pytest.mark.parametrize("case", NOT_ALIKE)
def test_a_model_is_refused_when(parent: Path, tmp_path: Path, case: str) -> None:
    make, said = NOT_ALIKE[case]
    make(tmp_path / "child")
    with pytest.raises(SubjectError, match=said):
        check_alike(parent, tmp_path / "child")
