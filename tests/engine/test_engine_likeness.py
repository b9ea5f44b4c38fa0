"""A trained model is of its parent's kind: what may differ, and what may not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detent.engine import check_alike
from detent.errors import SubjectError
from detent.testing.models import write_model

SIDE = {
    "tokenizer_config.json": '{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}',
    "special_tokens_map.json": '{"eos_token": "<eos>"}',
    "added_tokens.json": '{"<eos>": 1}',
    "chat_template.jinja": "{{ messages }}",
    "generation_config.json": '{"eos_token_id": 1, "transformers_version": "5"}',
}
"""What stands beside a tokenizer, and beside a configuration."""


def model(folder: Path, weights: bytes = b"1234", **config: Any) -> Path:
    """A folder as a worker leaves it, with a tokenizer."""
    write_model(folder, weights)
    (folder / "config.json").write_text(json.dumps({"model_type": "smollm3", "hidden_size": 8} | config))
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}, "padding": null}')
    for name, said in SIDE.items():
        (folder / name).write_text(said)
    return folder


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return model(tmp_path / "parent")


ALIKE: dict[str, Callable[[Path], object]] = {
    "weights have other values": lambda folder: model(folder, b"4321"),
    "another version of the library wrote it": lambda folder: model(folder, transformers_version="9"),
    "another version of the library wrote how it is asked": lambda folder: broken(
        folder, "generation_config.json", b'{"transformers_version": "9", "eos_token_id": 1}'
    ),
    "the tokenizer was last called with padding": lambda folder: (
        model(folder) / "tokenizer.json"
    ).write_text('{"padding": {"length": 9}, "model": {"vocab": {"a": 0}}}'),
    "the tokenizer was last called with a length, and loaded from a folder": lambda folder: beside(
        folder,
        "tokenizer_config.json",
        '"max_length": 7, "stride": 0, "is_local": true, "local_files_only": true',
    ),
}


def beside(folder: Path, name: str, more: str) -> None:
    """A file beside the tokenizer says more."""
    broken(folder, name, SIDE[name].replace("}", f", {more}}}").encode())


@pytest.mark.parametrize("case", ALIKE)
def test_a_model_is_of_its_parents_kind_when(parent: Path, tmp_path: Path, case: str) -> None:
    ALIKE[case](tmp_path / "child")
    check_alike(parent, tmp_path / "child")


def broken(folder: Path, name: str, content: bytes) -> None:
    (model(folder) / name).write_bytes(content)


def retyped(folder: Path, old: bytes, new: bytes) -> None:
    """A header says something else of the same bytes."""
    weights = model(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(old, new))


NOT_ALIKE: dict[str, tuple[Callable[[Path], object], str]] = {
    "it is of another type": (
        lambda f: model(f, model_type="llama"),
        "architecture .* 'smollm3', got 'llama'",
    ),
    "it is wider": (lambda f: model(f, hidden_size=16), "hidden_size 8, got 16"),
    "it counts positions otherwise": (lambda f: model(f, no_rope_layers=[1]), "no_rope_layers none, got"),
    "it brings code": (lambda f: model(f, auto_map={"A": "b"}), "auto_map none, got"),
    "it has more weights": (lambda f: model(f, b"12345"), r"tensors .* \('U8', \[4\]\), got \('U8', \[5\]\)"),
    "its weights are of another type": (
        lambda f: retyped(f, b'"U8"', b'"I8"'),
        r"tensors .* \('U8', \[4\]\), got \('I8', \[4\]\)",
    ),
    "its tokenizer is of another class": (
        lambda f: broken(f, "tokenizer_config.json", b'{"tokenizer_class": "ByT5Tokenizer"}'),
        "tokenizer_config.json",
    ),
    "its tokenizer adds tokens as it is loaded": (
        lambda f: beside(f, "tokenizer_config.json", '"added_tokens_decoder": {"5": {"content": "R"}}'),
        "tokenizer_config.json",
    ),
    "it has other special tokens": (
        lambda f: broken(f, "special_tokens_map.json", b'{"eos_token": "7"}'),
        "special_tokens_map.json",
    ),
    "it has more tokens": (lambda f: beside(f, "added_tokens.json", '"yes": 2'), "added_tokens.json"),
    "it is asked in other words": (
        lambda f: broken(f, "chat_template.jinja", b"say yes"),
        "chat_template.jinja",
    ),
    "it has other tokens": (
        lambda f: broken(f, "tokenizer.json", b'{"model": {"vocab": {"b": 0}}}'),
        "tokenizer expected",
    ),
    "it has another tokenizer beside": (lambda f: broken(f, "merges.txt", b"a b"), "merges.txt none, got"),
    "its answers end at another token": (
        lambda f: broken(f, "generation_config.json", b'{"eos_token_id": 7}'),
        "way of answering expected, with eos_token_id 1, got 7",
    ),
    "its answers never end": (
        lambda f: broken(f, "generation_config.json", b'{"transformers_version": "5"}'),
        "eos_token_id 1, got none",
    ),
    "it answers more loosely": (
        lambda f: beside(f, "generation_config.json", '"do_sample": true'),
        "do_sample none, got True",
    ),
    "nothing says how it is asked": (
        lambda f: (model(f) / "generation_config.json").unlink(),
        "eos_token_id 1, got none",
    ),
    "its configuration is none": (lambda f: broken(f, "config.json", b"["), "JSON expected"),
    "its configuration is as large as all memory": (
        lambda f: endless(f, "config.json"),
        "at most 67,108,864 bytes expected in .*config.json, got 1,099,511,627,776",
    ),
    "a file of its tokenizer is": (
        lambda f: endless(f, "merges.txt"),
        "at most 67,108,864 bytes expected in .*merges.txt",
    ),
    "its configuration is a list": (lambda f: broken(f, "config.json", b"[]"), "a JSON object expected"),
    "its tensors have no shape": (
        lambda f: broken(f, "model.safetensors", b"\x07" + bytes(7) + b'{"a":1}'),
        "a safetensors header with shapes expected",
    ),
    "its weights are none": (
        lambda f: broken(f, "model.safetensors", b"\x01" * 8),
        "a safetensors header with shapes expected",
    ),
}


def endless(folder: Path, name: str) -> None:
    """A file of a terabyte that takes no room on the disk."""
    with (model(folder) / name).open("ab") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("case", NOT_ALIKE)
def test_a_model_is_refused_when(parent: Path, tmp_path: Path, case: str) -> None:
    make, said = NOT_ALIKE[case]
    make(tmp_path / "child")
    with pytest.raises(SubjectError, match=said):
        check_alike(parent, tmp_path / "child")
