"""Horizon: the level at about which a model answers half of the problems right.

    >>> profile = Profile("d" * 64, {"copy": (Score(64, 64), Score(48, 64), Score(16, 64), Score(0, 64))})
    >>> horizon(profile, "copy")
    Horizon(level=2.5, censored=False)

Success rates are made monotone (they may only fall with the level) by pooling adjacent violators,
weighted by the problems asked; the horizon is x_min - 1/2 + their sum, with x_min = 1 the lowest level.
That is the Spearman-Karber estimate of a tolerance's mean. It is *censored*, to be read as "at least",
when the model is still right at the top level more often than not: the ladder ends before the model does.

Why not a logistic fit: it diverges when levels are answered all right and then all wrong, which is common.
It assumes harder levels are not easier, and that levels are one apart. Ayer et al. 1955 (PAV); Miller and
Ulrich, "On the analysis of psychometric functions: the Spearman-Karber method", Percept. Psychophys. 63, 2001.
"""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from detent.errors import UsageError
from detent.values import Profile, Score

HALF = 0.5

LOWEST = 1
"""x_min: ladders begin at level 1."""


class Horizon(NamedTuple):
    """`level` is in units of levels; `censored` means "at least"."""

    level: float
    censored: bool


def horizon(profile: Profile, task: str) -> Horizon:
    """Horizon of one task.

    Raises:
        UsageError: the profile lacks the task, or a level was not asked at all.
    """
    if task not in profile.scores:
        raise UsageError(f"one of the tasks {sorted(profile.scores)} expected, got {task!r}")
    rates = falling_rates(profile.scores[task])
    return Horizon(LOWEST - HALF + fsum(rates), censored=rates[-1] >= HALF)


def horizons(profile: Profile) -> dict[str, Horizon]:
    """Horizon of every task. Errors as `horizon`."""
    return {task: horizon(profile, task) for task in profile.scores}


def falling_rates(scores: Sequence[Score]) -> list[float]:
    """The weighted least-squares fit to the rates that never rises with the level (PAV).

    Raises:
        UsageError: there is no level, or one at which nothing was asked.
    """
    if not scores or any(score.asked < 1 for score in scores):
        raise UsageError(f"a problem or more asked at each level expected, got {list(scores)}; profile again")
    pools: list[tuple[Score, int]] = []
    for score in scores:
        pool, width = score, 1
        while pools and pools[-1][0].rate < pool.rate:
            earlier, levels = pools.pop()
            pool, width = Score(earlier.right + pool.right, earlier.asked + pool.asked), width + levels
        pools.append((pool, width))
    return [pool.rate for pool, width in pools for _ in range(width)]
