"""What each layer would say if it were the last, and how far apart the two models are there.

    >>> section(look).divergence[2][0]       # of the third pair of layers, at the first token of the answer
    0.04

Logit lens: nostalgebraist, "interpreting GPT: the logit lens", 2020: the stream after a block goes through the final
norm and the output, each model's own. Where the two part from each other by layer, and by place, is where the change
works. It misleads in early layers, whose directions need not be those of the output: there a divergence says that they
differ, and not what they mean (Belrose et al., "Eliciting Latent Predictions from Transformers with the Tuned Lens",
arXiv 2303.08112, train a translator for each layer against that; nothing is trained here).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from detent.errors import SubjectError
from detent.interpret.look import Absent, Look
from detent.interpret.seen import Seen, Side, divergence
from detent.interpret.words import spoken
from detent.values.inside import Lens

MOST_PLACES = 24
"""Of an answer."""

_LOGITS = 1 << 22  # of one model at a time: 32 MiB in float64


def section(look: Look) -> Lens:
    """At the first places of the answers, up to `MOST_PLACES`. The last layers of both say what the models say.

    Raises:
        Absent: the models do not choose among as many tokens, an output is not to be found, or depths differ and
            there is too little to match layers by.
        SubjectError: a model computes what is not finite.
    """
    said, seen = spoken(look), look.seen
    early = (seen.place < MOST_PLACES).nonzero()[:, 0]
    place = seen.place[early]
    counts = torch.bincount(place)
    last = (len(seen.before.layers) - 1, len(seen.after.layers) - 1)
    rows: list[tuple[float, ...]] = []
    for pair in look.matched:
        found = said.divergence[seen.kept[early]] if pair == last else _between(seen, pair, early)
        sums = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, place, found)
        rows.append(tuple((sums / counts.clamp(min=1)).tolist()))
    return Lens(look.matched, tuple(rows), tuple(counts.tolist()))


def _between(seen: Seen, pair: tuple[int, int], early: Tensor) -> Tensor:
    """KL(after || before) of what two layers would say, at places `early` (n,) of those that are kept."""
    parts = zip(
        _through(seen.before, pair[0], early, seen.outputs[0]),
        _through(seen.after, pair[1], early, seen.outputs[1]),
        strict=True,
    )
    return torch.cat([divergence(before, after).cpu() for before, after in parts])


def _through(side: Side, layer: int, early: Tensor, vocabulary: int) -> Iterator[Tensor]:
    if side.output is None:
        raise Absent("a final norm is not to be found")
    stream = side.streams[layer]
    # What a model says being finite does not make finite what its earlier layers would.
    for some in torch.split(early, max(1, _LOGITS // vocabulary)):
        said = side.output.says(stream[some.to(stream.device)])
        if not bool(said.isfinite().all()):
            raise SubjectError(
                f"finite logits of layer {layer} expected, got others; its weights are of no use: train anew"
            )
        yield said
