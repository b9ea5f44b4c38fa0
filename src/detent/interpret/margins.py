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

from detent.errors import SubjectError
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
    """The marks that end an answer, of those that both models know; before's count for both.

    Raises:
        Absent: there is none.
    """
    found = tuple(end for end in stop_tokens(*look.before) if end < _words(look))
    if not found:
        raise Absent("nothing that ends an answer is known to both")
    return found


def rows_of(look: Look) -> list[Row]:
    """The job's gained rows, in its order; without those that a model cannot read, or whose answers are the same.

    Raises:
        Absent: there is none.
        SubjectError: a prompt cannot be spelt.
    """
    end = ends_of(look)[0]
    prompts = asked(look.before.tokenizer, [one.prompt for one in look.job.gained])
    room = min(room_of(one.model) for one in (look.before, look.after))
    found = []
    for prompt, one in zip(prompts, look.job.gained, strict=True):
        before, after = (_spelt(look, text, end) for text in (one.before, one.after))
        if before is None or after is None or before == after:
            continue
        longest = len(prompt) + max(len(before), len(after))
        if longest <= room and max(*prompt, *before, *after) < _words(look):
            found.append(Row(tuple(prompt), before, after))
    if not prompts:
        raise Absent("no prompt is answered rightly after and wrongly before")
    if not found:
        raise Absent(f"of {len(prompts)} answers that after gained none can be read by both")
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


def _words(look: Look) -> int:
    return min(words_of(one) for one in (look.before, look.after))


def _spelt(look: Look, text: str, end: int) -> tuple[int, ...] | None:
    """An answer's tokens; None where its text cannot be spelt, since not all that is written can be."""
    try:
        return (*spell_text(look.before.tokenizer, text), end)
    except SubjectError:
        return None
