"""Rows of many lengths read at once: padded on the left, so that all end in one place.

    >>> padded([[5, 6, 7], [8]], "cpu")
    Padded(ids=tensor([[5, 6, 7], [0, 0, 8]]), seen={'attention_mask': ..., 'position_ids': ...})

Only for models that can be told what is padding (`pads`). The default subject is not asked so: its problems come in few
lengths, and what recorded runs say of it was computed in batches of one length, which are bits that `replay` compares.
Natural prompts each have a length of their own.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

SHORT = 512  # positions up to which a model is taken to be asked in few tokens: the default subject's
_TOLD = ("attention_mask", "position_ids")


class Padded(NamedTuple):
    """ids: (B, T). seen: what else the model is told, nothing where no row is shorter than another."""

    ids: Tensor
    seen: dict[str, Tensor]


def pads(model: PreTrainedModel) -> bool:
    """Whether rows of different lengths may be read at once.

    It follows from the model's configuration alone, which its digest covers, so that a job is done the same way again.
    A recurrent model would take padding into its state; one that promises no more positions than the default subject is
    asked as that is.
    """
    positions = room_of(model)
    told = inspect.signature(type(model).forward).parameters
    return SHORT < positions < float("inf") and not model._is_stateful and all(one in told for one in _TOLD)  # noqa: SLF001


def room_of(model: PreTrainedModel) -> float:
    """How many tokens the model promises to read; without end where its configuration says nothing."""
    room = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return room if isinstance(room, int) else float("inf")


def padded(rows: Sequence[Sequence[int]], device: torch.device | str) -> Padded:
    """Token ids of rows as one tensor; padding is id 0, which nothing attends to."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows], device=device)
    if all(len(row) == longest for row in rows):
        return Padded(ids, {})
    mask = mask_of([len(row) for row in rows], longest, device)
    return Padded(ids, {"attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)})


def mask_of(lengths: Sequence[int], width: int, device: torch.device | str) -> Tensor:
    """1 where a row's last `lengths[row]` of `width` tokens stand, else 0: (B, width)."""
    at = torch.arange(width, device=device)
    return (at >= width - torch.tensor(lengths, device=device)[:, None]).long()


def together(lengths: Sequence[int], most: Callable[[int], int]) -> Iterator[list[int]]:
    """Places in `lengths`, longest first, so many at once as `most` says of so many tokens.

    Neighbours are about as long as each other, and need little padding.
    """
    waiting = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while waiting:
        size = most(lengths[waiting[0]])
        yield waiting[:size]
        waiting = waiting[size:]
