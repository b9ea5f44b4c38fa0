"""Whether a reshaped model is what its parent becomes by one edit: its configuration, its tensors, all else as it was.

    >>> check_reshaped(models.path(parent), models.path(digest), AddBlock(at=3))
    >>> shape_of(models.path(parent)).layers
    3

What weights say nobody here can tell: that an edit kept the function is measured where models run, and the edit is
made again by whoever replays the generation.
"""

import re
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from detent.engine.likeness import ARCHITECTURE, ASPECTS, TENSORS, check_same
from detent.errors import SubjectError
from detent.values.adapters import adapter_in
from detent.values.shape import MOST, AddBlock, Edit, RemoveBlock, Rotary, Shape, reshape

_LISTS = ("layer_types", "no_rope_layers")
"""Keys of a configuration that have a place for each block."""

_BLOCK = re.compile(r"^(model\.layers\.)([0-9]{1,9})(\..+)$")

_PARTS = {
    "q_proj": ("heads", "hidden"),
    "k_proj": ("groups", "hidden"),
    "v_proj": ("groups", "hidden"),
    "o_proj": ("hidden", "heads"),
    "gate_proj": ("intermediate", "hidden"),
    "up_proj": ("intermediate", "hidden"),
    "down_proj": ("hidden", "intermediate"),
    "input_layernorm": ("hidden",),
    "post_attention_layernorm": ("hidden",),
    "norm": ("hidden",),
    "embed_tokens": ("", "hidden"),
    "lm_head": ("", "hidden"),
}
"""What each dimension of a layer's weight counts, by the layer's name; a bias has the first. "": what never changes."""

Tensors = Mapping[str, tuple[str, list[int]]]
"""dtype and shape of each, by name."""


def shape_of(folder: Path) -> Shape:
    """The shape of the model in a folder, by its configuration.

    Raises:
        SubjectError: it is an adapter, or its configuration does not say what that of a decoder of the Llama kind says.
    """
    if adapter_in(folder) is not None:
        raise SubjectError(f"a whole model expected in {folder}, got an adapter; adapters cannot be reshaped")
    return _shape(ASPECTS[ARCHITECTURE](folder), folder)


def check_reshaped(parent: Path, child: Path, edit: Edit) -> None:
    """Believe that `child` is what the edit makes of `parent`.

    Raises:
        SubjectError: another configuration, other tensors, another tokenizer or way of answering than follow.
        UsageError: the parent cannot take the edit.
    """
    before = shape_of(parent)
    after = reshape(before, edit)
    config = {key: read(parent) for key, read in ASPECTS.items()}
    wanted = config | {
        ARCHITECTURE: config[ARCHITECTURE] | _changed(config[ARCHITECTURE], after, edit),
        TENSORS: tensors_after(config[TENSORS], before, after, edit),
    }
    for what, read in ASPECTS.items():
        got = read(child)
        if what == ARCHITECTURE:  # how wide a head is may be said, or follow from what is said
            got = _with_width(got)
        check_same(f"a reshaped model with the {what} that follows", wanted[what], got, child)


def _with_width(config: Mapping[str, Any]) -> dict[str, Any]:
    hidden, heads = config.get("hidden_size"), config.get("num_attention_heads")
    if isinstance(hidden, int) and isinstance(heads, int) and heads > 0:
        return {"head_dim": hidden // heads, **config}
    return dict(config)


def parameters_after(folder: Path, edit: Edit) -> int:
    """How many numbers the model in a folder has once it is edited.

    Raises:
        SubjectError: it is no model that can be reshaped.
        UsageError: it cannot take the edit.
    """
    before = shape_of(folder)
    found = tensors_after(ASPECTS[TENSORS](folder), before, reshape(before, edit), edit)
    return sum(prod(shape) for _, shape in found.values())


def tensors_after(
    tensors: Tensors, before: Shape, after: Shape, edit: Edit
) -> dict[str, tuple[str, list[int]]]:
    """The tensors that the edit makes of these."""
    found = {}
    places: dict[int, list[int]] = {}
    for place, like in enumerate(_likes(before.layers, edit)):
        places.setdefault(like, []).append(place)
    for name, (dtype, shape) in tensors.items():
        resized = (dtype, _resized(name, shape, before, after))
        if (block := _BLOCK.match(name)) is None:
            found[name] = resized
            continue
        found |= {f"{block[1]}{place}{block[3]}": resized for place in places.get(int(block[2]), ())}
    return found


def _shape(config: Mapping[str, Any], folder: Path) -> Shape:
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        shape = Shape(
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            heads=heads,
            groups=int(config.get("num_key_value_heads") or heads),
            width=int(config.get("head_dim") or hidden // heads),
            rotary=tuple(bool(one) for one in config.get("no_rope_layers") or ()),
            activation=str(config.get("hidden_act", "silu")),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise SubjectError(
            f"a configuration with layers, hidden size and heads expected in {folder}, got one without "
            f"({type(error).__name__}: {error}); such a model cannot be reshaped"
        ) from error
    sizes = (shape.layers, shape.hidden, shape.intermediate, shape.heads, shape.groups, shape.width)
    lists = {len(config[key]) for key in _LISTS if isinstance(config.get(key), list) and config[key]}
    if min(sizes) < 1 or max(sizes) > MOST or shape.heads % shape.groups or lists - {shape.layers}:
        raise SubjectError(
            f"sizes from 1 to {MOST} that go together, and a place for each layer, expected in {folder}, got "
            f"{shape.said}; such a model cannot be reshaped"
        )
    return shape


def _changed(config: Mapping[str, Any], after: Shape, edit: Edit) -> dict[str, Any]:
    """What the edit says otherwise in a configuration."""
    lists = {
        key: [config[key][like] for like in _likes(len(config[key]), edit)]
        for key in _LISTS
        if isinstance(config.get(key), list) and config[key]
    }
    if isinstance(edit, Rotary):
        lists["no_rope_layers"] = [int(one) for one in edit.layers]
    return {**after.config, **lists}


def _likes(layers: int, edit: Edit) -> Sequence[int]:
    """Of each block after the edit, the block before it that it is like."""
    every = list(range(layers))
    match edit:
        case AddBlock(at=at):
            return [*every[:at], min(at, layers - 1), *every[at:]]
        case RemoveBlock(at=at):
            return [*every[:at], *every[at + 1 :]]
        case _:
            return every


def _resized(name: str, shape: list[int], before: Shape, after: Shape) -> list[int]:
    """A tensor's shape after the edit."""
    layer = name.rpartition(".")[0].rpartition(".")[2]
    parts = _PARTS.get(layer, ())
    if any(size != before.sizes[part] for part, size in zip(parts, shape, strict=False) if part):
        return shape  # not the layer that its name says: it stays, and cannot be what follows
    return [
        after.sizes[part] if part else size
        for part, size in zip((*parts, *[""] * len(shape)), shape, strict=False)
    ]
