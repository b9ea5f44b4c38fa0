"""A model of another shape from a model: what both have keeps its weights, and what is new says nothing yet.

    >>> wider = reshaped(model, WidenHidden(by=64), seed=7)
    >>> distance(model, wider, tokenizer, prompts)          # largest difference of two logits, over the largest
    1.2e-06

For decoders of the Llama kind: RMSNorm before attention and a gated MLP, grouped keys and values, with or without
rotary positions, biases, tied embeddings and norms on queries and keys (Llama, Qwen 2 and 3, SmolLM 2 and 3).

How each edit keeps the function. What is new is drawn as the model's own initialisation draws it, and one factor of
each new product is zero, so that it adds nothing; one alone, or its gradient would be zero too.

    AddBlock         attention's and the MLP's outputs (o, down) are zero: the block passes the stream on
    WidenMlp         new columns of down are zero
    AddHeads         new columns of o are zero
    SplitKeyValues   each new head's rows are its old one's
    WidenHidden      the new places of the stream stay zero, since nothing writes there: embeddings, o and down. RMSNorm
                     then divides by a mean over more places; the stream is made sqrt(D'/D) times as large, the norms'
                     gains as much smaller, and eps stays, since it also serves the norms of queries and keys

Growing by zeros: Chen et al., "Net2Net" (arXiv 1511.05641); with RMSNorm and heads as here: Gesmundo & Maile,
"Composable Function-preserving Expansions for Transformer Architectures" (arXiv 2308.06103), sections 3.1 to 3.6. Keys
and values merged by their mean: Ainslie et al., "GQA" (arXiv 2305.13245), section 2.1.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from detent.errors import SubjectError
from detent.subject.lora import is_adapted
from detent.values.shape import (
    Activate,
    AddBlock,
    AddHeads,
    Edit,
    MergeKeyValues,
    RemoveBlock,
    RemoveHeads,
    Rotary,
    SplitKeyValues,
    WidenHidden,
    WidenMlp,
)

FAMILIES = ("llama", "qwen2", "qwen3", "smollm3")
"""By `model_type`; SmolLM 2 is a Llama."""

_BLOCK = re.compile(r"^(model\.layers\.)(\d+)(\..+)$")
_PER_LAYER = ("layer_types", "no_rope_layers")
"""Keys of a configuration that are lists with a place for each block."""

Weights = dict[str, Tensor]


def reshaped(model: PreTrainedModel, edit: Edit, *, seed: int) -> PreTrainedModel:
    """A new model, in evaluation mode; the same arguments give the same weights, bit for bit.

    Raises:
        SubjectError: the model is of no kind that is known here, is an adapter, or cannot take the edit.
    """
    kind = getattr(model.config, "model_type", "")
    if kind not in FAMILIES:
        raise SubjectError(
            f"a model of type {', '.join(FAMILIES)} expected, got {kind!r}; others cannot be reshaped"
        )
    if is_adapted(model):
        raise SubjectError("a whole model expected, got one with an adapter; merge it first")
    try:
        config, place = _EDITS[type(edit)](model, edit)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            new = type(model)(config)
    except (ValueError, KeyError, StrictDataclassError) as error:
        said = " ".join(str(error).split())
        raise SubjectError(f"a shape that {kind} can have expected, got {edit}: {said}") from error
    new.to(dtype=model.dtype)  # type: ignore[call-arg]
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    drawn = {name: value.detach().clone() for name, value in new.state_dict().items()}
    new.load_state_dict(place(weights, drawn))
    new.tie_weights()
    new.generation_config = model.generation_config  # how it is asked does not change
    new.eval()  # type: ignore[no-untyped-call]
    return new


def moved(name: str, edit: Edit) -> str:
    """What a weight is called after an edit, where it is there at all; of a block that goes "".

    >>> moved("model.layers.2.mlp.up_proj.weight", AddBlock(at=1))
    'model.layers.3.mlp.up_proj.weight'
    """
    match edit:
        case AddBlock(at=at):
            return _moved(name, lambda layer: layer + (layer >= at))
        case RemoveBlock(at=at):
            gone = name.startswith(f"model.layers.{at}.")
            return "" if gone else _moved(name, lambda layer: layer - (layer > at))
        case _:
            return name


def distance(
    one: PreTrainedModel, other: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> float:
    """The largest difference between two logits of any position of these texts, over the largest logit of the first.

    Where that is below 1, the difference as it is.
    """
    found, largest = 0.0, 1.0
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([tokenizer(text)["input_ids"]], device=one.device)
            first, second = one(input_ids=ids).logits, other(input_ids=ids).logits
            found = max(found, float((first - second).abs().max()))
            largest = max(largest, float(first.abs().max()))
    return found / largest


class Heads:
    """How a model's attention is cut: heads and groups of keys and values, and how wide each is."""

    def __init__(self, model: PreTrainedModel) -> None:
        config: Any = model.config
        self.heads = int(config.num_attention_heads)
        self.groups = int(config.num_key_value_heads)
        self.each = self.heads // self.groups
        self.width = int(getattr(config, "head_dim", None) or config.hidden_size // self.heads)


Place = Callable[[Weights, Weights], Weights]
"""(the model's weights, the new model's as drawn) -> the new model's."""


def _with(model: PreTrainedModel, **changes: object) -> Any:
    """The model's configuration with these changes; how wide a head is stays as it is."""
    # Made anew, and not changed: what the library checks of a configuration it checks when one is made.
    return type(model.config).from_dict({**model.config.to_dict(), "head_dim": Heads(model).width, **changes})


def _at_least_one(edit: Edit, number: int) -> None:
    if number < 1:
        raise SubjectError(f"an edit by 1 or more expected, got {edit}")


def _into_corner(old: Tensor, new: Tensor) -> Tensor:
    """The old values where both have places."""
    new[tuple(slice(0, size) for size in old.shape)] = old
    return new


def _add_block(model: PreTrainedModel, edit: AddBlock) -> tuple[Any, Place]:
    layers = int(model.config.num_hidden_layers)
    if not 0 <= edit.at <= layers:
        raise SubjectError(f"a place from 0 to {layers} expected, got {edit}")
    like = min(edit.at, layers - 1)
    lists = {
        name: [*(kept := list(getattr(model.config, name)))[: edit.at], kept[like], *kept[edit.at :]]
        for name in _lists(model)
    }

    def place(weights: Weights, drawn: Weights) -> Weights:
        for name, value in weights.items():
            drawn[moved(name, edit)] = value
        for name, value in drawn.items():
            found = _BLOCK.match(name)
            if found and int(found[2]) == edit.at and (".o_proj." in name or ".down_proj." in name):
                value.zero_()
        return drawn

    return _with(model, num_hidden_layers=layers + 1, **lists), place


def _remove_block(model: PreTrainedModel, edit: RemoveBlock) -> tuple[Any, Place]:
    layers = int(model.config.num_hidden_layers)
    if not 0 <= edit.at < layers or layers == 1:
        raise SubjectError(f"a block of several, from 0 to {layers - 1}, expected, got {edit}")
    lists = {
        name: [value for at, value in enumerate(getattr(model.config, name)) if at != edit.at]
        for name in _lists(model)
    }

    def place(weights: Weights, _: Weights) -> Weights:
        return {new: value for name, value in weights.items() if (new := moved(name, edit))}

    return _with(model, num_hidden_layers=layers - 1, **lists), place


def _lists(model: PreTrainedModel) -> list[str]:
    return [name for name in _PER_LAYER if getattr(model.config, name, None)]


def _moved(name: str, where: Callable[[int], int]) -> str:
    found = _BLOCK.match(name)
    return f"{found[1]}{where(int(found[2]))}{found[3]}" if found else name


def _widen_mlp(model: PreTrainedModel, edit: WidenMlp) -> tuple[Any, Place]:
    _at_least_one(edit, edit.by)
    before = int(model.config.intermediate_size)

    def place(weights: Weights, drawn: Weights) -> Weights:
        for name, value in weights.items():
            drawn[name] = _into_corner(value, drawn[name])
            if name.endswith(".down_proj.weight"):
                drawn[name][:, before:] = 0
        return drawn

    return _with(model, intermediate_size=before + edit.by), place


def _add_heads(model: PreTrainedModel, edit: AddHeads) -> tuple[Any, Place]:
    _at_least_one(edit, edit.groups)
    now = Heads(model)
    heads, groups = now.heads + edit.groups * now.each, now.groups + edit.groups

    def place(weights: Weights, drawn: Weights) -> Weights:
        for name, value in weights.items():
            drawn[name] = _into_corner(value, drawn[name])
            if name.endswith(".o_proj.weight"):
                drawn[name][:, now.heads * now.width :] = 0
        return drawn

    return _with(model, num_attention_heads=heads, num_key_value_heads=groups), place


def _remove_heads(model: PreTrainedModel, edit: RemoveHeads) -> tuple[Any, Place]:
    now = Heads(model)
    if not 0 <= edit.at < now.groups or now.groups == 1:
        raise SubjectError(f"a group of several, from 0 to {now.groups - 1}, expected, got {edit}")

    def place(weights: Weights, _: Weights) -> Weights:
        kept = {".q_proj.": now.each * now.width, ".k_proj.": now.width, ".v_proj.": now.width}
        for name, value in weights.items():
            for part, size in kept.items():
                if part in name:
                    weights[name] = _without(value, 0, edit.at * size, size)
            if name.endswith(".o_proj.weight"):
                size = now.each * now.width
                weights[name] = _without(value, 1, edit.at * size, size)
        return weights

    heads = now.heads - now.each
    return _with(model, num_attention_heads=heads, num_key_value_heads=now.groups - 1), place


def _without(value: Tensor, dimension: int, start: int, size: int) -> Tensor:
    rest = value.shape[dimension] - start - size
    return torch.cat(
        [value.narrow(dimension, 0, start), value.narrow(dimension, start + size, rest)], dimension
    )


def _split_key_values(model: PreTrainedModel, edit: SplitKeyValues) -> tuple[Any, Place]:
    now = Heads(model)
    if edit.times < 2 or now.each % edit.times:  # noqa: PLR2004
        raise SubjectError(
            f"two or more times, of which {now.each} heads a group is a multiple, expected, got {edit}"
        )
    return _with(model, num_key_value_heads=now.groups * edit.times), _on_key_values(
        lambda value: value.repeat_interleave(edit.times, 0), now
    )


def _merge_key_values(model: PreTrainedModel, edit: MergeKeyValues) -> tuple[Any, Place]:
    now = Heads(model)
    if edit.times < 2 or now.groups % edit.times:  # noqa: PLR2004
        raise SubjectError(f"two or more, of which {now.groups} groups is a multiple, expected, got {edit}")
    return _with(model, num_key_value_heads=now.groups // edit.times), _on_key_values(
        lambda value: value.reshape(-1, edit.times, *value.shape[1:]).mean(1), now
    )


def _on_key_values(change: Callable[[Tensor], Tensor], now: Heads) -> Place:
    """change: of weights (groups, width, ...) to those of as many groups as there are to be."""

    def place(weights: Weights, _: Weights) -> Weights:
        return {
            name: change(value.reshape(now.groups, now.width, *value.shape[1:])).flatten(0, 1)
            if ".k_proj." in name or ".v_proj." in name
            else value
            for name, value in weights.items()
        }

    return place


def _widen_hidden(model: PreTrainedModel, edit: WidenHidden) -> tuple[Any, Place]:
    _at_least_one(edit, edit.by)
    before = int(model.config.hidden_size)
    larger = math.sqrt((before + edit.by) / before)
    tied = bool(model.config.tie_word_embeddings)

    def place(weights: Weights, drawn: Weights) -> Weights:
        for name, value in weights.items():
            if name == "model.embed_tokens.weight":
                drawn[name].zero_()
                drawn[name][:, :before] = value * larger
            elif ".o_proj." in name or ".down_proj." in name:
                drawn[name].zero_()
                drawn[name][:before] = value * larger
            elif (
                value.ndim == 1
                and value.shape[0] == before
                and name.endswith("norm.weight")
                and not _on_heads(name)
            ):
                # The output reads embeddings that were made larger, where it has none of its own.
                smaller = larger**2 if tied and name == "model.norm.weight" else larger
                drawn[name] = _into_corner(value, drawn[name]) / smaller
            elif name != "lm_head.weight" or not tied:
                drawn[name] = _into_corner(value, drawn[name])
        if tied and "lm_head.weight" in drawn:
            drawn["lm_head.weight"] = drawn["model.embed_tokens.weight"]
        return drawn

    return _with(model, hidden_size=before + edit.by), place


def _on_heads(name: str) -> bool:
    return ".q_norm." in name or ".k_norm." in name


def _rotary(model: PreTrainedModel, edit: Rotary) -> tuple[Any, Place]:
    layers = int(model.config.num_hidden_layers)
    if not hasattr(model.config, "no_rope_layers"):
        raise SubjectError(
            f"a model whose configuration has no_rope_layers expected, got {model.config.model_type}"
        )
    now = tuple(bool(one) for one in model.config.no_rope_layers or ())
    if len(edit.layers) != layers or edit.layers == now:
        raise SubjectError(f"yes or no for each of {layers} layers, not all as now, expected, got {edit}")
    return _with(model, no_rope_layers=[int(one) for one in edit.layers]), _as_they_are


def _activate(model: PreTrainedModel, edit: Activate) -> tuple[Any, Place]:
    if edit.activation == model.config.hidden_act:
        raise SubjectError(f"another activation than now expected, got {edit}")
    return _with(model, hidden_act=edit.activation), _as_they_are


def _as_they_are(weights: Weights, _: Weights) -> Weights:
    return weights


_EDITS: Mapping[type, Callable[[PreTrainedModel, Any], tuple[Any, Place]]] = {
    AddBlock: _add_block,
    WidenMlp: _widen_mlp,
    AddHeads: _add_heads,
    SplitKeyValues: _split_key_values,
    WidenHidden: _widen_hidden,
    Rotary: _rotary,
    MergeKeyValues: _merge_key_values,
    Activate: _activate,
    RemoveBlock: _remove_block,
    RemoveHeads: _remove_heads,
}
