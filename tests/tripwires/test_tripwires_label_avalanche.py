"""The label avalanche tripwire: its statistic, its false alarms, how soon it fires, and on whom."""

import random
from itertools import permutations
from math import exp, expm1, log
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.tripwires import Alarm
from detent.tripwires.label_avalanche import BETS, Limits, State, alpha_per_audit, watch
from detent.values import Score

ONE = Limits({"sort": 0.05}, 1e-5)
THREE = Limits(dict.fromkeys(("copy", "reverse", "sort"), 0.05), 1e-5)


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
        state, _ = watch(state, {"sort": Score(1 - x, 1)}, Limits({"sort": 0.2}, 1e-5))
    assert m_of(state, "sort") == pytest.approx(recurrence(outcomes, 0.2), rel=1e-9)


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (5, 0), (0, 4), (4, 2), (3, 3), (1, 5)])
def test_a_batch_of_totals_is_the_mean_over_every_order_of_its_labels(right: int, wrong: int) -> None:
    before, _ = watch(State(), {"sort": Score(6, 8)}, ONE)
    start = m_of(before, "sort")
    orders = list(permutations([0] * right + [1] * wrong))
    for place, bet in enumerate(BETS):
        ends = []
        for order in orders:
            m = start[place]
            for x in order:
                m = (1 + m) * (1 + bet * (x / 0.05 - 1))
            ends.append(m)
        after, _ = watch(before, {"sort": Score(right, right + wrong)}, ONE)
        assert m_of(after, "sort")[place] == pytest.approx(fmean(ends), rel=1e-9)


def test_at_the_tolerated_share_it_grows_by_one_a_label_on_average() -> None:
    """What the guarantee rests on: E[M_{t+n} | M_t] = M_t + n, computed exactly over a batch of three."""
    before, _ = watch(State(), {"sort": Score(7, 8)}, ONE)
    for place in range(len(BETS)):
        expected = 0.0
        for wrong, ways in enumerate((1, 3, 3, 1)):
            after, _ = watch(before, {"sort": Score(3 - wrong, 3)}, ONE)
            expected += ways * 0.05**wrong * 0.95 ** (3 - wrong) * m_of(after, "sort")[place]
        assert expected == pytest.approx(m_of(before, "sort")[place] + 3, rel=1e-9)


def test_right_labels_never_alarm_however_many() -> None:
    state, alarm = State(), None
    for _ in range(200):
        state, alarm = watch(state, dict.fromkeys(THREE.tolerated, Score(50, 50)), THREE)
        assert alarm is None
    assert all(max(m_of(state, task)) < 100 for task in THREE.tolerated)


def test_labels_that_are_all_wrong_alarm_at_once_and_overflow_nothing() -> None:
    state, alarm = watch(State(), {"sort": Score(0, 100)}, ONE)
    assert alarm is not None
    for _ in range(50):
        state, alarm = watch(state, {"sort": Score(0, 100)}, ONE)
    assert alarm is not None
    assert alarm.statistic < float("inf")


def test_the_alarm_names_the_task_whose_labels_went_wrong() -> None:
    audits = {"copy": Score(49, 50), "reverse": Score(27, 50), "sort": Score(50, 50)}
    _, alarm = watch(State(), audits, THREE)
    assert isinstance(alarm, Alarm)
    assert alarm.subjects == ("reverse",)
    assert alarm.tripwire == "label_avalanche"
    assert alarm.statistic >= alarm.limit == pytest.approx(log(1e5))
    assert "more than 5% of the self-made labels are wrong (last audit: 23 of 50)" in alarm.reading


def test_the_worst_task_is_named_first() -> None:
    audits = {"copy": Score(20, 50), "reverse": Score(0, 50), "sort": Score(50, 50)}
    _, alarm = watch(State(), audits, THREE)
    assert alarm is not None
    assert alarm.subjects == ("reverse", "copy")


def test_evidence_of_earlier_generations_counts() -> None:
    audits = {"sort": Score(22, 25)}
    state, alarm = watch(State(), audits, ONE)
    generations = 1
    while alarm is None and generations < 40:
        state, alarm = watch(state, audits, ONE)
        generations += 1
    assert 1 < generations < 40


def test_a_task_that_was_not_audited_keeps_its_evidence() -> None:
    before, _ = watch(State(), {"sort": Score(20, 25)}, THREE)
    after, _ = watch(before, {"copy": Score(25, 25)}, THREE)
    unchanged, _ = watch(before, {"sort": Score(0, 0)}, THREE)
    assert after.growth["sort"] == before.growth["sort"]
    assert unchanged.growth["sort"] == pytest.approx(before.growth["sort"])


def audits_until_alarm(wrong: float, limits: Limits, rng: random.Random, most: int) -> int:
    """Audits of the first task; the others stay at the tolerated share."""
    state = State()
    for audit in range(1, most + 1):
        scores = {
            task: Score(int(rng.random() >= (wrong if place == 0 else 0.05)), 1)
            for place, task in enumerate(limits.tolerated)
        }
        state, alarm = watch(state, scores, limits)
        if alarm:
            return audit
    return most + 1


# true share wrong: median audits to the alarm at alpha 1e-5, tolerated .05 (docs/statistics.md)
DELAYS = {0.10: 440, 0.15: 126, 0.30: 31, 0.45: 15}


@pytest.mark.parametrize("wrong", [0.15, 0.30, 0.45])
def test_it_fires_after_the_published_number_of_audits(wrong: float) -> None:
    rng = random.Random(11)  # noqa: S311
    delays = [audits_until_alarm(wrong, ONE, rng, 2000) for _ in range(60)]
    assert median(delays) == pytest.approx(DELAYS[wrong], rel=0.25)


def test_one_of_three_tasks_going_wrong_is_seen_almost_as_soon_as_one_alone() -> None:
    rng = random.Random(12)  # noqa: S311
    delays = [audits_until_alarm(0.45, THREE, rng, 2000) for _ in range(60)]
    assert median(delays) <= 22


def test_false_alarms_within_t_audits_are_rarer_than_alpha_t() -> None:
    rng, limits = random.Random(13), Limits({"sort": 0.05}, 1e-3)  # noqa: S311
    false = sum(audits_until_alarm(0.05, limits, rng, 100) <= 100 for _ in range(300))
    assert false / 300 <= 1e-3 * 100


def test_alpha_is_shared_among_wires_and_audits() -> None:
    assert alpha_per_audit(50) == pytest.approx(1 / (100 * 12 * 50))
    assert alpha_per_audit(50, wires=1) == pytest.approx(1 / 5000)


IMPOSSIBLE = {
    "more right than asked": ({"sort": Score(6, 5)}, ONE),
    "a negative count": ({"sort": Score(-1, 5)}, ONE),
    "a task nobody set a limit for": ({"rotate": Score(5, 5)}, ONE),
    "a tolerated share of 0": ({"sort": Score(5, 5)}, Limits({"sort": 0.0}, 1e-5)),
    "a tolerated share of 1": ({"sort": Score(5, 5)}, Limits({"sort": 1.0}, 1e-5)),
    "an alpha of 0": ({"sort": Score(5, 5)}, Limits({"sort": 0.05}, 0.0)),
    "no task": ({}, Limits({}, 1e-5)),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_audits_and_limits_are_refused(case: str) -> None:
    audits, limits = IMPOSSIBLE[case]
    with pytest.raises(UsageError, match="expected"):
        watch(State(), audits, limits)


def test_the_example_at_the_top_is_true() -> None:
    limits = Limits(tolerated={"copy": 0.05, "reverse": 0.05}, alpha=1e-5)
    _, alarm = watch(State(), {"copy": Score(50, 50), "reverse": Score(25, 50)}, limits)
    assert alarm is not None
    assert (alarm.subjects, round(alarm.statistic, 1), round(alarm.limit, 1)) == (("reverse",), 42.6, 11.5)
    assert exp(alarm.limit) == pytest.approx(1e5)
