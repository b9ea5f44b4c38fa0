"""Label avalanche: has the share of wrong self-made labels risen above what is tolerated?

    >>> limits = Limits(tolerated={"copy": 0.05, "reverse": 0.05}, alpha=1e-5)
    >>> state, alarm = watch(State(), {"copy": Score(50, 50), "reverse": Score(25, 50)}, limits)
    >>> alarm.subjects, round(alarm.statistic, 1), round(alarm.limit, 1)
    (('reverse',), 42.6, 11.5)

Statistic: an e-detector (Shiryaev-Roberts). For one audited label x (1 wrong, 0 right), tolerated share p0,
and each bet b of BETS

    L(b) = 1 + b (x/p0 - 1),     M_t(b) = (1 + M_{t-1}(b)) L_t(b),  M_0 = 0

averaged over bets and over tasks, each task with a process of its own (pooling three tasks hides one that
went wrong). While every share is at most p0, M grows by at most 1 an audit in expectation. Audits come as
totals, since no single outcome is kept. Labels are audited in random order, so given the totals every order
is as likely: M is its mean over all orders, computed exactly, which is an e-detector too, looked at once a
generation.

Unit: natural logarithm of the average M. Alarm at ln(1/alpha).
Guarantee: P(a false alarm within T audits of a task) <= alpha T, as long as each audited label is wrong with
probability p0 at most given what was audited before; audits must be drawn from a sealed stream after the
batch's digest is on the ledger.
Default: pause. alpha = 1 / (100 W n), W tripwires with chance in them and n audits a generation: a false
alarm of any of them about once in a hundred generations.
It cannot see: labels wrong in ways the checker accepts; a rise that stays below p0; a rise between audits;
which labels are wrong. p0 is the most one tolerates; at the usual share it would fire sooner or later.
Shin, Ramdas and Rinaldo, "E-detectors", arXiv 2203.03532.
"""

from collections.abc import Mapping
from math import exp, expm1, fsum, inf, lgamma, log, log1p

from msgspec import Struct

from detent.errors import UsageError
from detent.tripwires.alarm import Alarm
from detent.values import Score

NAME = "label_avalanche"

BETS = (0.1, 0.2, 0.4, 0.6, 0.8)

FALSE_ALARM_GENERATIONS = 100
"""Generations in which one false alarm of all tripwires together is accepted."""

WIRES = 12
"""Tripwires with chance in them that share the false alarms; hash, budget and rewind wires have none."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is tolerated.

    tolerated: p0 of each task, inside (0, 1). alpha: false alarms per audited label.
    """

    tolerated: dict[str, float]
    alpha: float


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """The processes so far: growth[task] holds ln(1 + M) for each bet; after an answered alarm, a new one."""

    growth: dict[str, tuple[float, ...]] = {}


def alpha_per_audit(audits: int, wires: int = WIRES) -> float:
    """Alpha for `audits` labels of a task a generation and `wires` tripwires with chance in them."""
    return 1 / (FALSE_ALARM_GENERATIONS * wires * audits)


def watch(state: State, audits: Mapping[str, Score], limits: Limits) -> tuple[State, Alarm | None]:
    """Take one generation's audits (right of asked, per task) into account.

    Raises:
        UsageError: impossible limits or totals, or an audited task without a tolerated share.
    """
    _check(audits, limits)
    fresh = (0.0,) * len(BETS)
    moved = {
        task: _moved(state.growth.get(task, fresh), score, limits.tolerated[task])
        for task, score in audits.items()
    }
    after = State({**dict.fromkeys(limits.tolerated, fresh), **state.growth, **moved})
    evidence = {task: _log_mean([_log_m(one) for one in growth]) for task, growth in after.growth.items()}
    return after, _alarm(evidence, audits, limits)


def _moved(growth: tuple[float, ...], score: Score, tolerated: float) -> tuple[float, ...]:
    wrong = score.asked - score.right
    return tuple(
        _after(one, score.right, wrong, log1p(-bet), log1p(bet * (1 / tolerated - 1)))
        for one, bet in zip(growth, BETS, strict=True)
    )


def _after(growth: float, right: int, wrong: int, log_right: float, log_wrong: float) -> float:
    """Ln(1 + M) after a batch: the mean over all orders of its labels.

    M_T = M_0 prod_1^T L + sum_{j=1}^T (product of the last j factors), and the last j of a random order are a
    random subset: j labels of which h are wrong with hypergeometric probability.
    """
    total = right + wrong
    terms = [0.0, _log_m(growth) + right * log_right + wrong * log_wrong]
    terms += [
        _log_choose(wrong, hits) + _log_choose(right, size - hits) - _log_choose(total, size)
        + hits * log_wrong + (size - hits) * log_right
        for size in range(1, total + 1)
        for hits in range(max(0, size - right), min(wrong, size) + 1)
    ]  # fmt: skip
    return _log_sum(terms)


def _alarm(evidence: Mapping[str, float], audits: Mapping[str, Score], limits: Limits) -> Alarm | None:
    statistic, limit = _log_mean(list(evidence.values())), -log(limits.alpha)
    if not statistic >= limit:
        return None
    # Tasks that would have set it off alone, at the average's limit; the worst one in any case.
    least = min(max(evidence.values()), limit)
    subjects = tuple(
        task for task in sorted(evidence, key=lambda task: -evidence[task]) if evidence[task] >= least
    )
    worst = subjects[0]
    last = audits.get(worst, Score(0, 0))
    reading = (
        f"{worst}: more than {limits.tolerated[worst]:.0%} of the self-made labels are wrong (last audit: "
        f"{last.asked - last.right} of {last.asked}); ln evidence {statistic:.1f}, limit {limit:.1f}"
    )
    return Alarm(NAME, subjects, statistic, limit, reading)


def _check(audits: Mapping[str, Score], limits: Limits) -> None:
    tolerated = limits.tolerated
    if not (0 < limits.alpha < 1 and tolerated and all(0 < share < 1 for share in tolerated.values())):
        raise UsageError(f"alpha and tolerated shares inside (0, 1) expected, got {limits}; see the charter")
    for task, score in audits.items():
        if task not in tolerated or not 0 <= score.right <= score.asked:
            raise UsageError(
                f"audits of {sorted(tolerated)} with 0 <= right <= asked expected, got {task}: {score}"
            )


def _log_m(growth: float) -> float:
    """Ln M from ln(1 + M)."""
    if growth == 0.0:
        return -inf
    return growth + log1p(-exp(-growth)) if growth > 1 else log(expm1(growth))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _log_sum(terms: list[float]) -> float:
    top = max(terms)
    return top if top == -inf else top + log(fsum([exp(term - top) for term in terms]))


def _log_mean(terms: list[float]) -> float:
    return _log_sum(terms) - log(len(terms))
