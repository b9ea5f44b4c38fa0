"""What the two models say, token by token of the text that before wrote: how far apart, and where it flips.

    >>> section(look).examples[0]
    Flip(prompt='C12=', so_far='1', before='2', after='<|end|>', divergence=3.1)

Both read the same text, so that one early slip does not count at every later place (`reading`). A flip is a place whose
likeliest token is another; the two may say nearly the same there, and may differ much where nothing flips.
"""

import torch

from detent.interpret.look import Absent, Look
from detent.interpret.plain import plain, plain_end, token_text
from detent.interpret.seen import Said
from detent.values.inside import MOST_FLIPS, Flip, Words


def section(look: Look) -> Words:
    """Over all places.

    Raises:
        Absent: the models do not choose among as many tokens.
        SubjectError: a model computes what is not finite.
    """
    said = spoken(look)
    flipped = said.before != said.after
    order = torch.argsort(said.divergence, descending=True, stable=True)
    examples = order[flipped[order]][:MOST_FLIPS].tolist()
    return Words(
        divergence=float(said.divergence.mean()),
        flips=float(flipped.double().mean()),
        tokens=len(flipped),
        examples=tuple(_flip(look, said, at) for at in examples),
    )


def spoken(look: Look) -> Said:
    """What both say. Raises as `section`."""
    if look.seen.said is None:
        before, after = look.seen.outputs
        raise Absent(f"they do not choose among as many tokens, {before} and {after}")
    return look.seen.said


def _flip(look: Look, said: Said, at: int) -> Flip:
    tokenizer = look.before.tokenizer
    row, place = int(said.row[at]), int(said.place[at])
    text = next(text for text in look.texts if text.row == row)
    answered = text.ids[text.start : text.start + place]
    return Flip(
        prompt=plain(look.job.prompts[row]),
        so_far=plain_end(str(tokenizer.decode(answered, skip_special_tokens=False))),
        before=token_text(tokenizer, int(said.before[at])),
        after=token_text(tokenizer, int(said.after[at])),
        divergence=float(said.divergence[at]),
    )
