"""The gate's arithmetic: a betting e-process, computed from three counts.

    >>> counts = Counts(wins=60, losses=20, ties=220)
    >>> round(log_e("superiority", 0.0, counts), 2)
    9.14
    >>> passes(log_e("superiority", 0.0, counts), alpha=0.05 / 72)
    True

D_i = candidate right - incumbent right on item i, in {-1, 0, 1}. Against H0: E[D_i | past] <= d a gambler who
stakes the fraction l of a wealth of 1 on every item has

    W_n(l) = (1 + l(1-d))^wins (1 - l(1+d))^losses (1 - l d)^ties,      0 < l < 1/(1+d)
    E_n    = (1/K) sum_j W_n(l_j),   l_j = (j/(K+1)) / (1+d),  j = 1..K = 10

and for right/wrong against a floor f: W_n(l) = (1 + l(1-f))^right (1 - l f)^wrong, l_j = (j/(K+1)) / f.
Under H0 E_n is a nonnegative supermartingale that starts at 1, so P(E_n >= 1/a for any n) <= a (Ville): a
test may look after every item and stop whenever it likes. d = 0 asks for superiority, d = -margin for
non-inferiority.

Assumes: item i's slice and problem are drawn i.i.d. with fixed weights, whatever came before. It misleads
when items are ordered, when the mix of slices follows the results, and it is weak when gain / discordance
< .05. Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", arXiv
2010.09686, s. 4; Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference", arXiv
2210.01948.
"""

from functools import lru_cache
from math import exp, fsum, isfinite, log, log1p, nan
from typing import Literal, NamedTuple

from detent.errors import UsageError
from detent.values import Counts

Kind = Literal["superiority", "non_inferiority", "floor"]

GRID = 10
"""K: how many bets the wealth is spread over."""

MOST = 10**12
"""Counts above it are not believed, and a float would soon not hold them exactly."""


class Process(NamedTuple):
    """ln of what one win, loss or tie does to each of the K stakes."""

    win: tuple[float, ...]
    loss: tuple[float, ...]
    tie: tuple[float, ...]

    def log_e(self, wins: float, losses: float, ties: float) -> float:
        """Ln E_n from counts (fractions allowed, for forecasts); nan when it is not finite."""
        stakes = [
            wins * win + losses * loss + ties * tie
            for win, loss, tie in zip(self.win, self.loss, self.tie, strict=True)
        ]
        top = max(stakes)
        if not isfinite(top):
            return nan
        return top + log(fsum([exp(stake - top) for stake in stakes])) - log(len(stakes))

    def mirrored(self) -> "Process":
        """The same bets with wins and losses exchanged."""
        return Process(win=self.loss, loss=self.win, tie=self.tie)


@lru_cache(maxsize=64)
def process(kind: Kind, bound: float) -> Process:
    """The e-process of a target: evidence *for* the candidate.

    Args:
        kind: what is asked; see `detent.values.Target`.
        bound: 0 for superiority, the margin for non-inferiority, the floor for a floor.

    Raises:
        UsageError: the bound is impossible for the kind.
    """
    _check_bound(kind, bound)
    if kind == "floor":
        return _against_floor(bound)
    return against_mean(-bound)


@lru_cache(maxsize=64)
def reverse_process(kind: Kind, bound: float) -> Process:
    """The e-process of the opposite: evidence that E[D] < d, or that the share right is below the floor."""
    _check_bound(kind, bound)
    if kind == "floor":
        return _against_floor(1 - bound).mirrored()
    return against_mean(bound).mirrored()


def log_e(kind: Kind, bound: float, counts: Counts) -> float:
    """Ln of the e-value of `counts`; nan when it is not a finite number.

    Raises:
        UsageError: an impossible bound, a negative count, or ties against a floor.
    """
    _check_counts(kind, counts)
    return process(kind, bound).log_e(counts.wins, counts.losses, counts.ties)


def reverse_log_e(kind: Kind, bound: float, counts: Counts) -> float:
    """Ln of the e-value for the opposite; see `reverse_process`. Errors as `log_e`."""
    _check_counts(kind, counts)
    return reverse_process(kind, bound).log_e(counts.wins, counts.losses, counts.ties)


def threshold(alpha: float) -> float:
    """ln(1/alpha): what ln E must reach."""
    return -log(alpha)


def passes(log_e_value: float, alpha: float) -> bool:
    """Whether E >= 1/alpha. Not a number, infinite, or an alpha outside (0, 1) never passes."""
    return isfinite(log_e_value) and 0 < alpha < 1 and log_e_value >= threshold(alpha)


def against_mean(d: float) -> Process:
    """The e-process against E[D | past] <= d, for d above -1 and below 1."""
    bets = [fraction / (1 + d) for fraction in _fractions()]
    return Process(
        win=tuple(log1p(bet * (1 - d)) for bet in bets),
        loss=tuple(log1p(-fraction) for fraction in _fractions()),
        tie=tuple(log1p(-bet * d) for bet in bets),
    )


def _against_floor(floor: float) -> Process:
    bets = [fraction / floor for fraction in _fractions()]
    return Process(
        win=tuple(log1p(bet * (1 - floor)) for bet in bets),
        loss=tuple(log1p(-fraction) for fraction in _fractions()),
        tie=(0.0,) * GRID,
    )


def _fractions() -> list[float]:
    return [j / (GRID + 1) for j in range(1, GRID + 1)]


def _check_bound(kind: Kind, bound: float) -> None:
    fits = bound == 0 if kind == "superiority" else 0 < bound < 1
    if not fits:
        wanted = "0" if kind == "superiority" else "a number between 0 and 1"
        raise UsageError(f"{wanted} expected as the bound of a {kind} test, got {bound}; correct the target")


def _check_counts(kind: Kind, counts: Counts) -> None:
    three = (counts.wins, counts.losses, counts.ties)
    if min(three) < 0 or max(three) > MOST:
        raise UsageError(f"counts of 0 to {MOST} expected, got {counts}; count the items again")
    if kind == "floor" and counts.ties:
        raise UsageError(
            f"no ties expected in a floor test, got {counts.ties}; an answer there is right or wrong"
        )
