"""The e-detector that two wires use: has the share of wrong ones among what is audited risen above p0?

For one audited case x (1 wrong, 0 right), tolerated share p0, and each bet b of BETS

    L(b) = 1 + b (x/p0 - 1),     M_t(b) = (1 + M_{t-1}(b)) L_t(b),  M_0 = 0

averaged over bets and over tasks, each task with a process of its own (pooling three tasks hides one that
went wrong). While every share is at most p0, M grows by at most 1 an audit in expectation, so P(M >= 1/alpha
within T audits) <= alpha T. Audits come as totals, since no single outcome is kept. They are drawn in random
order, so given the totals every order is as likely: M is its mean over all orders, computed exactly, which is an
e-detector too, looked at once a generation.

Shin, Ramdas and Rinaldo, "E-detectors", arXiv 2203.03532 (the Shiryaev-Roberts kind, mixed over bets).
"""

from collections.abc import Mapping
from functools import lru_cache
from math import exp, expm1, inf, log, log1p

from msgspec import Struct

from detent.tripwires._tails import log_choose, log_mean, log_sum
from detent.values import Score

BETS = (0.1, 0.2, 0.4, 0.6, 0.8)

FRESH = (0.0,) * len(BETS)


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """The processes so far: growth[task] holds ln(1 + M) for each bet; after an answered alarm, a new one."""

    growth: dict[str, tuple[float, ...]] = {}

    def evidence(self) -> dict[str, float]:
        """Ln of the mean M over bets, by task; -inf where nothing was audited."""
        return {task: log_mean([_log_m(one) for one in growth]) for task, growth in self.growth.items()}


def moved(state: State, audits: Mapping[str, Score], tolerated: float) -> State:
    """The state after one generation's audits: right of asked, by task."""
    after = {task: _after(state.growth.get(task, FRESH), score, tolerated) for task, score in audits.items()}
    return State({**state.growth, **after})


def _after(growth: tuple[float, ...], score: Score, tolerated: float) -> tuple[float, ...]:
    right, wrong = score.right, score.asked - score.right
    return tuple(
        log_sum(
            [
                _log_of_new(right, wrong, *_factors(bet, tolerated)),
                _log_m(one) + _log_product(right, wrong, *_factors(bet, tolerated)),
            ]
        )
        for one, bet in zip(growth, BETS, strict=True)
    )


def _factors(bet: float, tolerated: float) -> tuple[float, float]:
    """Ln L for a right and for a wrong one."""
    return log1p(-bet), log1p(bet * (1 / tolerated - 1))


def _log_product(right: int, wrong: int, log_right: float, log_wrong: float) -> float:
    return right * log_right + wrong * log_wrong


@lru_cache(maxsize=8192)
def _log_of_new(right: int, wrong: int, log_right: float, log_wrong: float) -> float:
    """Ln(1 + M) after a batch that began at M = 0: the mean over all orders of its cases.

    M_T = M_0 prod_1^T L + sum_{j=1}^T (product of the last j factors), and the last j of a random order are a
    random subset: j cases of which h are wrong with hypergeometric probability.
    """
    total = right + wrong
    return log_sum(
        [0.0]
        + [
            log_choose(wrong, hits) + log_choose(right, size - hits) - log_choose(total, size)
            + _log_product(size - hits, hits, log_right, log_wrong)
            for size in range(1, total + 1)
            for hits in range(max(0, size - right), min(wrong, size) + 1)
        ]
    )  # fmt: skip


def _log_m(growth: float) -> float:
    """Ln M from ln(1 + M)."""
    if growth == 0.0:
        return -inf
    return growth + log1p(-exp(-growth)) if growth > 1 else log(expm1(growth))
