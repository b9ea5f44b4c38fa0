"""Answers to prompts of many lengths, side by side: a row that has ended leaves, and one that waits takes its place.

    >>> manner = Manner(stops=(2,), temperature=0.0, seed=0)
    >>> for row in written(model, rows_of(prompts, limits, manner), manner, at_once):
    ...     row.place, row.tokens, row.chances

Longest prompts first. Rows are padded on the left (`padding`). Each step writes one token of every row; ended rows are
dropped from the batch and from its keys and values, and once a quarter of the room is free the next prompts are read
and join (continuous batching: Yu et al., "Orca", OSDI 2022, s. 3.2). Nothing follows from the clock or from free
memory, so that the same job is done in the same batches.

Not `model.generate_batch` of transformers, which does the like with paged keys and values: it runs in a thread of its
own, draws samples from the process's random state, and tells no probabilities of what was drawn at another temperature.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

from detent.subject.padding import mask_of, padded

# Tokens of prompts in one pass, at the most: more outgrow a processor's caches (docs/benchmarks.md).
READ_AT_ONCE = 1 << 12
FREE = 4  # the part of the room, one in so many, that is free before others are let in: reading them stops the rest
ENDED = (
    8  # the part of the rows that has ended before they are dropped: each time all keys and values are copied
)
_FINE = 1 << 40  # parts that a sample's probabilities are counted in


class Manner(NamedTuple):
    """stops: ids that end an answer. temperature: 0 takes the likeliest token. seed: of samples."""

    stops: tuple[int, ...]
    temperature: float
    seed: int


class Written(NamedTuple):
    """What was written after the prompt at `place`, the end mark included.

    chances: of each token, at temperature 1.
    """

    place: int
    tokens: list[int]
    chances: list[float]


@dataclass(slots=True)
class Row:
    """An answer that is to be written, and what is written of it."""

    place: int
    ids: Sequence[int]
    limit: int
    draws: Tensor | None  # (limit,), in [0, 1)
    tokens: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    ended: bool = False

    @property
    def most(self) -> int:
        """Tokens of prompt and answer."""
        return len(self.ids) + self.limit

    @property
    def kept(self) -> int:
        """Tokens whose keys and values are kept: all but the one written last."""
        return len(self.ids) + len(self.tokens) - 1


def written(
    model: PreTrainedModel, rows: Sequence[Row], manner: Manner, at_once: Callable[[int], int]
) -> Iterator[Written]:
    """Each row's answer, as soon as it has ended.

    Args:
        model: one that `pads`, in evaluation mode; the caller has switched gradients off.
        rows: as `rows_of` makes them, each to be written once.
        manner: how a token is chosen, and what ends an answer.
        at_once: how many rows of so many tokens, prompt and answer, are written side by side.
    """
    waiting = list(rows)
    batch = _Batch(model, manner)
    while waiting or batch.rows:
        room = at_once(max(row.most for row in [*batch.rows, *waiting[:1]]))
        free = room - len(batch.rows)
        if waiting and (not batch.rows or (batch.joinable and free * FREE >= room)):
            news, waiting = waiting[:free], waiting[free:]
            yield from batch.admit(news)
        else:
            yield from batch.step()


def rows_of(prompts: Sequence[Sequence[int]], limits: Sequence[int], manner: Manner) -> list[Row]:
    """What is to be written, longest prompt first.

    What samples are drawn by is drawn here: a sample depends on the seed and on the prompt's place among all, and not
    on what is written beside it.

    Args:
        prompts: token ids, at least one each.
        limits: the most new tokens of each, the end mark included.
        manner: how a token is chosen.
    """
    noise = torch.Generator().manual_seed(manner.seed)
    drawn = [
        torch.rand(limit, generator=noise, dtype=torch.float64) if manner.temperature else None
        for limit in limits
    ]
    rows = [
        Row(place, ids, limit, draws)
        for place, (ids, limit, draws) in enumerate(zip(prompts, limits, drawn, strict=True))
    ]
    return sorted(rows, key=lambda row: (-len(row.ids), -row.limit))


class _Batch:
    """Rows being written, with their keys and values: of every row the last `kept` columns, before them padding."""

    def __init__(self, model: PreTrainedModel, manner: Manner) -> None:
        self.rows: list[Row] = []
        self._model = model
        self._manner = manner
        self._stops = set(manner.stops)
        self._cache: Any = self._empty()
        # Rows of other widths cannot be put beside these where a layer keeps but a window of its keys and values.
        self.joinable = all(type(layer) is DynamicLayer for layer in self._cache.layers)
        self._width = 0  # columns of keys and values
        self._mask: Tensor | None = None  # (B, width), None where nothing is padding

    def _empty(self) -> DynamicCache:
        return DynamicCache(config=self._model.config)

    def admit(self, news: Sequence[Row]) -> Iterator[Written]:
        """Read prompts, write a first token after each, and let them join."""
        self._drop()
        start = 0
        while start < len(news):
            size = max(1, READ_AT_ONCE // len(news[start].ids)) if self.joinable else len(news)
            some = news[start : start + size]
            start += len(some)
            yield from self._admit(some)
        self._drop()

    def _admit(self, some: Sequence[Row]) -> Iterator[Written]:
        batch = padded([row.ids for row in some], self._model.device)
        cache = self._empty()
        out = self._model(
            input_ids=batch.ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **batch.seen
        )
        found = list(self._take(some, out.logits[:, -1]))
        self._join(some, cache, batch.ids.shape[1])
        yield from found

    def step(self) -> Iterator[Written]:
        """Write one more token of every row."""
        device = self._model.device
        feed = torch.tensor([[row.tokens[-1]] for row in self.rows], device=device)  # (B, 1)
        seen: dict[str, Tensor] = {}
        if self._mask is not None:
            self._mask = pad(self._mask, (0, 1), value=1)
            seen = {"attention_mask": self._mask, "position_ids": self._mask.sum(-1, keepdim=True) - 1}
        out = self._model(
            input_ids=feed, past_key_values=self._cache, use_cache=True, logits_to_keep=1, **seen
        )
        self._width += 1
        yield from self._take(self.rows, out.logits[:, -1])
        if sum(row.ended for row in self.rows) * ENDED >= len(self.rows):
            self._drop()

    def _take(self, rows: Sequence[Row], logits: Tensor) -> Iterator[Written]:
        """Choose a token of each row by its `logits` (B, V); what a row that has ended goes on with is nobody's."""
        logits = logits.float()
        draws = None
        if self._manner.temperature:
            at = [row.draws[min(len(row.tokens), row.limit - 1)] for row in rows if row.draws is not None]
            draws = torch.stack(at).to(logits.device)
        token = chosen(logits, self._manner.temperature, draws)
        chance = (logits.gather(-1, token[:, None])[:, 0] - logits.logsumexp(-1)).exp()
        both = torch.stack([token.double(), chance.double()], 1).tolist()  # one wait for the device, not two
        for row, (number, sure) in zip(rows, both, strict=True):
            row.tokens.append(int(number))
            row.chances.append(sure)
            if not row.ended and (int(number) in self._stops or len(row.tokens) == row.limit):
                row.ended = True
                yield Written(row.place, list(row.tokens), list(row.chances))

    def _join(self, news: Sequence[Row], cache: Any, width: int) -> None:
        if self.rows:
            wide = max(self._width, width)
            for mine, theirs in zip(self._cache.layers, cache.layers, strict=True):
                mine.keys = torch.cat([_wider(mine.keys, wide), _wider(theirs.keys, wide)])
                mine.values = torch.cat([_wider(mine.values, wide), _wider(theirs.values, wide)])
            self._width = wide
        else:
            self._cache, self._width = cache, width
        self.rows = [*self.rows, *news]
        self._see()

    def _drop(self) -> None:
        """Rows that have ended leave, and with them the columns that are padding to all who stay."""
        stay = [at for at, row in enumerate(self.rows) if not row.ended]
        if len(stay) == len(self.rows):
            return
        self.rows = [self.rows[at] for at in stay]
        if not self.rows:
            self._cache, self._width, self._mask = self._empty(), 0, None
            return
        self._cache.batch_select_indices(torch.tensor(stay, device=self._model.device))
        if self.joinable and (width := max(row.kept for row in self.rows)) < self._width:
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[..., -width:, :], layer.values[..., -width:, :]
            self._width = width
        self._see()

    def _see(self) -> None:
        kept = [row.kept for row in self.rows]
        whole = min(kept) == self._width
        self._mask = None if whole else mask_of(kept, self._width, self._model.device)


def chosen(logits: Tensor, temperature: float, draws: Tensor | None) -> Tensor:
    """The next token of each row of `logits` (B, V): the likeliest, or the one that `draws` (B,) in [0, 1) falls on.

    Probabilities are counted in whole parts, whose sums no order of adding changes: of the same logits a draw falls on
    the same token beside every kind of device.
    """
    if draws is None:
        return logits.argmax(-1)
    edges = ((logits / temperature).softmax(-1) * _FINE).long().cumsum(-1)  # (B, V)
    at = (draws * edges[:, -1]).long()  # (B,)
    return torch.searchsorted(edges, at[:, None], right=True)[:, 0]


def _wider(kept: Tensor, width: int) -> Tensor:
    """Keys or values (B, heads, T, w) with columns of zeros before them: (B, heads, width, w)."""
    return pad(kept, (0, 0, width - kept.shape[-2], 0))
