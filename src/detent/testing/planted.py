"""Models with a change that is known: one head's weights, or one MLP's, drawn anew; and what their answers gained.

>>> after = planted_head(before, block=2, head=3, seed=7)
>>> gained_between(before, after, ["C12=", "R123="], limit=6)
(Gained(prompt='C12=', before='0aa', after='}q'),)

What looks for where two models differ must name exactly that.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from detent.interpret.anatomy import Anatomy, Attention, sides
from detent.subject.generate import complete
from detent.subject.load import Subject
from detent.values.inside import Gained

SIZE = 4.0
"""How large what is drawn is, over what was there."""


def untouched(subject: Subject) -> Subject:
    """A copy."""
    return Subject(deepcopy(subject.model), subject.tokenizer)


@torch.no_grad()
def planted_head(subject: Subject, block: int, head: int, *, seed: int, size: float = SIZE) -> Subject:
    """A copy with other queries, keys, values and output of one head; both numbers from 1.

    Keys and values that other heads share stay as they are, for those heads' sake.
    """
    copy = untouched(subject)
    random = torch.Generator().manual_seed(seed)
    attention = Anatomy(copy.model).attention(block - 1)
    for name, module in attention.module.named_modules():
        if module is attention.projection:
            _draw(_own(module).T[_of(head, attention.width)], random, size)
        elif sides(module) is not None and "." not in name:
            for rows in _rows(name, module, attention, head):
                _draw(_own(module)[rows], random, size)
    return copy


@torch.no_grad()
def planted_mlp(subject: Subject, block: int, *, seed: int, size: float = SIZE) -> Subject:
    """A copy with another MLP, all of it, in one block, numbered from 1."""
    copy = untouched(subject)
    random = torch.Generator().manual_seed(seed)
    for value in Anatomy(copy.model).mlp(block - 1).parameters():
        _draw(value, random, size)
    return copy


def gained_between(
    before: Subject, after: Subject, prompts: Sequence[str], *, limit: int
) -> tuple[Gained, ...]:
    """Of the prompts to which the two answer otherwise; after's answer counts as the right one."""
    mine, theirs = (complete(*one, prompts, max_new_tokens=limit) for one in (before, after))
    return tuple(
        Gained(prompt, one.text, other.text)
        for prompt, one, other in zip(prompts, mine, theirs, strict=True)
        if one.text != other.text
    )


def _own(module: nn.Module) -> Tensor:
    """A linear layer's weights as outputs x inputs; a view of them."""
    base: Any = getattr(module, "base_layer", module)
    weight: Tensor = base.weight
    return weight if isinstance(base, nn.Linear) else weight.T


def _rows(name: str, module: nn.Module, attention: Attention, head: int) -> list[slice]:
    """Which outputs of a layer are a head's own, by how kinds of models lay them out."""
    inner = attention.heads * attention.width
    outputs = (sides(module) or (0, 0))[1]
    if name == "query_key_value":  # head after head
        return [_of(head, 3 * attention.width)]
    if outputs == 3 * inner:  # all queries, all keys, all values
        first = _of(head, attention.width)
        return [slice(first.start + part * inner, first.stop + part * inner) for part in range(3)]
    return [_of(head, attention.width)] if outputs == inner else []


def _of(number: int, width: int) -> slice:
    return slice((number - 1) * width, number * width)


def _draw(value: Tensor, random: torch.Generator, size: float) -> None:
    """In place, as large as it was at the root of the mean square, `size` times."""
    scale = float(value.square().mean().sqrt()) or 0.1
    value.copy_(torch.randn(value.shape, generator=random, dtype=torch.float32) * scale * size)
