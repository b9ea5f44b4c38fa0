"""The label avalanche tripwire: its statistic, its false alarms, how soon it fires, and on whom."""

import random
from itertools import permutations
from math import expm1, log
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.tripwires._edetector import BETS, State
from detent.tripwires.label_avalanche import Limits, read, step, watch
from detent.values import Score

ALPHA = 1e-5
FIVE = Limits(tolerated=0.05)
TASKS = ("copy", "reverse", "sort")


def recurrence(outcomes: list[int], p0: float) -> list[float]:
    """M for each bet, label by label as published; 1 is wrong."""
    sums = [0.0] * len(BETS)
    for x in outcomes:
        sums = [(1 + m) * (1 + b * (x / p0 - 1)) for m, b in zip(sums, BETS, strict=True)]
    return sums


def m_of(state: State, task: str) -> list[float]:
    return [expm1(growth) for growth in state.growth[task]]


@given(st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_one_label_after_another_it_is_the_published_recurrence(outcomes: list[int]) -> None:
    state = State()
    for x in outcomes:
        state = step(state, {"sort": Score(1 - x, 1)}, Limits(tolerated=0.2))
    assert m_of(state, "sort") == pytest.approx(recurrence(outcomes, 0.2), rel=1e-9)


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (5, 0), (0, 4), (4, 2), (3, 3), (1, 5)])
def test_a_batch_of_totals_is_the_mean_over_every_order_of_its_labels(right: int, wrong: int) -> None:
    before = step(State(), {"sort": Score(6, 8)}, FIVE)
    start = m_of(before, "sort")
    orders = list(permutations([0] * right + [1] * wrong))
    after = step(before, {"sort": Score(right, right + wrong)}, FIVE)
    for place, bet in enumerate(BETS):
        ends = []
        for order in orders:
            m = start[place]
            for x in order:
                m = (1 + m) * (1 + bet * (x / 0.05 - 1))
            ends.append(m)
        assert m_of(after, "sort")[place] == pytest.approx(fmean(ends), rel=1e-9)


def test_at_the_tolerated_share_it_grows_by_one_a_label_on_average() -> None:
    """What the guarantee rests on: E[M_{t+n} | M_t] = M_t + n, computed exactly over a batch of three."""
    before = step(State(), {"sort": Score(7, 8)}, FIVE)
    for place in range(len(BETS)):
        expected = 0.0
        for wrong, ways in enumerate((1, 3, 3, 1)):
            after = step(before, {"sort": Score(3 - wrong, 3)}, FIVE)
            expected += ways * 0.05**wrong * 0.95 ** (3 - wrong) * m_of(after, "sort")[place]
        assert expected == pytest.approx(m_of(before, "sort")[place] + 3, rel=1e-9)


def test_a_history_reads_as_its_audits_one_after_the_other() -> None:
    history = [{"sort": Score(right, 25)} for right in (22, 25, 21, 24)]
    state = State()
    for audits in history:
        state = step(state, audits)
    assert watch(history, alpha=ALPHA) == read(state, history[-1], alpha=ALPHA)


def test_right_labels_never_alarm_however_many() -> None:
    assert watch([dict.fromkeys(TASKS, Score(50, 50))] * 200, alpha=ALPHA).status == "quiet"


def test_labels_that_are_all_wrong_alarm_at_once_and_overflow_nothing() -> None:
    assert watch([{"sort": Score(0, 100)}], alpha=ALPHA).fired
    reading = watch([{"sort": Score(0, 100)}] * 50, alpha=ALPHA)
    assert reading.fired
    assert reading.statistic is not None
    assert reading.statistic < float("inf")


def test_the_alarm_names_the_tasks_whose_labels_went_wrong_the_worst_first() -> None:
    audits = {"copy": Score(20, 50), "reverse": Score(0, 50), "sort": Score(50, 50)}
    reading = watch([audits], alpha=ALPHA)
    assert reading.about == ("reverse", "copy")
    assert reading.limit == pytest.approx(log(1e5))
    assert reading.said.startswith(
        "reverse: 50 of 50 audited labels are wrong, 10% are tolerated; ln evidence "
    )


def test_a_default_run_that_was_cleaned_in_time_does_not_alarm() -> None:
    """The audits of sort in a real run whose labels were .16 wrong once, and which went on well."""
    rights = (95, 94, 90, 85, 97, 84, 100)
    others = {"copy": Score(98, 100), "reverse": Score(100, 100)}
    history = [{**others, "sort": Score(right, 100)} for right in rights]
    assert not watch(history, alpha=1 / 90_000).fired
    assert watch(history[:-1], FIVE, alpha=1 / 90_000).fired


def test_evidence_of_earlier_generations_counts() -> None:
    audits = {"sort": Score(22, 25)}
    assert not watch([audits], FIVE, alpha=ALPHA).fired
    assert watch([audits] * 40, FIVE, alpha=ALPHA).fired


def test_labels_that_nobody_audited_have_to_be_looked_at() -> None:
    assert watch([{"sort": Score(0, 0)}], alpha=ALPHA).status == "unmeasured"
    assert watch([], alpha=ALPHA).status == "unmeasured"
    assert watch(None, alpha=ALPHA).status == "nothing"


def audits_until_alarm(
    wrong: float, tasks: tuple[str, ...], alpha: float, rng: random.Random, most: int
) -> int:
    """Audits of the first task; the others stay at the tolerated share."""
    state = State()
    for audit in range(1, most + 1):
        scores = {
            task: Score(int(rng.random() >= (wrong if place == 0 else 0.05)), 1)
            for place, task in enumerate(tasks)
        }
        state = step(state, scores, FIVE)
        if read(state, scores, FIVE, alpha=alpha).fired:
            return audit
    return most + 1


# true share wrong: median audits to the alarm at alpha 1e-5, tolerated .05 (docs/statistics.md)
DELAYS = {0.15: 126, 0.30: 31, 0.45: 15}


@pytest.mark.parametrize("wrong", DELAYS)
def test_it_fires_after_the_published_number_of_audits(wrong: float) -> None:
    rng = random.Random(11)  # noqa: S311
    delays = [audits_until_alarm(wrong, ("sort",), ALPHA, rng, 2000) for _ in range(40)]
    assert median(delays) == pytest.approx(DELAYS[wrong], rel=0.3)


def test_one_of_three_tasks_going_wrong_is_seen_almost_as_soon_as_one_alone() -> None:
    rng = random.Random(12)  # noqa: S311
    delays = [audits_until_alarm(0.45, TASKS, ALPHA, rng, 2000) for _ in range(40)]
    assert median(delays) <= 22


def test_false_alarms_within_t_audits_are_rarer_than_alpha_t() -> None:
    rng = random.Random(13)  # noqa: S311
    false = sum(audits_until_alarm(0.05, ("sort",), 1e-3, rng, 100) <= 100 for _ in range(200))
    assert false / 200 <= 1e-3 * 100


IMPOSSIBLE: dict[str, tuple[Score, float, float]] = {
    "more right than asked": (Score(6, 5), 0.1, ALPHA),
    "a negative count": (Score(-1, 5), 0.1, ALPHA),
    "a tolerated share of 0": (Score(5, 5), 0.0, ALPHA),
    "a tolerated share of 1": (Score(5, 5), 1.0, ALPHA),
    "a tolerated share that is no number": (Score(5, 5), float("nan"), ALPHA),
    "an alpha of 0": (Score(5, 5), 0.1, 0.0),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_audits_and_limits_are_refused(case: str) -> None:
    score, tolerated, alpha = IMPOSSIBLE[case]
    with pytest.raises(UsageError, match=r"expected.*got"):
        watch([{"sort": score}], Limits(tolerated), alpha=alpha)
