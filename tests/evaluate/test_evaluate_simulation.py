"""The gate under known truths: false promotions stay within the budget, and why items are drawn as they are.

Small runs of `benchmarks/gate_simulation.py`; the seeds are fixed, so each test gives the same counts every
time. A bound on a share is the claim plus three standard errors.
"""

import importlib
import random
import sys
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.evaluate_world import BUDGET, CANDIDATE, INCUMBENT, TASKS, Model, World, intent, silent

from detent.evaluate import Rules, alpha, conduct
from detent.evaluate.gate import Kind

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def walks() -> Any:
    """The simulator, which lies beside the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("gate_walks")
    finally:
        sys.path.remove(str(BENCHMARKS))


def within(share: float, claim: float, runs: int) -> bool:
    return share <= claim + 3 * sqrt(claim * (1 - claim) / runs)


def test_runs_of_null_candidates_are_promoted_no_more_often_than_the_budget_allows(walks: Any) -> None:
    first = walks.false_promotions(2000, 30, BUDGET, seed=1)
    assert sum(map(bool, first)) / 2000 <= BUDGET
    assert any(first), "no false promotion at all: the simulation does not reach the gate"


@pytest.mark.long
def test_two_thousand_runs_of_a_hundred_null_candidates_stay_within_the_budget(walks: Any) -> None:
    first = walks.false_promotions(2000, 100, BUDGET, seed=2)
    assert sum(map(bool, first)) / 2000 <= BUDGET


def test_a_run_that_tested_each_candidate_at_the_whole_budget_would_break_it(walks: Any) -> None:
    rng, line = random.Random(3), walks.WinLine(BUDGET)  # noqa: S311
    broken = sum(any(walks.null_passes(line, 4000, rng) for _ in range(30)) for _ in range(200))
    assert broken / 200 > 5 * BUDGET


def test_slices_drawn_at_random_keep_the_level_where_ordered_or_chosen_ones_break_it(walks: Any) -> None:
    assert within(walks.sliced_null_share(walks.random_slice, 300, seed=4), 0.05, 300)
    assert walks.sliced_null_share(walks.ordered_slice, 100, seed=4) > 0.9
    assert walks.sliced_null_share(walks.best_slice, 100, seed=4) > 0.5


NULLS: dict[str, tuple[Kind, float, float, float]] = {
    "superiority without a gain": ("superiority", 0.0, 0.1, 0.1),
    "non-inferiority with a loss of the whole margin": ("non_inferiority", 0.05, 0.025, 0.075),
    "non-inferiority with a loss of the whole margin and no wins": ("non_inferiority", 0.03, 0.0, 0.03),
    "a floor that is just held": ("floor", 0.94, 0.94, 0.06),
}


@pytest.mark.parametrize("case", NULLS)
def test_no_test_passes_at_its_null_more_often_than_its_level(case: str, walks: Any) -> None:
    kind, bound, win, loss = NULLS[case]
    rng, walk = random.Random(5), walks.Walk(kind, bound, 0.05, 3000, win=win, loss=loss)  # noqa: S311
    assert within(sum(walk.run(rng)[0] for _ in range(600)) / 600, 0.05, 600)


# (margin, discordance): power at 2,000 items, true difference 0, k = 8, as docs/statistics.md publishes it
POWER = {
    (0.03, 0.02): 1.00,
    (0.03, 0.05): 0.95,
    (0.03, 0.10): 0.58,
    (0.05, 0.02): 1.00,
    (0.05, 0.05): 1.00,
    (0.05, 0.10): 0.99,
}


@pytest.mark.parametrize("case", POWER)
def test_non_inferiority_has_the_published_power(case: tuple[float, float], walks: Any) -> None:
    margin, discordance = case
    rng = random.Random(6)  # noqa: S311
    half = discordance / 2
    walk = walks.Walk("non_inferiority", margin, alpha(8, BUDGET), 2000, win=half, loss=half)
    passed = sum(walk.run(rng)[0] for _ in range(500)) / 500
    assert passed == pytest.approx(POWER[case], abs=0.02 + 3 * sqrt(0.25 * (POWER[case] == 0.58) / 500))


# k: median items for gains of 5 and of 10 points (discordance .2), and for a true .98 against the floor .94
MEDIANS = {8: (1271, 299, 422), 100: (2110, 502, 683), 1000: (2882, 681, 934)}


@pytest.mark.parametrize("k", MEDIANS)
def test_tests_need_the_published_numbers_of_items(k: int, walks: Any) -> None:
    five, ten, floor = MEDIANS[k]
    level = alpha(k, BUDGET)
    for kind, bound, win, loss, median in (
        ("superiority", 0.0, 0.125, 0.075, five),
        ("superiority", 0.0, 0.15, 0.05, ten),
        ("floor", 0.94, 0.98, 0.02, floor),
    ):
        rng, walk = random.Random(7), walks.Walk(kind, bound, level, 10**6, win=win, loss=loss)  # noqa: S311
        items = sorted(walk.run(rng)[1].items for _ in range(400))
        assert items[200] == pytest.approx(median, rel=0.1)


def test_giving_up_what_is_hopeless_saves_most_items_and_next_to_no_power(walks: Any) -> None:
    for gain, least_power in ((0.0, 0.0), (0.05, 0.99)):
        win, loss = (0.2 + gain) / 2, (0.2 - gain) / 2
        walk = walks.Walk("superiority", 0.0, alpha(8, BUDGET), 7886, win=win, loss=loss)
        rng = random.Random(8)  # noqa: S311
        ends = [walk.run(rng, give_up=True) for _ in range(300)]
        assert sum(passed for passed, _ in ends) / 300 >= least_power
        if gain == 0:
            assert sum(counts.items for _, counts in ends) / 300 < 7886 / 2


def test_whole_openings_on_real_tasks_promote_null_candidates_no_more_often_than_their_level() -> None:
    """The same through the seal's streams: the candidate gains on some levels what it loses on others."""

    def gains_and_loses(_task: str, level: int) -> float:
        return 1.0 if level < 4 else {4: 0.9, 5: 0.6, 6: 0.5, 7: 0.4, 8: 0.1}[level]

    def even(_task: str, level: int) -> float:
        return 1.0 if level < 4 else 0.5

    models = {INCUMBENT: Model(even), CANDIDATE: Model(gains_and_loses, noise="own")}
    world = World(models)
    asked = intent(rules=Rules(superiority_items=1000))
    verdicts = [conduct(asked, bytes([run] * 32), TASKS, world.answer, silent).verdict for run in range(60)]
    assert within(verdicts.count("better") / 60, asked.alpha, 60)
    assert within(verdicts.count("not_better") / 60, asked.alpha, 60)
