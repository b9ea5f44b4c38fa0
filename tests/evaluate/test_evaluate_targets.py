"""Targets: a fixed function of the visible profile, of what is mastered, and of k."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.evaluate_world import BUDGET, flat_profile, intent

from detent.evaluate import Rules, item_limit, targets
from detent.evaluate.recompute import faults_of_intent
from detent.values import Profile, Score, Slice

GOOD, POOR = Score(64, 64), Score(10, 64)


def levels_of_s(*rows: tuple[Score, ...]) -> dict[str, list[int]]:
    profile = Profile("d" * 64, {f"task{place}": row for place, row in enumerate(rows)})
    superiority = targets(profile, {}, 1, BUDGET)[0]
    found: dict[str, list[int]] = {}
    for one in superiority.slices:
        found.setdefault(one.task, []).append(one.level)
    return found


def test_superiority_looks_from_one_below_the_frontier_to_three_above() -> None:
    row = (GOOD,) * 5 + (POOR,) * 10
    assert levels_of_s(row) == {"task0": [5, 6, 7, 8, 9]}


FRONTIERS = {
    "nothing is right yet": ((POOR,) * 15, [1, 2, 3, 4]),
    "the top is near": ((GOOD,) * 13 + (POOR,) * 2, [13, 14, 15]),
    "the whole ladder is reached": ((GOOD,) * 15, [15]),
    "a ladder of one level": ((GOOD,), [1]),
    "a dip counts as the frontier": ((GOOD, GOOD, POOR, GOOD, GOOD, GOOD, GOOD), [2, 3, 4, 5, 6]),
}


@pytest.mark.parametrize("case", FRONTIERS)
def test_superiority_stays_inside_the_ladder(case: str) -> None:
    row, levels = FRONTIERS[case]
    assert levels_of_s(row) == {"task0": levels}


def test_every_improved_task_is_in_superiority_with_equal_weight_a_rung() -> None:
    superiority = targets(flat_profile(), {}, 1, BUDGET)[0]
    assert {one.task for one in superiority.slices} == {"copy", "reverse", "sort"}
    assert set(superiority.weights) == {1 / len(superiority.slices)}


def test_each_task_must_hold_its_whole_ladder_and_what_it_mastered() -> None:
    found = {
        target.name: target for target in targets(flat_profile(), {"sort": {3, 1}, "copy": ()}, 1, BUDGET)
    }
    assert list(found) == ["S", "L/copy", "L/reverse", "L/sort", "R/sort"]
    assert found["L/copy"].slices == tuple(Slice("copy", level) for level in range(1, 9))
    assert (found["L/copy"].kind, found["L/copy"].bound) == ("non_inferiority", 0.05)
    assert found["R/sort"].slices == (Slice("sort", 1), Slice("sort", 3))
    assert (found["R/sort"].kind, found["R/sort"].bound) == ("floor", 0.94)


def test_item_limits_grow_with_the_opening() -> None:
    rules = Rules(superiority_items=4000, other_items=2000)
    for k in (1, 8, 100):
        superiority, *others = targets(flat_profile(), {"copy": {1}}, k, BUDGET, rules)
        assert superiority.limit == item_limit(4000, k, BUDGET)
        assert {target.limit for target in others} == {item_limit(2000, k, BUDGET)}


@given(
    st.dictionaries(
        st.sampled_from(["copy", "reverse", "sort"]),
        st.lists(st.integers(0, 64).map(lambda right: Score(right, 64)), min_size=1, max_size=15).map(tuple),
        min_size=1,
    ),
    st.integers(1, 500),
)
def test_whatever_the_profile_the_targets_can_be_tested(scores: dict[str, tuple[Score, ...]], k: int) -> None:
    made = targets(Profile("d" * 64, scores), {task: {1} for task in scores}, k, BUDGET)
    assert faults_of_intent(intent(k, of=made)) == []
    assert all(fsum(target.weights) == pytest.approx(1) for target in made)
