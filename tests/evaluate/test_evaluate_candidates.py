"""Many candidates a generation, one of them confirmed: the error budget of a run holds however many there are.

Every generation has a plain plan and 20 changes, none of them better than the model in force: some are as good, gaining
on some levels what they lose on others, and some are worse. All are profiled on visible problems, and the one that
looks best is confirmed at the gate, at a_k. The gate is the package's own: its thresholds, levels and limits of items
(`benchmarks/gate_walks.py`).
"""

import importlib
import random
import sys
from collections.abc import Callable
from functools import cache
from math import exp, fsum, lgamma, log, log1p
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluate.evaluate_world import BUDGET

from detent.evaluate import alpha, best
from detent.evaluate.budget import item_limit
from detent.propose.halving import chosen
from detent.values import Profile, Score

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CHANGES, LEVELS, PROBLEMS = 20, 6, 64
FIRST_LIMIT, DISCORDANCE = 4000, 0.25
LOSSES = (0.0, 0.005, 0.01, 0.02)
"""By how much a candidate is worse than the model in force; every fourth is as good."""


@pytest.fixture(scope="module")
def walks() -> Any:
    """The simulator, which lies beside the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("gate_walks")
    finally:
        sys.path.remove(str(BENCHMARKS))


Screening = Callable[[dict[int, Profile]], int]
"""Which alternative is confirmed."""


def looks_best(profiles: dict[int, Profile]) -> int:
    """By its visible ladder alone: as greedy as a screening can be."""
    return int(best(list(profiles.values())).subject)


def by_more_than_chance(profiles: dict[int, Profile]) -> int:
    """As a generation does it."""
    return chosen(profiles, CHANGES)[0]


class Gate:
    """The tests of openings 1 .. `openings`, of candidates that are worse by a known loss."""

    def __init__(self, walks: Any, openings: int, level: Callable[[int], float]) -> None:
        lines = {k: walks.WinLine(level(k)) for k in range(1, openings + 1)}
        self._limits = {k: item_limit(FIRST_LIMIT, k, BUDGET) for k in lines}

        @cache
        def walk(k: int, loss: float) -> Any:
            win = (DISCORDANCE - loss) / 2
            return walks.Walk("superiority", 0.0, level(k), self._limits[k], win=win, loss=win + loss)

        self._walks, self._lines, self._walk = walks, lines, walk

    def promotes(self, k: int, loss: float, rng: random.Random) -> bool:
        """Whether opening k takes such a candidate for a better one."""
        if not loss:  # the same walk, drawn faster
            return bool(self._walks.null_passes(self._lines[k], self._limits[k], rng))
        return bool(self._walk(k, loss).run(rng, give_up=True)[0])


def visible(noise: np.random.Generator, losses: list[float]) -> dict[int, Profile]:
    """Profiles of all alternatives, whose shares right are spread so that their mean is .5 less the loss."""
    tilts = np.array(
        [[0.1 if (level + place) % 2 else -0.1 for level in range(LEVELS)] for place in range(len(losses))]
    )
    rights = noise.binomial(PROBLEMS, 0.5 + tilts - np.array(losses)[:, None])
    return {
        place: Profile(str(place), {"copy": tuple(Score(right, PROBLEMS) for right in row)})
        for place, row in enumerate(rights.tolist())
    }


def losses_of(rng: random.Random) -> list[float]:
    """Of the plan, which is as good, and of the changes."""
    return [0.0, *(LOSSES[rng.randrange(len(LOSSES))] for _ in range(CHANGES))]


def promoted(
    walks: Any, runs: int, generations: int, screening: Screening, seed: int
) -> tuple[int, list[float]]:
    """Runs with any promotion, and how much worse what was confirmed is."""
    rng, noise, found = random.Random(seed), np.random.default_rng(seed), list[float]()  # noqa: S311
    gate, bad = Gate(walks, generations, lambda k: alpha(k, BUDGET)), 0
    for _ in range(runs):
        for k in range(1, generations + 1):
            losses = losses_of(rng)
            found.append(losses[screening(visible(noise, losses))])
            if gate.promotes(k, found[-1], rng):
                bad += 1
                break
    return bad, found


def upper_bound(bad: int, runs: int, level: float = 0.05) -> float:
    """The share that would give so few or fewer with a chance of `level`: exact (Clopper and Pearson 1934)."""
    low, high = bad / runs, 1.0 - 1e-9
    for _ in range(40):
        share = (low + high) / 2  # never 0
        ways = (lgamma(runs + 1) - lgamma(n + 1) - lgamma(runs - n + 1) for n in range(bad + 1))
        logs = (log(share) * n + log1p(-share) * (runs - n) + way for n, way in enumerate(ways))
        chance = fsum(map(exp, logs))
        low, high = (share, high) if chance > level else (low, share)
    return high


SCREENINGS: dict[str, Screening] = {
    "whatever looks best": looks_best,
    "what looks better by more than chance": by_more_than_chance,
}


@pytest.mark.parametrize("screening", SCREENINGS.values(), ids=SCREENINGS.keys())
def test_twenty_null_candidates_a_generation_are_promoted_no_more_often_than_the_budget(
    screening: Screening, walks: Any
) -> None:
    bad, confirmed = promoted(walks, 1500, 6, screening, seed=1)
    assert upper_bound(bad, 1500) <= BUDGET
    assert bad, "no false promotion at all: the simulation does not reach the gate"
    assert any(confirmed) or screening is not looks_best  # by luck, worse ones look best too


@pytest.mark.long
@pytest.mark.parametrize("screening", SCREENINGS.values(), ids=SCREENINGS.keys())
def test_in_three_thousand_longer_runs_they_are_not_either(screening: Screening, walks: Any) -> None:
    bad, _ = promoted(walks, 3000, 20, screening, seed=2)
    assert upper_bound(bad, 3000) <= BUDGET
    assert bad


def test_a_gate_that_opens_every_candidate_at_a_generations_level_breaks_the_budget(walks: Any) -> None:
    rng, runs = random.Random(3), 200  # noqa: S311
    gate = Gate(walks, 6, lambda k: alpha(k, BUDGET))
    bad = sum(
        any(gate.promotes(k, 0.0, rng) for k in range(1, 7) for _ in range(1 + CHANGES)) for _ in range(runs)
    )
    assert bad / runs > 2 * BUDGET


def test_a_gate_that_tests_each_generation_at_the_whole_budget_breaks_it(walks: Any) -> None:
    rng, runs = random.Random(4), 200  # noqa: S311
    gate = Gate(walks, 20, lambda _: BUDGET)
    bad = sum(any(gate.promotes(k, 0.0, rng) for k in range(1, 21)) for _ in range(runs))
    assert bad / runs > 2 * BUDGET


def test_the_upper_bound_is_the_exact_one() -> None:
    assert upper_bound(0, 300) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert upper_bound(5, 100) == pytest.approx(0.1022, abs=1e-4)
