"""Contamination: a seed is used twice, and labels are made for problems that the model is measured on.

The open profile's problems of the same generation stand in the training data. The twin takes as many prompts from
another stream, which no test is drawn from.
"""

from functools import partial

from staging import Failure, Stage, other_prompts

from detent.evaluate import ladder_rungs, profile_items, public_stream
from detent.loop import Parts
from detent.values import Item

LEAKED = (4, 16, 64)
"""Problems a rung, of 64 that the profile asks."""


def _items(parts: Parts, stream: str, generation: int) -> list[Item]:
    seed = public_stream(parts.charter.run.seed, stream, generation)
    return profile_items(parts.tasks, ladder_rungs(parts.tops, max(LEAKED)), seed)


def stage(severity: int, harmful: bool) -> Stage:
    stream = "visible" if harmful else "elsewhere"
    return Stage(
        hands=lambda parts, _: other_prompts(parts, partial(_items, parts, stream), LEAKED[severity - 1])
    )


FAILURE = Failure(
    "contaminated",
    harm="labels are made for problems of the profile that the model is measured on",
    twin="as many of the prompts come from another stream",
    severities=tuple(f"{each} of 64 problems a rung" for each in LEAKED),  # type: ignore[arg-type]
    wires=("contamination", "train_gate_gap"),
    stage=stage,
    generations=2,
)
