"""Smaller and as good: what such an opening asks, what of an intent is refused, and that chains of them hold.

The simulations are small runs of `benchmarks/smaller_simulation.py`; the seeds are fixed.
"""

import importlib
import random
import sys
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.evaluate.evaluate_world import (
    BUDGET,
    CANDIDATE,
    INCUMBENT,
    TASKS,
    Model,
    Skill,
    World,
    falling,
    flat_profile,
    intent,
    silent,
)

from detent.errors import TrustError
from detent.evaluate import (
    Aim,
    Conducted,
    Guard,
    Rules,
    as_good,
    conduct,
    discrepancies,
    faults_of_intent,
    gating,
    promises,
    recheck_items,
    recount,
    smaller,
    targets,
)
from detent.values import Intent, Outcome, Profile, Score, Slice

ANCHOR = "d" * 64
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RULES = Rules(least_saving=0.05)
MASTERED = {task: {1, 2, 3, 4} for task in TASKS}


@pytest.fixture(scope="module")
def simulation() -> Any:
    """The simulator, which lies beside the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("smaller_simulation")
    finally:
        sys.path.remove(str(BENCHMARKS))


def asked(*, anchored: bool = False, better: bool = False, rules: Rules = RULES) -> Intent:
    """The first opening for a candidate that is smaller, or better, beside an anchor or without."""
    aim = Aim(smaller=not better, anchor=ANCHOR if anchored else "")
    return structs.replace(
        intent(of=targets(flat_profile(), MASTERED, 1, BUDGET, rules, aim=aim)),
        objective=UNSET if better else "smaller",
        anchor=ANCHOR if anchored else UNSET,
    )


def opened(written: Intent, candidate: Skill, anchor: Skill | None = None) -> Conducted:
    world = World(
        {INCUMBENT: Model(falling(0.5)), CANDIDATE: Model(candidate), ANCHOR: Model(anchor or falling(0.5))}
    )
    return conduct(written, b"\x05" * 32, TASKS, world.answer, silent)


# ------------------------------------------------------------------ what is asked


def test_a_smaller_candidate_is_asked_to_lose_nothing_and_not_to_be_better() -> None:
    names = [target.name for target in asked().targets]
    assert names == ["L/copy", "L/reverse", "L/sort", "R/copy", "R/reverse", "R/sort"]


def test_where_the_incumbent_is_not_the_anchor_both_are_held_against() -> None:
    written = asked(anchored=True, rules=Rules(guards=(Guard("form", 0.05, (Slice("P/form", 1),)),)))
    names = [target.name for target in written.targets]
    assert names[-4:] == ["A/L/copy", "A/L/reverse", "A/L/sort", "A/P/form"]
    assert [written.rival(target) == ANCHOR for target in written.targets] == [
        name[0] == "A" for name in names
    ]


def test_better_is_better_than_the_anchor_and_no_worse_than_both() -> None:
    written = asked(anchored=True, better=True)
    anchored = [target.name for target in written.targets if written.rival(target) == ANCHOR]
    assert anchored == ["S", "A/L/copy", "A/L/reverse", "A/L/sort"]


def test_without_a_charter_that_says_so_nothing_is_asked_otherwise_than_before() -> None:
    assert targets(flat_profile(), MASTERED, 1, BUDGET) == targets(flat_profile(), MASTERED, 1, BUDGET, RULES)
    assert not smaller(1, 1000, Rules())


SIZES = {
    "five in a hundred less": (950, True),
    "a little less than that": (951, False),
    "as large": (1000, False),
    "larger": (1200, False),
}


@pytest.mark.parametrize("case", SIZES)
def test_smaller_is_what_does_without_the_least_saving(case: str) -> None:
    candidate, holds = SIZES[case]
    assert smaller(candidate, 1000, RULES) is holds


# ------------------------------------------------------------------ what comes of it


def test_an_equal_smaller_candidate_passes_and_the_counts_say_so() -> None:
    written = asked(anchored=True)
    conducted = opened(written, falling(0.5))
    assert conducted.verdict == "better"
    outcome = Outcome(1, conducted.verdict, conducted.results, conducted.gain, "", conducted.because)
    assert discrepancies(written, outcome, BUDGET) == []
    assert recount(written, outcome, conducted.record) == []
    assert recheck_items(written, b"\x05" * 32, conducted.record, TASKS) == []


def test_a_candidate_that_is_worse_than_the_anchor_fails_although_it_is_near_the_incumbent() -> None:
    conducted = opened(asked(anchored=True), falling(0.5), anchor=falling(0.9))
    assert conducted.verdict == "not_better"
    assert "A/L/copy showed the opposite" in conducted.because
    assert [result.passed for result in conducted.results[:6]] == [True] * 6


def test_a_candidate_that_beats_the_incumbent_but_not_the_anchor_is_not_better() -> None:
    conducted = opened(asked(anchored=True, better=True), falling(0.8), anchor=falling(0.9))
    assert conducted.verdict == "not_better"
    assert [result.name for result in conducted.results] == ["S"]


def test_a_smaller_candidate_that_lost_what_was_mastered_fails() -> None:
    forgetful: Skill = lambda _task, level: 0.85 if level == 1 else (1.0 if level < 5 else 0.6)  # noqa: E731
    conducted = opened(asked(rules=Rules(floor=0.98)), forgetful)
    assert conducted.verdict == "not_better"
    assert "R/copy showed the opposite" in conducted.because


def test_what_the_answers_took_counts_each_model_for_what_it_was_asked() -> None:
    written = asked(anchored=True)
    rows = opened(written, falling(0.5)).record
    sizes = {CANDIDATE: 1, INCUMBENT: 1000, ANCHOR: 1_000_000}
    read = {row.target: 0.0 for row in rows}
    for row in rows:
        read[row.target] += 2 * (len(row.prompt) + len(row.prompt) + 4)
    wanted = sum(read.values())
    wanted += 1000 * sum(took for name, took in read.items() if name.startswith("L/"))
    wanted += 1_000_000 * sum(took for name, took in read.items() if name.startswith("A/"))
    assert gating(sizes, written, rows, 4) == wanted


# ------------------------------------------------------------------ what is refused


INTENTS: dict[str, tuple[Callable[[], Intent], str]] = {
    "a smaller candidate is asked to be better": (
        lambda: structs.replace(asked(better=True), objective="smaller"),
        "tests that a smaller candidate is as good, and none that it is better, expected",
    ),
    "a smaller candidate is asked for the floors alone": (
        lambda: structs.replace(asked(), targets=tuple(t for t in asked().targets if t.kind == "floor")),
        "tests that a smaller candidate is as good",
    ),
    "a candidate that must be better is only asked to lose nothing": (
        lambda: structs.replace(asked(), objective=UNSET),
        "a superiority test first expected",
    ),
    "an anchor is named and nothing held against it": (
        lambda: structs.replace(asked(), anchor=ANCHOR),
        "tests against the intent's anchor expected, got none",
    ),
    "tests are held against an anchor that is not named": (
        lambda: structs.replace(asked(anchored=True), anchor=UNSET),
        "an anchor for the tests against it expected",
    ),
    "the candidate is its own anchor": (
        lambda: structs.replace(asked(anchored=True), anchor=CANDIDATE),
        "an anchor that is neither candidate nor incumbent expected",
    ),
    "a floor is held against the anchor": (
        lambda: structs.replace(
            asked(anchored=True),
            targets=tuple(structs.replace(t, against="anchor") for t in asked(anchored=True).targets),
        ),
        "floors without a model beside the candidate expected",
    ),
}


@pytest.mark.parametrize("case", INTENTS)
def test_an_intent_that_does_not_fit_its_objective_is_not_opened(case: str) -> None:
    written, said = INTENTS[case][0](), INTENTS[case][1]
    assert any(said in fault for fault in faults_of_intent(written)), faults_of_intent(written)
    with pytest.raises(TrustError, match=r"an intent that can be tested expected"):
        opened(written, falling(0.5))


# ------------------------------------------------------------------ what the open says


def profile(name: str, *right: int) -> Profile:
    return Profile(
        name * 64, {task: (Score(one, 100),) for task, one in zip(("copy", "sort"), right, strict=True)}
    )


NEAR = {
    "equal": (profile("b", 50, 50), True),
    "a little below on both": (profile("b", 48, 48), True),
    "by half the margin below on one": (profile("b", 60, 47), False),
    "above on both": (profile("b", 60, 60), True),
    "the incumbent itself": (profile("a", 50, 50), False),
}


@pytest.mark.parametrize("case", NEAR)
def test_a_smaller_candidate_is_worth_an_opening_where_it_is_near_on_every_task(case: str) -> None:
    after, worth = NEAR[case]
    assert as_good(profile("a", 50, 50), after, 0.06) is worth


def test_what_is_far_below_the_anchor_in_the_open_is_not_worth_an_opening() -> None:
    before, anchor = profile("a", 50, 50), profile("c", 55, 55)
    assert not as_good(before, profile("b", 51, 51), 0.06, anchor)
    assert not promises(before, profile("b", 51, 51), anchor)
    assert promises(before, profile("b", 56, 56), anchor)


# ------------------------------------------------------------------ chains


def test_thirty_steps_of_a_point_walk_away_without_an_anchor_and_stay_with_it(simulation: Any) -> None:
    for number in range(5):
        assert simulation.losing("incumbent", random.Random(number)).incumbent == -30  # noqa: S311
        held = simulation.losing("over anchor", random.Random(number))  # noqa: S311
        assert -100 * simulation.MARGIN <= held.low < 0


def test_less_won_than_lost_falls_from_step_to_step_unless_better_is_better_than_the_anchor(
    simulation: Any,
) -> None:
    naive = [simulation.seesaw("over incumbent", random.Random(number), 30) for number in range(5)]  # noqa: S311
    held = [simulation.seesaw("over anchor", random.Random(number), 30) for number in range(5)]  # noqa: S311
    assert sum(run.incumbent for run in naive) / 5 < -100 * simulation.MARGIN
    assert min(run.low for run in held) >= -100 * simulation.MARGIN
    assert min(run.incumbent for run in held) > 0


def test_runs_of_candidates_worse_by_the_margin_accept_one_no_more_often_than_the_budget(
    simulation: Any,
) -> None:
    found = simulation.ever_accepted(5, 10, random.Random(1), 400)  # noqa: S311
    assert sum(found) / 400 <= BUDGET + 3 * sqrt(BUDGET * (1 - BUDGET) / 400)
    assert any(found), "no false acceptance at all: the simulation does not reach the gate"


@pytest.mark.long
def test_two_thousand_runs_of_thirty_worse_candidates_stay_within_the_budget(simulation: Any) -> None:
    found = simulation.ever_accepted(5, 30, random.Random(2), 2000)  # noqa: S311
    assert sum(found) / 2000 <= BUDGET


# (discordance, tests, k): share of equal, smaller candidates that docs/statistics.md publishes as accepted
POWER = {(0.05, 3, 1): 1.0, (0.10, 3, 8): 1.0, (0.10, 6, 1): 0.999, (0.15, 6, 1): 0.976}


@pytest.mark.parametrize("case", POWER)
def test_an_equal_smaller_candidate_is_accepted_as_often_as_published(
    case: tuple[float, int, int], simulation: Any
) -> None:
    discordance, tests, k = case
    accepted, _ = simulation.power(0.0, discordance, k, tests, 300)
    assert accepted == pytest.approx(POWER[case], abs=0.03)
