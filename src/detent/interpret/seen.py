"""What two models make of the same text: read once, and kept for every section that looks at it.

    >>> seen = see(before, after, texts)
    >>> seen.before.layers[1] - seen.after.layers[1]      # (n, d), at the same n places
    >>> seen.said.divergence.mean()                       # over all places

Logits are looked at batch by batch and thrown away; of the layers as many places are kept as `MEMORY` holds, spread
evenly over all of them where it does not hold all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from transformers import PreTrainedModel

from detent.interpret.output import Output, output_of
from detent.interpret.reading import Reading, Text, batches, read, side_by_side
from detent.subject.load import Subject

MEMORY = 1 << 29
"""Bytes that the layers of both models may take."""


@dataclass(frozen=True, slots=True)
class Side:
    """One model at the places that are kept. layers: as in `Reading`.

    stream: of the last block, before the final norm; with `output`, what makes logits of it; None and None where it is
    not to be seen in this kind of model.
    """

    layers: list[Tensor]  # each (n, d)
    stream: Tensor | None  # (n, d)
    output: Output | None

    @property
    def streams(self) -> list[Tensor]:
        """The embedding's output and every block's, the last one's too as it is before the final norm if it is seen."""
        return self.layers if self.stream is None else [*self.layers[:-1], self.stream]

    @property
    def added(self) -> list[Tensor]:
        """The embedding's output, and what every block adds to it."""
        return [self.streams[0], *(after - before for before, after in pairwise(self.streams))]


@dataclass(frozen=True, slots=True)
class Said:
    """What the two say at each of N places: KL(after || before) in nats, and each one's likeliest token."""

    divergence: Tensor  # (N,) float64
    before: Tensor  # (N,)
    after: Tensor  # (N,)
    place: Tensor  # (N,)
    row: Tensor  # (N,)


@dataclass(frozen=True, slots=True)
class Seen:
    """kept: which of the N places the n are that the sides have. outputs: sizes of the two models' logits.

    said: None where these differ.
    """

    before: Side
    after: Side
    said: Said | None
    outputs: tuple[int, int]
    place: Tensor  # (n,)
    row: Tensor  # (n,)
    kept: Tensor  # (n,)

    def __len__(self) -> int:
        """Places that are kept."""
        return len(self.kept)


def see(before: Subject, after: Subject, texts: Sequence[Text]) -> Seen:
    """Read the texts with both.

    Raises:
        SubjectError: a model computes what is not finite.
    """
    kept = _kept(sum(text.places for text in texts), _bytes(before.model) + _bytes(after.model))
    mine, theirs = _Reader(before.model), _Reader(after.model)
    said: list[Said] = []
    where: list[Tensor] = []  # each (2, n): place and row
    outputs = (0, 0)
    start = 0
    for batch in batches(texts, max(_vocabulary(before.model), _vocabulary(after.model))):
        one, other = mine.read(batch), theirs.read(batch)
        end = start + len(one.place)
        chosen = kept[(kept >= start) & (kept < end)] - start
        mine.keep(chosen)
        theirs.keep(chosen)
        where.append(torch.stack([one.place, one.row]).cpu()[:, chosen])
        outputs = (one.logits.shape[1], other.logits.shape[1])
        if outputs[0] == outputs[1]:
            said.append(_said(one, other))
        start = end
    place, row = torch.cat(where, 1)
    return Seen(mine.side(), theirs.side(), _joined(said) if said else None, outputs, place, row, kept)


def divergence(before: Tensor, after: Tensor) -> Tensor:
    """KL(after || before), nats (n,), of logits (n, V); exactly 0 where they are the same."""
    log_a, log_b = (logits.double().log_softmax(-1) for logits in (before, after))
    # Rounding may leave -1e-17.
    return (log_b.exp() * (log_b - log_a)).sum(-1).clamp(min=0.0)


def _said(before: Reading, after: Reading) -> Said:
    return Said(
        divergence(before.logits, after.logits).cpu(),
        before.logits.argmax(-1).cpu(),
        after.logits.argmax(-1).cpu(),
        before.place.cpu(),
        before.row.cpu(),
    )


def _joined(parts: Sequence[Said]) -> Said:
    return Said(
        torch.cat([one.divergence for one in parts]),
        torch.cat([one.before for one in parts]),
        torch.cat([one.after for one in parts]),
        torch.cat([one.place for one in parts]),
        torch.cat([one.row for one in parts]),
    )


def _vocabulary(model: PreTrainedModel) -> int:
    return int(model.config.get_text_config().vocab_size)


def _bytes(model: PreTrainedModel) -> int:
    """Of one place: the layers, and the last stream beside them."""
    config = model.config.get_text_config()
    return int((config.num_hidden_layers + 2) * config.hidden_size * model.dtype.itemsize)


def _kept(places: int, each: int) -> Tensor:
    room = max(1, MEMORY // each)
    return torch.arange(places) if places <= room else torch.arange(room) * places // room


class _Reader:
    """Reads batches with one model, and keeps of the layers what it is told to."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._output = output_of(model)
        self._layers: list[list[Tensor]] = []
        self._streams: list[Tensor] = []
        self._last: tuple[Reading, Tensor | None]

    def read(self, batch: Sequence[Text]) -> Reading:
        if self._output is None:
            found = read(self._model, batch)
            self._last = (found, None)
            return found
        with self._output.caught() as streams:
            found = read(self._model, batch)
        counted = side_by_side(batch, self._model.device).counted
        stream = streams[-1][counted] if streams and streams[-1].shape[:2] == counted.shape else None
        if not self._streams and (stream is None or not self._output.fits(stream[:4], found.logits[:4])):
            self._output = stream = None
        self._last = (found, stream)
        return found

    def keep(self, chosen: Tensor) -> None:
        found, stream = self._last
        self._layers.append([layer[chosen.to(layer.device)] for layer in found.layers])
        if stream is not None:
            self._streams.append(stream[chosen.to(stream.device)])

    def side(self) -> Side:
        layers = [torch.cat(parts) for parts in zip(*self._layers, strict=True)]
        return Side(layers, torch.cat(self._streams) if self._output else None, self._output)
