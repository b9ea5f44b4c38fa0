"""How far a candidate's mean difference from the incumbent can be from nothing, from a test's three counts alone.

    >>> interval = interval_of(Counts(wins=2, losses=30, ties=168))
    >>> interval.low < -0.14 < interval.high < 0
    True

Every d that neither the bet on "more than d" nor the one on "less than d" refutes at half of `level`: the gate's own
e-processes (`gate`), turned round. It holds at every moment at once, so also where a test stopped, and it agrees with
the test: one that passed at a_k below level / 2 has the bound outside. The counts are all it needs, since the order of
items does not change these bets. It is wider than an interval for a fixed number of items would be.
"""

from detent.evaluate.confidence import LEVEL, Interval
from detent.evaluate.gate import against_mean, passes
from detent.values import Counts

STEPS = 40
"""Halvings: the ends are exact to some 1e-12."""


def interval_of(counts: Counts, level: float = LEVEL) -> Interval:
    """The interval of E[candidate - incumbent] that misses it with a chance of at most `level`.

    Args:
        counts: of a test of superiority or non-inferiority; wins are the candidate's.
        level: 1 - coverage.
    """
    low, high = _refuted(counts, level), -_refuted(Counts(counts.losses, counts.wins, counts.ties), level)
    return Interval(low, high)


def _refuted(counts: Counts, level: float) -> float:
    """The largest d of which "at most d" is refuted; -1 when none is. Evidence falls as d rises."""
    low, high = -1.0, 1.0
    for _ in range(STEPS):
        d = (low + high) / 2
        evidence = against_mean(d).log_e(counts.wins, counts.losses, counts.ties)
        low, high = (d, high) if passes(evidence, level / 2) else (low, d)
    return low
