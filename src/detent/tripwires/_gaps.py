"""E-values against "the share right rose by no more than a margin", from paired counts or from totals alone.

For items i with D_i = now_i - then_i in {-1, 0, 1}, the null says that the mean of all E[D_i] is at most the
margin m. With the gate's bets l, product(1 + l (D_i - m)) has an expectation of product(1 + l (E[D_i] - m)), at
most (1 + l (mean E[D_i] - m))^n <= 1, because a product of given sum is largest when its factors are equal. So the
items need not be alike: rungs of different hardness do no harm. (Independent items; the inequality of arithmetic and
geometric means.)

From totals, items that were asked separately are paired at random within a rung. Each pairing gives an e-value,
hence so does the mean over all pairings, which is computed exactly: with a and b right of n, k pairs are both
right with hypergeometric probability. With unequal numbers asked, the larger sample is a random part of itself.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from detent.evaluate.gate import GRID, reverse_process
from detent.tripwires._tails import log_choose, log_mean, log_sum
from detent.values import Counts, Score


def log_e_of_counts(counts: Counts, margin: float) -> float:
    """Ln E that wins exceed losses by more than `margin` a pair, 0 < margin < 1."""
    bets = reverse_process("non_inferiority", margin)
    return bets.log_e(counts.losses, counts.wins, counts.ties)


def log_e_of_totals(pairs: Iterable[tuple[Score, Score]], margin: float) -> float:
    """Ln E that the share right is higher by more than `margin` in the second of each pair; one pair a rung."""
    stakes = [0.0] * GRID
    for then, now in pairs:
        for place, moved in enumerate(_rung(then, now, margin)):
            stakes[place] += moved
    return log_mean(stakes)


@lru_cache(maxsize=65_536)
def _rung(then: Score, now: Score, margin: float) -> Sequence[float]:
    """Per bet, ln of what the rung multiplies its stake by."""
    bets = reverse_process("non_inferiority", margin)
    joint = _joint(then, now)
    # The reversed process bets on losses: its `loss` is what a win is worth here.
    return tuple(
        log_sum([log_p + wins * win + losses * loss + ties * tie for log_p, wins, losses, ties in joint])
        for loss, win, tie in zip(bets.win, bets.loss, bets.tie, strict=True)
    )


@lru_cache(maxsize=65_536)
def _joint(then: Score, now: Score) -> Sequence[tuple[float, int, int, int]]:
    """(ln probability, wins, losses, ties) over all ways to pair."""
    n = min(then.asked, now.asked)
    return tuple(
        (log_p + log_q + log_k, right - both, before - both, n - right - before + 2 * both)
        for log_p, right in _part(now, n)
        for log_q, before in _part(then, n)
        for log_k, both in _part(Score(before, n), right)
    )


def _part(score: Score, n: int) -> Sequence[tuple[float, int]]:
    """(ln probability, right) of a random n of what was asked."""
    wrong = score.asked - score.right
    every = log_choose(score.asked, n)
    return tuple(
        (log_choose(score.right, right) + log_choose(wrong, n - right) - every, right)
        for right in range(max(0, n - wrong), min(score.right, n) + 1)
    )
