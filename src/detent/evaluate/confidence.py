"""A confidence sequence for a mean: an interval that holds at every moment at once.

    >>> sequence = ConfidenceSequence(level=0.05)
    >>> for x in [1, 1, 0, 1] * 100:
    ...     sequence.add(x)
    >>> low, high = sequence.interval()
    >>> round(low, 2), round(high, 2)
    (0.67, 0.83)

Empirical Bernstein with predictable plug-in, for x in [0, 1], at miscoverage a (a/2 on each side):

    mu_t = (1/2 + sum x) / (t+1);   s2_t = (1/4 + sum (x_i - mu_i)^2) / (t+1)
    l_t  = min(1/2, sqrt(2 ln(2/a) / (s2_{t-1} t ln(1+t))));   v_t = (x_t - mu_{t-1})^2
    psi(l) = -ln(1-l) - l
    sum(l x) / sum(l)  -+  (ln(2/a) + sum v psi(l)) / sum(l),   and the running intersection over t

The mean of the gains where the gate stopped is biased upwards, since it stopped because the gains were
high; this interval is not, wherever one stops. It needs the observations in their order, and like the
gate it assumes that each item is drawn with the same weights whatever came before. Waudby-Smith and
Ramdas, arXiv 2010.09686, theorem 2 and s. 3.2.
"""

from collections.abc import Iterable
from math import isfinite, log, log1p, sqrt
from typing import NamedTuple

from detent.errors import UsageError
from detent.values import Gain

LEVEL = 0.05
"""1 - coverage of the reported gain."""


class Interval(NamedTuple):
    """Closed interval of a mean."""

    low: float
    high: float


class ConfidenceSequence:
    """Takes one observation in [0, 1] after another; `interval` may be asked at any time.

    level: probability that the mean is ever outside.
    """

    def __init__(self, level: float = LEVEL) -> None:
        """Start with the interval [0, 1]."""
        if not 0 < level < 1:
            raise UsageError(f"a level inside (0, 1) expected, got {level}")
        self._log = log(2 / level)
        self._count = 0
        self._mean = 0.5  # mu_{t-1}
        self._total = 0.5
        self._squares = 0.25  # (1/4 + sum (x - mu)^2)
        self._bets = 0.0
        self._stakes = 0.0  # sum l x
        self._price = 0.0  # sum v psi(l)
        self._low, self._high = 0.0, 1.0

    @property
    def count(self) -> int:
        """Observations taken."""
        return self._count

    def add(self, x: float) -> None:
        """Take the next observation.

        Raises:
            UsageError: it is not in [0, 1].
        """
        if not (isfinite(x) and 0 <= x <= 1):
            raise UsageError(f"an observation in [0, 1] expected, got {x}")
        variance = self._squares / (self._count + 1)
        self._count += 1
        t = self._count
        bet = min(0.5, sqrt(2 * self._log / (variance * t * log1p(t))))
        self._bets += bet
        self._stakes += bet * x
        self._price += (x - self._mean) ** 2 * (-log1p(-bet) - bet)
        self._total += x
        self._mean = self._total / (t + 1)
        self._squares += (x - self._mean) ** 2
        self._narrow()

    def interval(self) -> Interval:
        """The interval now; it never widens."""
        return Interval(self._low, self._high)

    def _narrow(self) -> None:
        centre = self._stakes / self._bets
        radius = (self._log + self._price) / self._bets
        low, high = max(self._low, centre - radius), min(self._high, centre + radius)
        # An empty intersection has probability `level` at most while items are i.i.d.; the old one stays.
        if low <= high:
            self._low, self._high = low, high


def gain_of(differences: Iterable[int], level: float = LEVEL) -> Gain:
    """The gain E[D] from D in {-1, 0, 1} in order, through X = (D + 1) / 2."""
    sequence = ConfidenceSequence(level)
    for difference in differences:
        sequence.add((difference + 1) / 2)
    low, high = sequence.interval()
    return Gain(low=2 * low - 1, high=2 * high - 1, items=sequence.count)
