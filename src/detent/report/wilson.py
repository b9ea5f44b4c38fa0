"""Wilson's interval: how far a share of right answers can be from the one that was counted.

    >>> interval = wilson(Score(48, 64))
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.632, 0.84)

With p = right / asked, n = asked and z = 1.96:

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

It assumes n independent answers, with n fixed before, and covers some 95 % of the time; unlike the normal interval
also near 0 and 1. It holds for each level by itself: of a table of many levels some intervals miss. Wilson 1927,
Journal of the American Statistical Association 22; Brown, Cai and DasGupta 2001, Statistical Science 16, s. 3.1.1.
"""

from math import sqrt

from detent.evaluate import Interval
from detent.values import Score

NORMAL_95 = 1.959964


def wilson(score: Score) -> Interval:
    """The 95 % interval of the share right; [0, 1] where nothing was asked."""
    if not score.asked:
        return Interval(0.0, 1.0)
    n, p, z = score.asked, score.rate, NORMAL_95
    middle = p + z * z / (2 * n)
    spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return Interval(max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole))
