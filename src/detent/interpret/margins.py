"""By how much a model prefers after's answer to before's, on prompts where only after's is right.

    >>> rows = rows_of(look)
    >>> margins(look.after.model, rows, ends).mean() - margins(look.before.model, rows, ends).mean()   # the gain
    7.3

An answer is its text as tokens, and then an end: any of the marks that end an answer, so that "12" is not likelier than
"123" only because that begins with it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from detent.interpret.look import Absent, Look, words_of
from detent.interpret.reading import Text, readings
from detent.subject.chat import asked
from detent.subject.generate import stop_tokens
from detent.subject.padding import room_of
from detent.subject.spell import spell_text

LEAST_GAIN = 0.05
"""Nats beneath which shares of a gain say nothing: they would be one rounding over another."""


class Row(NamedTuple):
    """Tokens of a prompt, and of the two models' answers, each with an end mark after it."""

    prompt: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def first(self) -> int:
        """The first place at which the answers differ; either has a token there."""
        return next(
            at for at, (one, other) in enumerate(zip(self.before, self.after, strict=False)) if one != other
        )


def ends_of(look: Look) -> tuple[int, ...]:
    """The marks that end an answer; before's count for both."""
    return stop_tokens(*look.before)


def rows_of(look: Look) -> list[Row]:
    """The job's gained rows, in its order, less those whose answers are the same tokens or too long for a model.

    Raises:
        Absent: there is none.
        SubjectError: a text cannot be spelt.
    """
    tokenizer, end = look.before.tokenizer, ends_of(look)[0]
    prompts = asked(tokenizer, [one.prompt for one in look.job.gained])
    room = min(room_of(one.model) for one in (look.before, look.after))
    words = min(words_of(one) for one in (look.before, look.after))
    found = []
    for prompt, one in zip(prompts, look.job.gained, strict=True):
        before, after = ((*spell_text(tokenizer, text), end) for text in (one.before, one.after))
        ids = (*prompt, *before, *after)
        if before != after and len(prompt) + max(len(before), len(after)) <= room and max(ids) < words:
            found.append(Row(tuple(prompt), before, after))
    if not found:
        raise Absent("no prompt is answered rightly after and wrongly before")
    return found


def margins(model: PreTrainedModel, rows: Sequence[Row], ends: Sequence[int]) -> Tensor:
    """Of each row ln p(after's answer) - ln p(before's), nats (rows,) float64, by teacher forcing.

    Raises:
        SubjectError: the model computes what is not finite.
    """
    texts = [
        Text([*row.prompt, *answer], len(row.prompt), 2 * at + side)
        for at, row in enumerate(rows)
        for side, answer in enumerate((row.before, row.after))
    ]
    last = torch.tensor([text.places - 1 for text in texts])
    sums = torch.zeros(len(texts), dtype=torch.float64)
    for found in readings(model, texts):
        logs = found.logits.double().log_softmax(-1)
        said = logs.gather(-1, found.token[:, None])[:, 0]
        ended = found.place == last.to(found.row.device)[found.row]
        sums.index_add_(0, found.row.cpu(), torch.where(ended, logs[:, ends].logsumexp(-1), said).cpu())
    return sums[1::2] - sums[::2]


def checked(gain: float) -> float:
    """A gain of which shares can be told.

    Raises:
        Absent: it is too near zero.
    """
    if abs(gain) < LEAST_GAIN:
        raise Absent(f"the gain is {gain:.3f} nats, and of less than {LEAST_GAIN} no share can be told")
    return gain
