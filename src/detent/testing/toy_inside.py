"""What a look inside finds in the toy world, whose models are a horizon a task and nothing else.

>>> toy_inside(job, before=[0.25, 0.5], after=[0.25, 0.75]).words.flips
0.0
"""

from collections.abc import Sequence
from math import log
from statistics import fmean

from detent.values import Interpreted, InterpretJob
from detent.values.inside import Layers, Lens, Moved, Section, Weights, Words

NO_INSIDE = "a model of the toy world has no inside"


def toy_inside(job: InterpretJob, before: Sequence[float], after: Sequence[float]) -> Interpreted:
    """As of two models of one block, whose next token is right or wrong with the chances of the whole answer.

    before, after: each model's chance of a right answer, by prompt.
    """
    pairs = list(zip(before, after, strict=True))
    moved = fmean(abs(b - a) for a, b in pairs)
    divergence = fmean(_divergence(a, b) for a, b in pairs)
    found = Interpreted(
        layers=Layers(similarity=((1.0, 0.5), (0.5, 1.0 - moved)), matched=((0, 0), (1, 1))),
        weights=Weights(modules=(Moved("block 1", moved),), share=moved),
        lens=Lens(layers=((0, 0), (1, 1)), divergence=((0.0,), (divergence,)), counts=(len(pairs),)),
        words=Words(
            divergence=divergence,
            flips=fmean((a > 0.5) != (b > 0.5) for a, b in pairs),  # noqa: PLR2004  likelier right than wrong
            tokens=sum(map(len, job.prompts)),
        ),
        absent={},
    )
    absent: dict[Section, str] = {name: NO_INSIDE for name in job.sections if name not in found.sections}
    asked = {name: getattr(found, name) for name in found.sections if name in job.sections}
    return Interpreted(**asked, absent=absent)


def _divergence(a: float, b: float, least: float = 1e-6) -> float:
    """KL(b || a) of two chances, nats; neither is taken to be nearer to 0 or 1 than `least`, so it is finite."""
    a, b = (min(max(chance, least), 1 - least) for chance in (a, b))
    return max(0.0, b * log(b / a) + (1 - b) * log((1 - b) / (1 - a)))
