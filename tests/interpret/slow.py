"""A slow and simple reading: one text at a time, no batch, no padding."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from detent.interpret.look import Look


def slow_reading(look: Look) -> Iterator[tuple[Any, Any, slice]]:
    """Of each text what both models make of it, and the positions that predict a token of the answer."""
    for text in look.texts:
        ids = torch.tensor([text.ids])
        with torch.no_grad():
            before, after = (
                one.model(input_ids=ids, output_hidden_states=True) for one in (look.before, look.after)
            )
        yield before, after, slice(text.start - 1, len(text.ids) - 1)


def slow_layers(look: Look) -> tuple[list[Tensor], list[Tensor]]:
    """Hidden states of both models, a tensor (n, d) a layer."""
    sides: list[list[list[Tensor]]] = [[], []]
    for *both, counted in slow_reading(look):
        for side, one in zip(sides, both, strict=True):
            side.append([layer[0, counted] for layer in one.hidden_states])
    mine, theirs = ([torch.cat(parts) for parts in zip(*side, strict=True)] for side in sides)
    return mine, theirs


def slow_chances(look: Look) -> tuple[Tensor, Tensor, Tensor, list[tuple[int, int]]]:
    """Distributions (n, V) of both, KL(after || before) (n,), and each one's (row, place)."""
    found: list[list[Tensor]] = [[], []]
    where: list[tuple[int, int]] = []
    for text, (before, after, counted) in zip(look.texts, slow_reading(look), strict=True):
        found[0].append(before.logits[0, counted].double().softmax(-1))
        found[1].append(after.logits[0, counted].double().softmax(-1))
        where += [(text.row, place) for place in range(text.places)]
    a, b = (torch.cat(side) for side in found)
    return a, b, (b * (b / a).log()).sum(-1), where
