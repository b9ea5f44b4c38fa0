"""Where the parts of a decoder are: its blocks, and in each attention, what it puts out by, and the MLP.

    >>> body = Anatomy(model)
    >>> body.attention(0).heads, body.parts["embedding"]
    (4, ('model.embed_tokens',))

For any Hugging Face decoder, also inside a PeftModel or with an adapter's layers in it: found by shape and by what is
called when, and by names only where several fit. Blocks are counted from 0 here. What cannot be found is `Absent`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from detent.interpret.look import Absent
from detent.interpret.output import whole

EMBEDDING, OUTPUT = "embedding", "final norm and output"
EAGER = "eager"
"""Attention that hands out its weights."""

_ATTENTIONS = frozenset({"attn", "attention", "self_attn", "self_attention"})
_MLPS = ("mlp", "moe", "ffn", "feed_forward", "feedforward", "expert")


@dataclass(frozen=True, slots=True)
class Attention:
    """projection: linear, from `heads` x `width` inputs, head after head, to the stream."""

    module: nn.Module
    projection: nn.Module
    heads: int
    width: int

    @torch.inference_mode()
    def outputs(self) -> Tensor:
        """What each head is put out by: (heads, width, d), an adapter's share in it. A bias belongs to no head."""
        like = next(self.projection.parameters())
        ones = torch.eye(self.heads * self.width, dtype=like.dtype, device=like.device)
        found: Tensor = self.projection(ones) - self.projection(torch.zeros_like(ones[:1]))
        return found.reshape(self.heads, self.width, -1)


class Anatomy:
    """The parts of one model.

    model: what is inside a PeftModel, which computes the same. blocks: in their order. name: of their list.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Find the blocks.

        Raises:
            Absent: there is no list of as many as the configuration says.
        """
        self.model: PreTrainedModel = whole(model)
        self._config: Any = self.model.config.get_text_config()
        self.name, found = _blocks(self.model, int(self._config.num_hidden_layers))
        self.blocks: tuple[nn.Module, ...] = tuple(found)

    @property
    def width(self) -> int:
        """Of the stream."""
        return int(self._config.hidden_size)

    def attention(self, block: int) -> Attention:
        """Attention of a block.

        Raises:
            Absent: none is to be seen, or nothing that puts its heads out.
        """
        config, heads = self._config, int(self._config.num_attention_heads)
        for module in _attentions(self.blocks[block]):
            given = getattr(module, "head_dim", None) or getattr(config, "head_dim", None)
            width = int(given or config.hidden_size // heads)
            fits = [one for one in _linears(module) if sides(one) == (heads * width, self.width)]
            if fits:
                return Attention(module, fits[-1], heads, width)
        raise Absent(f"no attention of {heads} heads is to be seen in block {block + 1}")

    def mlp(self, block: int) -> nn.Module:
        """What adds to the stream beside attention; a mixture of experts is one. Of bare layers the last.

        Raises:
            Absent: there is none.
        """
        attention = set(self.attention(block).module.modules())
        beside = {
            name: module
            for name, module in self.blocks[block].named_children()
            if any(True for _ in module.parameters())
            and attention.isdisjoint(module.modules())
            and "norm" not in f"{name} {type(module).__name__}".lower()
        }
        called = [
            module
            for name, module in beside.items()
            if any(word in f"{name} {type(module).__name__}".lower() for word in _MLPS)
        ]
        bare = [module for module in beside.values() if (sides(module) or (0, 0))[1] == self.width]
        if not called and not bare:
            raise Absent(f"no MLP is to be seen in block {block + 1}")
        return called[0] if called else bare[-1]

    @cached_property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The embedding, each block, and the output: names of the modules that each is made of.

        Whatever is called before the first block is of the embedding, whatever after it of the output.

        Raises:
            Absent: weights belong to the whole, and to no part of it.
        """
        around: dict[str, nn.Module] = dict(_owners(self.model, "", self.name))
        if "" in around or any(self.name.startswith(f"{name}.") for name in around):
            raise Absent("weights belong to its body as a whole, and to no part of it")
        called = self._called(around)
        first = called.index(self.name)
        blocks = {f"block {at + 1}": (f"{self.name}.{at}",) for at in range(len(self.blocks))}
        return {EMBEDDING: tuple(called[:first]), **blocks, OUTPUT: tuple(called[first + 1 :])}

    @torch.inference_mode()
    def _called(self, around: dict[str, nn.Module]) -> list[str]:
        """The names of these modules and of the blocks' list in the order in which they are called."""
        found: dict[str, None] = {}
        hooks = [
            module.register_forward_pre_hook(lambda *_, name=name: found.setdefault(name))
            for name, module in (*around.items(), (self.name, self.blocks[0]))
        ]
        ids = torch.zeros(1, 1, dtype=torch.long, device=self.model.device)
        try:
            self.model(input_ids=ids, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()
        return list(found)


def sides(module: nn.Module) -> tuple[int, int] | None:
    """Inputs and outputs of a linear layer, also of one with an adapter; None of anything else."""
    base = getattr(module, "base_layer", module)
    if isinstance(base, nn.Linear):
        return base.in_features, base.out_features
    if isinstance(base, Conv1D):
        return int(base.weight.shape[0]), int(base.weight.shape[1])
    return None


@contextmanager
def attending(model: PreTrainedModel, how: str) -> Iterator[None]:
    """Attention is computed that way meanwhile, where the model's kind can be told."""
    was = model.config._attn_implementation  # noqa: SLF001  transformers has no other way to ask
    if was == how:
        yield
        return
    model.set_attn_implementation(how)
    try:
        yield
    finally:
        model.set_attn_implementation(was)


def _blocks(model: nn.Module, depth: int) -> tuple[str, nn.ModuleList]:
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if not lists:
        raise Absent(f"no list of {depth} blocks is to be seen in it")
    # Experts may be as many as blocks: they are inside, so smaller.
    return max(lists, key=lambda one: sum(value.numel() for value in one[1].parameters()))


def _attentions(block: nn.Module) -> Iterator[nn.Module]:
    """From the outermost inwards."""
    for name, module in block.named_modules():
        if name.rpartition(".")[2] in _ATTENTIONS or "attention" in type(module).__name__.lower():
            yield module


def _linears(module: nn.Module) -> Iterator[nn.Module]:
    """Linear layers in a module, in their order; not what an adapted one is made of."""
    for child in module.children():
        if sides(child) is None:
            yield from _linears(child)
        else:
            yield child


def _owners(module: nn.Module, name: str, without: str) -> Iterator[tuple[str, nn.Module]]:
    """The outermost modules that have weights of their own, those in the module `without` left out."""
    if name == without:
        return
    if hasattr(module, "base_layer") or any(True for _ in module.parameters(recurse=False)):
        yield name, module
        return
    for called, child in module.named_children():
        yield from _owners(child, f"{name}.{called}" if name else called, without)
