"""What each attention head looks at, before and after.

    >>> section(look).heads[5]
    Head(blocks=(2, 2), head=2, entropy=(1.7, 0.4), moved=0.61)

At a place that predicts a token of before's answers, head h of a block looks back with weights w over the positions up
to there, which add up to 1. Its entropy there is -sum w ln w, nats: 0 where it looks at one position, ln t where it
looks at all t alike. `moved` is half of sum |w_after - w_before|, the total variation distance: 0 where both look at
the same, 1 where they share no position. Both are means over all places of all texts; padding is no place.

Where a head looks is not what it does: one that looks elsewhere may carry over the same, and one that looks where it
did may put out something else (Jain and Wallace, "Attention is not Explanation", arXiv 1902.10186). So `patches` stands
beside it.

Heads correspond by their number, in blocks that correspond. New heads stand after the old ones (`subject.reshape`), so
they are the unmatched; where one was taken out of the middle, those after it are compared with their neighbours.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from detent.errors import SubjectError
from detent.interpret.anatomy import EAGER, Anatomy, Attention, attending
from detent.interpret.look import Absent, Look
from detent.interpret.reading import Batch, Text, side_by_side
from detent.values.inside import Head, Heads

MOST = 1024
"""Heads that are kept: of more, those that moved most."""

_NUMBERS = 1 << 26
"""Weights that are held at once: 256 MiB in float32."""


def section(look: Look) -> Heads:
    """Of every head that both have.

    Raises:
        Absent: attention is not to be found, or hands out no weights, or layers cannot be matched.
        SubjectError: the weights are no numbers.
    """
    look.check_words()
    bodies = [Anatomy(one.model) for one in (look.before, look.after)]
    blocks = [(i - 1, j - 1) for i, j in look.matched if i and j]
    pairs = [(bodies[0].attention(i), bodies[1].attention(j)) for i, j in blocks]
    sums = [torch.zeros(3, min(mine.heads, theirs.heads), dtype=torch.float64) for mine, theirs in pairs]
    with ExitStack() as stack:
        for body in bodies:
            stack.enter_context(attending(body.model, EAGER))
        for batch in _batches(look.texts, [one for pair in pairs for one in pair]):
            mine, theirs = (
                _weights(body, [pair[side] for pair in pairs], batch) for side, body in enumerate(bodies)
            )
            for total, one, other in zip(sums, mine, theirs, strict=True):
                total.add_(_figures(one, other, total.shape[1]))
    places = sum(text.places for text in look.texts)
    found = [
        Head(
            (i + 1, j + 1), at + 1, (float(total[0, at]), float(total[1, at])), min(1.0, float(total[2, at]))
        )
        for (i, j), total in zip(blocks, (one / places for one in sums), strict=True)
        for at in range(total.shape[1])
    ]
    kept = sorted(sorted(range(len(found)), key=lambda at: -found[at].moved)[:MOST])
    return Heads(
        tuple(found[at] for at in kept), places, sum(abs(mine.heads - theirs.heads) for mine, theirs in pairs)
    )


def _figures(before: Tensor, after: Tensor, common: int) -> Tensor:
    """Sums over places of both entropies and of the distance, of the first `common` heads: (3, common)."""
    one, other = (weights[:, :common] for weights in (before, after))
    found = (
        torch.special.entr(one).sum(-1),
        torch.special.entr(other).sum(-1),
        (other - one).abs().sum(-1) / 2,
    )
    sums = torch.stack([figure.double().sum(0) for figure in found]).cpu()
    if not bool(sums.isfinite().all()):
        raise SubjectError(
            "finite attention expected, got other; a model's weights are of no use: train anew"
        )
    return sums


def _batches(texts: Sequence[Text], attentions: Sequence[Attention]) -> Iterator[list[Text]]:
    """Texts by length, so many at once that what is kept of all blocks, and one block's weights, find room."""
    heads, most = sum(one.heads for one in attentions), max(one.heads for one in attentions)
    waiting = sorted(texts, key=lambda text: len(text.ids), reverse=True)
    while waiting:
        longest, places = len(waiting[0].ids), max(text.places for text in waiting)
        rows = max(1, _NUMBERS // (longest * max(heads * places, most * longest)))
        yield waiting[:rows]
        waiting = waiting[rows:]


@torch.inference_mode()
def _weights(body: Anatomy, attentions: Sequence[Attention], batch: Sequence[Text]) -> list[Tensor]:
    """Of each attention its weights where a token of an answer is predicted: (n, H, T)."""
    laid = side_by_side(batch, body.model.device)
    with ExitStack() as stack:
        caught = [stack.enter_context(_caught(one, laid)) for one in attentions]
        body.model(input_ids=laid.ids, use_cache=False, logits_to_keep=1)
    if not all(caught):
        raise Absent("attention of this kind of model hands out no weights")
    return [found[-1] for found in caught]


@contextmanager
def _caught(attention: Attention, laid: Batch) -> Iterator[list[Tensor]]:
    """What an attention hands out beside its output, if that is its weights."""
    found: list[Tensor] = []
    rows, long = laid.ids.shape
    shape = (rows, attention.heads, long, long)

    def catch(_module: nn.Module, _given: Any, out: Any) -> None:
        beside = [one for one in out if isinstance(one, Tensor)] if isinstance(out, tuple) else []
        found.extend(one.transpose(1, 2)[laid.counted].float() for one in beside if one.shape == shape)

    hook = attention.module.register_forward_hook(catch)
    try:
        yield found
    finally:
        hook.remove()
