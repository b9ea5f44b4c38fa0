"""Two models read the same text: what a model writes, and what models make of it place by place.

    >>> texts = written(before, ["R123=", "C77="], [9, 8])
    >>> for mine, theirs in zip(readings(before, texts), readings(after, texts), strict=True):
    ...     mine.logits - theirs.logits  # (n, V), at the same n places

Who wrote a text reads it as it was written (teacher forcing), so one early slip of the other model does not count at
every later place, as it would if each read its own. A *place* is a token of the answer, counted from 0; what stands
there is read off the position before it, which predicts it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from detent.errors import SubjectError
from detent.subject.chat import asked
from detent.subject.generate import complete
from detent.subject.load import Subject

Progress = Callable[[int, int], None]  # (done, of how many)

_ROWS = 32  # texts read at once; more only adds padding
_LOGITS = 1 << 24  # most logits of one model at a time: 128 MiB in float64


class Text(NamedTuple):
    """Tokens of a prompt and its answer, which begins at `start`; `row` is the prompt's number."""

    ids: list[int]
    start: int
    row: int

    @property
    def places(self) -> int:
        """Tokens of the answer."""
        return len(self.ids) - self.start


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model made of a batch, at the n positions that predict a token of an answer.

    layers: the embedding's output and every block's; the last is taken after the final norm, as Hugging Face gives it.
    place, row: which token of the answer it predicts, of which prompt. token: that token.
    """

    logits: Tensor  # (n, V)
    layers: list[Tensor]  # each (n, d)
    place: Tensor  # (n,)
    row: Tensor  # (n,)
    token: Tensor  # (n,)


def written(
    writer: Subject,
    prompts: Sequence[str],
    max_new_tokens: int | Sequence[int],
    on_progress: Progress | None = None,
) -> list[Text]:
    """Each prompt with the writer's greedy answer, as it wrote it: text encoded again need not be the same tokens.

    Raises:
        SubjectError: a prompt cannot be spelt.
    """
    found = complete(*writer, prompts, max_new_tokens=max_new_tokens, on_progress=on_progress)
    encoded = asked(writer.tokenizer, prompts)
    pairs = zip(encoded, found, strict=True)
    return [Text([*ids, *one.tokens], len(ids), row) for row, (ids, one) in enumerate(pairs)]


def readings(model: PreTrainedModel, texts: Sequence[Text]) -> Iterator[Reading]:
    """What a model makes of the texts, batch by batch, in an order that depends on the texts and the vocabulary alone.

    Raises:
        SubjectError: it computes what is not finite.
    """
    for batch in batches(texts, model.config.get_text_config().vocab_size):
        yield read(model, batch)


def batches(texts: Sequence[Text], vocabulary: int) -> Iterator[list[Text]]:
    """Texts by length, so that each batch holds little padding, and no more logits than memory should."""
    waiting = sorted(texts, key=lambda text: len(text.ids), reverse=True)
    while waiting:
        room = _LOGITS // (vocabulary * len(waiting[0].ids))
        rows = max(1, min(_ROWS, room))
        yield waiting[:rows]
        waiting = waiting[rows:]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts side by side, padded on the right, after all that counts, where a causal model cannot see it."""

    ids: Tensor  # (B, T)
    counted: Tensor  # (B, T), bool: the positions that predict a token of an answer
    place: Tensor  # (B, T): which token of it
    row: Tensor  # (B, 1)
    first: int  # the first position that is counted in any text


def side_by_side(batch: Sequence[Text], device: torch.device) -> Batch:
    """The tensors of a batch."""
    longest = max(len(text.ids) for text in batch)
    ids = torch.tensor([text.ids + [0] * (longest - len(text.ids)) for text in batch], device=device)
    starts = torch.tensor([[text.start] for text in batch], device=device)
    ends = torch.tensor([[len(text.ids)] for text in batch], device=device)
    at = torch.arange(1, longest + 1, device=device)  # what the position before predicts
    row = torch.tensor([[text.row] for text in batch], device=device)
    return Batch(ids, (starts <= at) & (at < ends), at - starts, row, int(starts.min()) - 1)


@torch.inference_mode()
def read(model: PreTrainedModel, batch: Sequence[Text]) -> Reading:
    """One batch. Raises as `readings`."""
    laid = side_by_side(batch, model.device)
    kept = laid.ids.shape[1] - laid.first
    out = model(input_ids=laid.ids, use_cache=False, output_hidden_states=True, logits_to_keep=kept)
    counted = laid.counted
    found = Reading(
        logits=out.logits[counted[:, -kept:]],
        layers=[layer[counted] for layer in out.hidden_states],
        place=laid.place[counted],
        row=laid.row.expand_as(laid.place)[counted],
        token=laid.ids.roll(-1, 1)[counted],
    )
    if not all(bool(part.isfinite().all()) for part in (found.logits, *found.layers)):
        raise SubjectError(
            "finite logits and layers expected, got others; its weights are of no use: train anew"
        )
    return found
