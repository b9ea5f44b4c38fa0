"""Quantiles of Student's t, exact to rounding, for whole degrees of freedom.

>>> round(quantile_95(2), 3), round(quantile_95(30), 3)
(2.92, 1.697)
"""

from functools import lru_cache
from math import atan, cos, fsum, pi, sin, sqrt

NORMAL = 10_000
"""From so many degrees of freedom the quantile stands still to four digits."""


@lru_cache(maxsize=1024)
def quantile_95(freedom: int) -> float:
    """The t that a Student variable stays below with probability .95."""
    freedom = min(freedom, NORMAL)
    low, high = 0.0, 7.0  # 6.31 is the largest, for one degree of freedom
    while high - low > 1e-12:  # noqa: PLR2004  rounding
        middle = (low + high) / 2
        low, high = (middle, high) if _between(middle, freedom) < 0.9 else (low, middle)  # noqa: PLR2004  .95 one-sided
    return high


def _between(t: float, freedom: int) -> float:
    """P(-t < T < t) by Abramowitz and Stegun 26.7.3 (odd) and 26.7.4 (even)."""
    angle = atan(t / sqrt(freedom))
    if freedom % 2 == 0:
        return sin(angle) * fsum(_terms(1.0, angle, range(2, freedom, 2)))
    if freedom == 1:
        return 2 * angle / pi
    return 2 / pi * (angle + sin(angle) * fsum(_terms(cos(angle), angle, range(3, freedom, 2))))


def _terms(first: float, angle: float, lower: range) -> list[float]:
    """First, then each term times (k-1)/k cos^2."""
    terms = [first]
    for k in lower:
        terms.append(terms[-1] * (k - 1) / k * cos(angle) ** 2)
    return terms
