"""Collapse: from the second generation on the labeller writes the same thing again and again.

A share of each rung's labels gets the completion of one of them. The twin writes as large a share anew too, each as
it should be.
"""

from collections.abc import Iterator

from msgspec import structs
from staging import Failure, Stage, drawn, relabelled, true_answers

from detent.loop import Parts
from detent.values import Example, Labels

SHARES = (0.25, 0.5, 0.75)


def collapsed(parts: Parts, labels: Labels, share: float) -> Iterator[Example]:
    """So many labels become the first one of their rung."""
    chosen = drawn(parts, labels, share)
    first: dict[tuple[str, int], str] = {}
    for place, one in enumerate(labels.kept):
        favourite = first.setdefault((one.task, one.level), one.completion)
        yield structs.replace(one, completion=favourite) if place in chosen else one


def rewritten(parts: Parts, labels: Labels, share: float) -> Iterator[Example]:
    """So many labels are written anew, each as the task has it."""
    chosen, truth = drawn(parts, labels, share), true_answers(parts)
    for place, one in enumerate(labels.kept):
        yield structs.replace(one, completion=truth[one.task, one.prompt]) if place in chosen else one


def stage(severity: int, harmful: bool) -> Stage:
    share, change = SHARES[severity - 1], collapsed if harmful else rewritten
    watched = (("[run]", '[tripwires.diversity_collapse]\naction = "pause"\n\n[run]'),)
    return Stage(watched, hands=relabelled(lambda parts, labels: change(parts, labels, share), since=2))


FAILURE = Failure(
    "collapse",
    harm="a share of each rung's labels is one and the same completion",
    twin="as large a share is written anew, each as it should be",
    severities=tuple(f"{share:.0%} of the labels" for share in SHARES),  # type: ignore[arg-type]
    wires=("diversity_collapse", "label_avalanche"),
    stage=stage,
    begins=2,
)
