"""What looking inside takes, at the most: the models' answers, and what they read again for each figure.

    >>> looking(1_000, 1_000, ["C12="], extra=4, lenses=0)
    72000.0

Counted as in `compute`. What follows from weights alone, or from what models computed when they read, is not counted:
it asks no model.
"""

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from detent.evaluate.compute import answering
from detent.values import Explained, Interpreted, Room


def looking(first: int, second: int, prompts: Sequence[str], extra: Room, lenses: int) -> float:
    """Of a model of `first` parameters that answers, and of both that then read prompts and answers.

    lenses: pairs of layers that are read through the outputs of their models, each as much as a reading at the most.
    """
    return answering(first, prompts, extra) + (1 + lenses) * answering(first + second, prompts, extra)


def always_looking(entry: Explained, sizes: Mapping[str, int], prompts: Sequence[str], extra: Room) -> float:
    """Of the looks of every generation. One without figures counts for nothing: perhaps nothing could be drawn.

    Raises:
        KeyError: a model's size is not known.
    """
    total = 0.0
    for field, (before, after) in entry.pairs.items():
        found = entry.found.get(field)
        if found is not None and found.sections:
            total += looking(sizes[before], sizes[after], prompts, extra, _lenses(found))
    return total


def deeper_looking(
    entry: Explained, sizes: Mapping[str, int], asked: tuple[Sequence[str], Sequence[str]], extra: Room
) -> float:
    """Of the look when a person is asked; see `inside` for what is asked of whom.

    The models that probes are tested on answer all problems, write them once more, and read them. The two read what
    the one before writes to the prompts. Each splice and patch is a run of the two over both answers to what was
    gained.

    Args:
        entry: with how many were gained, and the models.
        sizes: parameters by digest.
        asked: the prompts on which two models are compared, and the problems of probes.
        extra: the room of an answer.

    Raises:
        KeyError: a model's size is not known.
    """
    if not entry.changed.sections and not entry.models:
        return 0.0
    prompts, problems = asked
    probed = sum(sizes[one] for one in entry.models)
    both = sizes[entry.basis] + sizes[entry.candidate]
    gained = sorted(problems, key=len, reverse=True)[: entry.gained]
    return (
        3 * answering(probed, problems, extra)
        + 2 * looking(sizes[entry.basis], sizes[entry.candidate], prompts, extra, lenses=0)
        + runs(entry.changed) * 2 * answering(both, gained, extra)
    )


def runs(found: Interpreted) -> int:
    """How often the rows that were gained were run through: as they are, and for each part and place."""
    splices = 0 if found.splices is UNSET else 2 + 2 * len(found.splices.parts)
    patches = () if found.patches is UNSET else found.patches.patches
    return splices + (2 + sum(1 + len(one.places) for one in patches) if patches else 0)


def _lenses(found: Interpreted) -> int:
    return 0 if found.lens is UNSET else len(found.lens.layers)
