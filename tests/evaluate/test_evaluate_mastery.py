"""Mastery and profiles: which rungs count as reached, and from which problems."""

from math import comb

import pytest
from tests.evaluate.evaluate_world import CANDIDATE, TASKS, Model, World, falling, flat_profile

from detent.errors import EngineError, UsageError
from detent.evaluate import (
    as_profile,
    ladder_rungs,
    newly_mastered,
    plan_mastery,
    profile_items,
    score_profile,
)
from detent.evaluate.mastery import ALPHA, PROBLEMS, is_mastered
from detent.tasks import Rng
from detent.values import Item, Score

SEED = b"profile"


def power(rate: float) -> float:
    """Exact probability that a rung of this true rate is found mastered with the planned problems."""
    return sum(
        comb(PROBLEMS, right) * rate**right * (1 - rate) ** (PROBLEMS - right)
        for right in range(PROBLEMS + 1)
        if is_mastered(Score(right, PROBLEMS))
    )


def test_a_rung_that_is_not_above_the_bound_is_rarely_called_mastered() -> None:
    assert power(0.95) <= ALPHA
    assert power(0.90) < 1e-6


@pytest.mark.parametrize(("rate", "published"), [(0.97, 0.05), (0.98, 0.25), (0.99, 0.75), (0.995, 0.96)])
def test_the_planned_problems_find_mastery_as_often_as_published(rate: float, published: float) -> None:
    assert power(rate) == pytest.approx(published, abs=0.01)


def test_mastered_levels_are_named_per_task_and_others_left_out() -> None:
    scores = {
        "copy": {3: Score(256, 256), 2: Score(255, 256), 4: Score(240, 256)},
        "sort": {1: Score(10, 10)},
    }
    assert newly_mastered(scores) == {"copy": (2, 3)}


def test_too_few_problems_master_nothing() -> None:
    assert not is_mastered(Score(0, 0))
    assert not is_mastered(Score(100, 100))
    assert is_mastered(Score(131, 131))


def test_impossible_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="counts"):
        is_mastered(Score(300, 256))


def test_tried_are_the_rungs_below_the_frontier_that_are_not_mastered() -> None:
    plan = plan_mastery(flat_profile(frontier=4), {"copy": {1, 2}, "sort": {1, 2, 3}})
    assert plan == {"copy": {3: PROBLEMS}, "reverse": dict.fromkeys((1, 2, 3), PROBLEMS)}


def test_a_profile_counts_what_a_model_gets_right_on_each_rung() -> None:
    world = World({CANDIDATE: Model(lambda task, level: float(task == "copy" or level < 3))})
    items = profile_items(TASKS, ladder_rungs(dict.fromkeys(TASKS, 5), each=20), SEED)
    answers = world.answer(CANDIDATE, [item.problem.prompt for item in items])
    profile = as_profile(CANDIDATE, score_profile(TASKS, items, answers))
    assert profile.subject == CANDIDATE
    assert profile.scores["copy"] == (Score(20, 20),) * 5
    assert profile.scores["sort"] == (Score(20, 20),) * 2 + (Score(0, 20),) * 3


def test_the_same_stream_draws_the_same_problems_whatever_else_is_asked() -> None:
    everything = profile_items(TASKS, ladder_rungs(dict.fromkeys(TASKS, 6), each=8), SEED)
    some = profile_items(TASKS, {"sort": {4: 5}}, SEED)
    of_that_rung = [item for item in everything if (item.slice.task, item.slice.level) == ("sort", 4)]
    assert of_that_rung[:5] == some
    assert profile_items(TASKS, {"sort": {4: 5}}, b"other") != some


def test_problems_of_a_profile_are_those_of_the_published_derivation() -> None:
    seed = Rng(SEED).child("sort").child("4").child("2").seed
    wanted = TASKS["sort"].problems([(4, seed)])[0]
    item: Item = profile_items(TASKS, {"sort": {4: 3}}, SEED)[2]
    assert item.problem == wanted


def test_another_number_of_answers_than_problems_is_refused() -> None:
    items = profile_items(TASKS, {"sort": {4: 5}}, SEED)
    with pytest.raises(EngineError, match="5 answers expected, got 4"):
        score_profile(TASKS, items, ["1"] * 4)


def test_skill_falls_in_a_world_as_it_was_set() -> None:
    world = World({CANDIDATE: Model(falling(0.5))})
    items = profile_items(TASKS, {"copy": {9: 400}}, SEED)
    answers = world.answer(CANDIDATE, [item.problem.prompt for item in items])
    assert score_profile(TASKS, items, answers)["copy"][9].rate == pytest.approx(0.5, abs=0.1)
