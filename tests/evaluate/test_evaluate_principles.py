"""Principles at the gate: which tests there are, and that under known truths they let through no more than they may."""

import importlib
import random
import sys
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.evaluate_world import BUDGET

from detent.evaluate import Guard, Rules, alpha, item_limit, least_first_limit, targets
from detent.values import Profile, Score, Slice

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

PROFILE = Profile("a" * 64, {"copy": (Score(64, 64), Score(8, 64))})
GUARDS = (
    Guard("plain", 0.02, (Slice("P/plain", 1),)),
    Guard("careful", 0.1, (Slice("P/careful/copy", 1), Slice("P/careful/copy", 2))),
)


@pytest.fixture(scope="module")
def simulation() -> Any:
    """The simulator, which lies beside the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("principle_simulation")
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_each_guarded_principle_is_a_target_after_all_others_with_its_own_margin() -> None:
    found = targets(PROFILE, {"copy": {1}}, 3, BUDGET, Rules(guards=GUARDS))
    bare = targets(PROFILE, {"copy": {1}}, 3, BUDGET, Rules())
    assert found[: len(bare)] == bare
    plain, careful = found[len(bare) :]
    assert [(each.name, each.kind, each.bound) for each in (plain, careful)] == [
        ("P/plain", "non_inferiority", 0.02),
        ("P/careful", "non_inferiority", 0.1),
    ]
    assert careful.slices == GUARDS[1].slices
    assert careful.weights == (0.5, 0.5)
    assert plain.limit == careful.limit == item_limit(2000, 3, BUDGET)


def test_runs_of_null_candidates_are_promoted_no_more_often_with_principles_than_without(
    simulation: Any,
) -> None:
    for principles in (0, 3):
        promoted = simulation.false_promotions(400, 20, principles, seed=1)
        assert promoted / 400 <= BUDGET + 3 * sqrt(BUDGET * (1 - BUDGET) / 400)
        assert promoted, "no false promotion at all: the simulation does not reach the gate"


def test_a_candidate_that_is_worse_by_the_margin_at_one_principle_passes_at_most_as_often_as_one_test_errs(
    simulation: Any,
) -> None:
    level, runs = alpha(1, BUDGET), 1000
    accepted = simulation.worse_at_one(runs, 1, simulation.MARGIN, 3, seed=2)
    assert 0 < accepted / runs <= level + 3 * sqrt(level * (1 - level) / runs)
    assert simulation.worse_at_one(runs, 1, 2 * simulation.MARGIN, 3, seed=2) == 0


def test_joint_power_is_that_of_all_principles_together_as_the_page_has_it(simulation: Any) -> None:
    walk, rng = simulation.principle(1, discordance=0.15), random.Random(3)  # noqa: S311
    kept = [sum(simulation.keeps_all([walk] * n, rng)[0] for _ in range(300)) / 300 for n in (1, 10)]
    assert kept[0] > 0.98
    assert 0.92 < kept[1] < 0.995


def test_a_margin_has_a_least_limit_like_any_test_of_its_kind() -> None:
    assert least_first_limit("non_inferiority", 0.02, 8, BUDGET) > least_first_limit(
        "non_inferiority", 0.05, 8, BUDGET
    )
