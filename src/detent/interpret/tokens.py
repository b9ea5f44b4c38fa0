"""What the mean difference of each layer says, in tokens.

    >>> section(look).layers[2].more
    ('7', '8', '9')

Activation difference lens: Minder et al., "Narrow Finetuning Leaves Clearly Readable Traces in Activation Differences",
arXiv 2510.13900: the mean over places of (after - before), read through the final norm and the output of after. What
was trained on narrowly stands in it, also on text that has nothing to do with it. It misleads where a training changed
much, and differently by place: a mean of that is small, and its tokens mean little; so `size` stands beside them.
"""

import torch
from torch import Tensor

from detent.interpret.look import Absent, Look
from detent.interpret.output import Output
from detent.interpret.plain import token_text
from detent.values.inside import TOP, Said, Tokens


def section(look: Look) -> Tokens:
    """The last block's too as it is before the final norm.

    Raises:
        Absent: the widths differ, an output is not to be found, or depths differ and there is too little to match
            layers by.
        SubjectError: a model computes what is not finite.
    """
    before, after = look.seen.before, look.seen.after
    widths = before.layers[0].shape[1], after.layers[0].shape[1]
    if widths[0] != widths[1]:
        raise Absent(f"their widths differ, {widths[0]} and {widths[1]}")
    if before.output is None or after.output is None:
        raise Absent("a final norm is not to be found")
    found: list[Said] = []
    for i, j in look.matched:
        mine, theirs = (layer.double().mean(0) for layer in (before.streams[i], after.streams[j]))
        more, fewer = _tokens(look, after.output, theirs - mine, after.layers[0].dtype)
        found.append(Said((i, j), _share(theirs - mine, mine), more, fewer))
    return Tokens(tuple(found), len(look.seen))


def _share(change: Tensor, of: Tensor) -> float:
    """|change| / |of|; where there is nothing it could be a share of, all of it."""
    size, whole = float(change.norm()), float(of.norm())
    return size / whole if whole else float(size > 0)


def _tokens(
    look: Look, output: Output, change: Tensor, dtype: torch.dtype
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Most raised and most lowered, against what no difference at all says: biases are no part of it."""
    if not bool(change.any()):
        return (), ()
    # Norms divide by a size, plus a little that is no part of it: at a size of 1 it is nothing.
    unit = change / change.square().mean().sqrt()
    some, none = output.says(torch.stack([unit, torch.zeros_like(unit)]).to(dtype)).double()
    raised = (some - none)[: len(look.after.tokenizer)]  # what pads a vocabulary says nothing
    order = torch.argsort(raised, descending=True, stable=True)
    more = [token for token in order[:TOP].tolist() if raised[token] > 0]
    fewer = [token for token in order.flip(0)[:TOP].tolist() if raised[token] < 0]
    named = [tuple(token_text(look.after.tokenizer, one) for one in side) for side in (more, fewer)]
    return named[0], named[1]
