"""Items: drawn from the seed and the number alone, slice and problem both i.i.d."""

from collections import Counter
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.evaluate_world import TASKS

from detent.errors import UsageError
from detent.evaluate import ItemStream
from detent.values import Slice, Target

SEED = bytes(range(32))
VECTOR = [
    ("copy", 1, "C5="),
    ("sort", 3, "S766="),
    ("copy", 1, "C8="),
    ("copy", 1, "C1="),
    ("copy", 9, "C691015228="),
    ("copy", 1, "C3="),
]
SLICES = (Slice("copy", 1), Slice("copy", 9), Slice("sort", 3))


def target(name: str = "S", weights: tuple[float, ...] = (0.5, 0.3, 0.2)) -> Target:
    return Target(name, "superiority", SLICES, weights, 0.0, 1000)


def test_the_first_items_of_a_known_seed_are_these() -> None:
    items = ItemStream(SEED, target(), TASKS).take(0, 6)
    assert [(item.slice.task, item.slice.level, item.problem.prompt) for item in items] == VECTOR


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_an_item_does_not_depend_on_how_many_are_drawn_with_it(start: int, size: int, more: int) -> None:
    stream = ItemStream(SEED, target(), TASKS)
    whole = stream.take(start, start + size + more)
    assert whole == stream.take(start, start + size) + stream.take(start + size, start + size + more)


def test_targets_of_one_opening_have_streams_of_their_own() -> None:
    first = ItemStream(SEED, target("L/copy"), TASKS).take(0, 50)
    other = ItemStream(SEED, target("L/sort"), TASKS).take(0, 50)
    another_seed = ItemStream(SEED[::-1], target("L/copy"), TASKS).take(0, 50)
    assert first != other != another_seed != first


def test_slices_come_as_often_as_their_weights_say_and_in_no_order() -> None:
    items = ItemStream(SEED, target(), TASKS).take(0, 3000)
    for half in (items[:1500], items[1500:]):
        counts = Counter(item.slice for item in half)
        for one, weight in zip(SLICES, target().weights, strict=True):
            spread = sqrt(1500 * weight * (1 - weight))
            assert abs(counts[one] - 1500 * weight) < 4 * spread
    pairs = Counter(pairwise(items))
    assert len({(a.slice, b.slice) for a, b in pairs}) == 9


def test_problems_are_drawn_with_replacement() -> None:
    items = ItemStream(SEED, target(), TASKS).take(0, 200)
    level_one = [item.problem.prompt for item in items if item.slice == Slice("copy", 1)]
    assert len(level_one) > len(set(level_one)) == 10


def test_weights_that_add_up_to_a_hair_less_than_one_draw_all_the_same() -> None:
    slim = target(weights=(0.1, 0.1, 0.1))
    assert len(ItemStream(SEED, slim, TASKS).take(0, 100)) == 100


def test_a_task_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"got \['sort'\]"):
        ItemStream(SEED, target(), {"copy": TASKS["copy"]})
