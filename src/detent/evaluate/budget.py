"""The error budget of a whole run, and how many items a test may use and is likely to need.

    >>> round(alpha(8, 0.05), 6), item_limit(2000, 8, 0.05)
    (0.000694, 3943)
    >>> items_to_expect(0.10, alpha(8, 0.05)).median
    294

Opening k tests at a_k = A / (k (k + 1)). The a_k of all k add up to A, so by the union bound
P(any false promotion, ever) <= A. Every opening counts, the undecided, void and crashed ones too.
"""

from functools import lru_cache
from math import ceil, erfc, exp, fsum, inf, isfinite, log, log1p, sqrt
from typing import NamedTuple

from detent.errors import UsageError
from detent.evaluate.gate import Kind, Process, process, threshold

MOST_ITEMS = 10_000_000
"""Nothing that needs more is forecast."""

SURE = 1e-9
"""A growth rate of less variance than this is taken as certain."""


class Forecast(NamedTuple):
    """Items a superiority test is likely to need: half of such tests need at most `median`, 90 % `ninety`."""

    median: int
    ninety: int


def alpha(k: int, error_budget: float) -> float:
    """a_k, the level of opening k (from 1) under a total of `error_budget`.

    Raises:
        UsageError: k below 1, or a budget outside (0, 1).
    """
    if k < 1 or not 0 < error_budget < 1:
        raise UsageError(f"k of 1 or more and a budget inside (0, 1) expected, got {k} and {error_budget}")
    return error_budget / (k * (k + 1))


def spent(openings: int, error_budget: float) -> float:
    """Budget that the first `openings` openings have used: A openings / (openings + 1)."""
    return error_budget * openings / (openings + 1)


def item_limit(first: int, k: int, error_budget: float) -> int:
    """n_max(k): the item limit of opening k when it is `first` at k = 1; grows as the threshold ln(1/a_k)."""
    ratio = threshold(alpha(k, error_budget)) / threshold(alpha(1, error_budget))
    return ceil(first * ratio)


@lru_cache(maxsize=256)
def least_items(kind: Kind, bound: float, level: float) -> int:
    """The fewest items after which a test at `level` can pass.

    That is: superiority with wins only; non-inferiority without a single disagreement; a floor with every
    answer right. A limit below it makes a charter under which nothing can ever be promoted.
    """
    shares = {"superiority": (1.0, 0.0), "non_inferiority": (0.0, 0.0), "floor": (1.0, 0.0)}
    return _items_at_rates(process(kind, bound), *shares[kind], level)


def least_first_limit(kind: Kind, bound: float, last_k: int, error_budget: float) -> int:
    """The smallest limit at k = 1 with which openings 1 .. `last_k` can all pass.

    A charter check refuses less and names this number. Only the ends are looked at: what a test needs is
    ln(1/a_k) and a constant, what it is given is proportional to ln(1/a_k), so the first opening is the
    tightest and the last one is looked at in case rounding decides.
    """
    return max(_first_limit_for(kind, bound, k, error_budget) for k in {1, last_k})


def items_to_expect(gain: float, level: float, discordance: float = 0.2) -> Forecast:
    """Items a superiority test at `level` is likely to need for a true `gain`.

    Args:
        gain: E[candidate - incumbent], in (0, discordance].
        level: alpha of the opening.
        discordance: share of items on which the two models differ in being right.

    Ln E is taken as a random walk with the growth g and variance v of the bet l = gain / discordance (the
    best one), that starts late by what the mixture over bets costs; its time to ln(1/alpha) is then inverse
    Gaussian with mean m and shape m^2 g^2 / v. An approximation: against simulation it is within 6 % for the
    median and 8 % for the 90 % point at the settings in docs/statistics.md.

    Raises:
        UsageError: a gain that the discordance does not allow.
    """
    if not 0 < gain <= discordance <= 1:
        raise UsageError(f"0 < gain <= discordance <= 1 expected, got gain {gain}, discordance {discordance}")
    wins, losses = (discordance + gain) / 2, (discordance - gain) / 2
    mean = _items_at_rates(process("superiority", 0.0), wins, losses, level)
    bet = min(gain / discordance, 10 / 11)
    steps = ((wins, log1p(bet)), (losses, log1p(-bet)))
    growth = fsum(share * step for share, step in steps)
    variance = fsum(share * step * step for share, step in steps) - growth**2
    if variance < SURE:
        return Forecast(mean, mean)
    shape = mean * mean * growth * growth / variance
    return Forecast(_passage(0.5, mean, shape), _passage(0.9, mean, shape))


def _items_at_rates(test: Process, wins: float, losses: float, level: float) -> int:
    """First n at which counts of exactly these shares reach 1/level."""

    def short(n: int) -> bool:
        return test.log_e(n * wins, n * losses, n * (1 - wins - losses)) < threshold(level)

    high = 1
    while short(high):
        high *= 2
        if high > MOST_ITEMS:
            raise UsageError(f"a level and bound that {MOST_ITEMS} items can decide expected, got {level}")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return high


def _first_limit_for(kind: Kind, bound: float, k: int, error_budget: float) -> int:
    needed = least_items(kind, bound, alpha(k, error_budget))
    ratio = threshold(alpha(k, error_budget)) / threshold(alpha(1, error_budget))
    first = max(1, int(needed / ratio) - 1)
    while item_limit(first, k, error_budget) < needed:
        first += 1
    return first


def _passage(share: float, mean: float, shape: float) -> int:
    """The time by which that share of inverse Gaussian passages has happened."""
    low, high = 0.0, 64 * mean
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (middle, high) if _passed_by(middle, mean, shape) < share else (low, middle)
    return ceil(high)


def _passed_by(time: float, mean: float, shape: float) -> float:
    """Distribution function of the inverse Gaussian (Folks and Chhikara 1978)."""
    root = sqrt(shape / time)
    mirrored = _log_normal_tail(root * (time / mean + 1)) + 2 * shape / mean
    return _normal(root * (time / mean - 1)) + (exp(mirrored) if isfinite(mirrored) else 0.0)


def _normal(x: float) -> float:
    return erfc(-x / sqrt(2)) / 2


def _log_normal_tail(x: float) -> float:
    """Ln P(Z > x), -inf where erfc underflows."""
    tail = erfc(x / sqrt(2)) / 2
    return log(tail) if tail > 0 else -inf
