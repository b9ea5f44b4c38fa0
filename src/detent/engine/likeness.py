"""Whether a trained model is of its parent's kind: training changes the values of weights, and nothing else.

>>> check_alike(models.path(job.parent), models.path(digest))
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from detent.errors import SubjectError
from detent.values import Lora, sha256_hex
from detent.values.adapters import adapter_in
from detent.values.weights import tensors_in

PASSING = ("transformers_version", "_name_or_path", "dtype", "torch_dtype")
"""Keys of config.json and generation_config.json that say who wrote it, and when; the others say what the model is."""

GENERATION = "generation_config.json"
"""Says, beside other things, which tokens end an answer; where it is missing, config.json does."""

TOKENIZER = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
)
MOMENTARY = {
    *("padding", "truncation"),
    *(
        "max_length",
        "stride",
        "truncation_side",
        "truncation_strategy",
        "pad_to_multiple_of",
        "pad_token_type_id",
    ),
    *("is_local", "local_files_only", "name_or_path", "tokenizer_file", "transformers_version"),
}
"""Keys of the tokenizer's files that say how it was last called, from where and by which version; not what it does."""

LARGEST = 64 << 20
"""Bytes of a configuration or a file of the tokenizer's: twice the largest that were seen."""

_WEIGHT = ".weight"
_MATRIX = 2  # dimensions


def check_alike(parent: Path, child: Path) -> None:
    """Believe that the model in `child` is of the kind of the one in `parent`.

    Raises:
        SubjectError: it has another architecture, other tensors, another tokenizer or another way of answering, or its
            files do not say; or one is an adapter and the other none, or an adapter of another base or shape.
    """
    kinds = ["a whole model" if adapter_in(folder) is None else "an adapter" for folder in (parent, child)]
    if kinds[0] != kinds[1]:
        raise SubjectError(f"{kinds[0]} expected in {child}, as its parent is, got {kinds[1]}; run again")
    for what, read in (_OF_ADAPTERS if kinds[0] == "an adapter" else ASPECTS).items():
        check_same(f"a trained model with its parent's {what}", read(parent), read(child), child)


def check_same(wanted: str, said: Mapping[str, Any], got: Mapping[str, Any], child: Path) -> None:
    """Hold what a model in `child` says of itself, by its files, against what it should.

    wanted: what it should be, in words.

    Raises:
        SubjectError: it says something else.
    """
    if said != got:
        name = min(key for key in said.keys() | got.keys() if said.get(key) != got.get(key))
        raise SubjectError(
            f"{wanted} expected, with {name} {_short(said.get(name))}, got {_short(got.get(name))} in {child}; run "
            "again"
        )


def check_adapter(base: Path, child: Path, lora: Lora) -> None:
    """Believe that the model in `child` is an adapter as `lora` says, of the whole model in `base`, and fits it.

    Raises:
        SubjectError: it is none, belongs to another base, has another shape, or has tensors that the base's layers
            cannot take.
    """
    found = adapter_in(child)
    if found is None:
        raise SubjectError(
            f"an adapter expected in {child}, as the charter says, got a whole model; run again"
        )
    wanted = (base.name, lora.rank, lora.alpha, lora.dropout)
    if (got := (found.base, found.r, found.lora_alpha, found.lora_dropout)) != wanted:
        raise SubjectError(
            f"an adapter with base, rank, alpha and dropout {wanted} expected in {child}, got {got}; run again"
        )
    weights, given = _tensors(base), _tensors(child)
    layers = [
        name
        for name, (_, shape) in weights.items()
        if name.endswith(_WEIGHT)
        and len(shape) == _MATRIX
        and name.removesuffix(_WEIGHT).rpartition(".")[2] in found.target_modules
    ]
    fitting = {key: shape for name in layers for key, shape in _beside(name, weights[name][1], found.r)}
    if fitting != given:
        name = min(key for key in fitting.keys() | given.keys() if fitting.get(key) != given.get(key))
        raise SubjectError(
            f"an adapter with tensors for its base's layers expected, with {name} {_short(fitting.get(name))}, got "
            f"{_short(given.get(name))} in {child}; run again"
        )


def _beside(name: str, shape: list[int], rank: int) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    """The two tensors that an adapter has for a weight (out, in)."""
    stem = f"base_model.model.{name.removesuffix(_WEIGHT)}"
    yield f"{stem}.lora_A.weight", ("F32", [rank, shape[1]])
    yield f"{stem}.lora_B.weight", ("F32", [shape[0], rank])


def _adapter(folder: Path) -> dict[str, Any]:
    found = adapter_in(folder)
    return {} if found is None else structs.asdict(found)


def _architecture(folder: Path) -> dict[str, Any]:
    config = _json(folder / "config.json")
    return {key: value for key, value in config.items() if key not in PASSING}


def _generation(folder: Path) -> dict[str, Any]:
    """How the model is asked; no file says something else than one that says nothing."""
    path = folder / GENERATION
    if not path.is_file():
        return {}
    return {GENERATION: "there"} | {key: value for key, value in _json(path).items() if key not in PASSING}


def _tensors(folder: Path) -> dict[str, Any]:
    """The dtype and shape of each tensor, by name."""
    return {
        name: (tensor.dtype, list(tensor.shape))
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in tensors_in(path).items()
    }


def _tokenizer(folder: Path) -> dict[str, Any]:
    """What each of its files says, as a digest."""
    found = {}
    for path in (folder / name for name in TOKENIZER):
        if not path.is_file():
            continue
        content = _content(path)
        if path.suffix == ".json":
            said = {key: value for key, value in _json(path).items() if key not in MOMENTARY}
            content = json.dumps(said, sort_keys=True).encode()
        found[path.name] = sha256_hex(content)
    return found


def _json(path: Path) -> dict[str, Any]:
    return _parsed(_content(path), path)


def _content(path: Path) -> bytes:
    """The bytes of a file beside the weights, which is read as a whole."""
    size = path.stat().st_size
    if size > LARGEST:
        raise SubjectError(f"at most {LARGEST:,} bytes expected in {path}, got {size:,}; run again")
    return path.read_bytes()


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SubjectError(f"JSON expected in {path}, got something else: {error}; run again") from error
    if not isinstance(found, dict):
        raise SubjectError(f"a JSON object expected in {path}, got {_short(found)}; run again")
    return found


def _short(value: object) -> str:
    return "none" if value is None else repr(value)[:60]


ARCHITECTURE, TENSORS = "architecture", "tensors"

ASPECTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ARCHITECTURE: _architecture,
    "way of answering": _generation,
    TENSORS: _tensors,
    "tokenizer": _tokenizer,
}
"""What a model says of itself by its files."""

_OF_ADAPTERS: dict[str, Callable[[Path], dict[str, Any]]] = {"adapter": _adapter, "tensors": _tensors}
