"""Successive halving keeps the plan and the best; a change is chosen only where chance does not explain its ladder."""

from collections.abc import Callable, Mapping
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.propose.halving import chosen, difference_error, rung_sizes, survivors, z_of
from detent.values import Profile, Score

TASKS, LEVELS, PROBLEMS = ("copy", "reverse", "sort"), 15, 64
CHANGES = 7
Rights = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


def profile(*right: int, of: int = 64) -> Profile:
    return Profile("d" * 64, {"copy": tuple(Score(one, of) for one in right)})


SIZES = {
    "the plan alone": ((1, 3), (0, 0, 0)),
    "one change": ((2, 3), (1, 1, 1)),
    "one rung": ((8, 1), (7,)),
    "seven changes": ((8, 3), (7, 4, 2)),
    "nineteen changes": ((20, 5), (19, 10, 5, 3, 2)),
}


@pytest.mark.parametrize(("given_", "sizes"), SIZES.values(), ids=SIZES.keys())
def test_each_rung_trains_half_as_many_changes(given_: tuple[int, int], sizes: tuple[int, ...]) -> None:
    assert rung_sizes(*given_) == sizes


@pytest.mark.parametrize("amiss", [(0, 1), (1, 0), (-1, 3)])
def test_no_alternatives_or_no_rungs_are_refused(amiss: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="1 alternative and 1 rung or more expected"):
        rung_sizes(*amiss)


SURVIVORS: dict[str, tuple[dict[int, Profile], int, tuple[int, ...]]] = {
    "the best of all": ({0: profile(9), 1: profile(3), 2: profile(5), 3: profile(4)}, 2, (0, 2, 3)),
    "the plan however bad it is": ({0: profile(0), 1: profile(9), 2: profile(8)}, 1, (0, 1)),
    "of equals the lower number": (
        {0: profile(5), 3: profile(7), 1: profile(7), 2: profile(7)},
        2,
        (0, 1, 2),
    ),
    "nobody who was withdrawn": ({0: profile(5), 4: profile(1)}, 3, (0, 4)),
    "the plan alone where nobody is wanted": ({0: profile(5), 1: profile(9)}, 0, (0,)),
    "the plan alone where all were withdrawn": ({0: profile(5)}, 4, (0,)),
}


@pytest.mark.parametrize(("profiles", "most", "left"), SURVIVORS.values(), ids=SURVIVORS.keys())
def test_what_is_trained_further_is(profiles: dict[int, Profile], most: int, left: tuple[int, ...]) -> None:
    assert survivors(profiles, most) == left


@given(st.dictionaries(st.integers(1, 30), st.integers(0, 64)), st.integers(0, 30))
def test_whoever_is_dropped_is_no_better_than_any_that_stays(rights: dict[int, int], most: int) -> None:
    left = survivors({0: profile(30), **{place: profile(right) for place, right in rights.items()}}, most)
    assert left[0] == 0
    assert len(left) == 1 + min(most, len(rights))
    stay, gone = (
        [rights[place] for place in left[1:]],
        [rights[place] for place in rights if place not in left],
    )
    assert max(gone, default=-1) <= min(stay, default=64)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "survivors without the plan": (
        lambda: survivors({1: profile(5)}, 1),
        "alternative 0, expected, got those of",
    ),
    "a choice without the plan": (lambda: chosen({2: profile(5)}, 3), "alternative 0, expected"),
    "fewer survivors than none": (lambda: survivors({0: profile(5)}, -1), "0 or more survivors"),
    "fewer tries than changes": (
        lambda: chosen({0: profile(5), 1: profile(6), 2: profile(6)}, 1),
        "2 tries or more",
    ),
    "a level that is none": (lambda: chosen({0: profile(5), 1: profile(6)}, 1, level=0.0), "a level inside"),
}


@pytest.mark.parametrize(("call", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_is(call: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()


def test_a_change_that_is_far_ahead_is_chosen_in_words_and_numbers() -> None:
    place, reading = chosen({0: profile(20, 20), 1: profile(21, 20), 2: profile(40, 44)}, tries=4)
    assert place == 2
    assert reading == (
        "alternative 2 is +0.344 from the plain plan on the visible ladder (0.656 to 0.312), more than the 0.132 that "
        "chance allows the best of 4, and is the change of this generation"
    )


def test_a_change_that_is_hardly_ahead_is_not() -> None:
    place, reading = chosen({0: profile(20, 20), 1: profile(22, 20), 2: profile(5, 5)}, tries=2)
    assert place == 0
    assert reading.startswith("the plain plan goes on: the best, alternative 1 is +0.016 from the plain plan")


def test_the_more_was_tried_the_more_must_be_shown() -> None:
    profiles = {0: profile(20, 20), 1: profile(32, 29)}
    assert chosen(profiles, tries=1)[0] == 1
    assert chosen(profiles, tries=20)[0] == 0


def test_with_no_change_left_the_plan_goes_on() -> None:
    assert chosen({0: profile(5)}, tries=3) == (
        0,
        "the plain plan goes on: no change is left to compare it with",
    )


def test_of_changes_that_are_both_ahead_the_higher_is_chosen_and_of_equals_the_first() -> None:
    assert chosen({0: profile(5), 1: profile(50), 2: profile(60)}, tries=2)[0] == 2
    assert chosen({0: profile(5), 1: profile(60), 2: profile(60)}, tries=2)[0] == 1


def test_a_level_of_which_nothing_was_asked_is_no_evidence() -> None:
    empty = Profile("d" * 64, {"copy": (Score(0, 0),)})
    assert difference_error(empty, empty) > 0.5
    assert chosen({0: empty, 1: Profile("e" * 64, {"copy": (Score(1, 1),)})}, tries=1)[0] == 0


# Simulation: 3 tasks of 15 levels; seven are mastered, on eight the share right falls from .9 to .05.
SHARES: Shares = np.array([1.0] * 7 + list(np.linspace(0.9, 0.05, 8)))
HALF: Shares = np.full(LEVELS, 0.5)


def shifted(shares: Shares, gain: float) -> Shares:
    """Better by `gain` on the ladder: on every level that is not mastered the same."""
    room = shares < 1
    return np.where(room, np.clip(shares + gain * LEVELS / room.sum(), 0, 1), shares)


def as_profile(rights: Rights) -> Profile:
    return Profile(
        "d" * 64,
        {
            task: tuple(Score(int(right), PROBLEMS) for right in rights[place])
            for place, task in enumerate(TASKS)
        },
    )


def screening(rng: np.random.Generator, shares: list[Shares], alike: float) -> Mapping[int, Profile]:
    """All alternatives on the same problems. alike: of how many of them all models find the same hard."""
    shape = (len(TASKS), LEVELS, PROBLEMS)
    hardness, shared = rng.random(shape), rng.random(shape) < alike
    profiles = {}
    for place, some in enumerate(shares):
        own = rng.random(shape) if alike < 1 else hardness
        right = np.where(shared, hardness, own) < some[None, :, None]
        profiles[place] = as_profile(right.sum(axis=2))
    return profiles


def share_chosen(
    screenings: int, shares: list[Shares], alike: float, wanted: Callable[[int], bool], seed: int
) -> float:
    rng = np.random.default_rng(seed)
    last = (chosen(screening(rng, shares, alike), CHANGES)[0] for _ in range(screenings))
    return sum(map(wanted, last)) / screenings


def any_change(place: int) -> bool:
    return place > 0


NULLS = {
    "models that share no luck": (SHARES, 0.0),
    "models that share half of their luck": (SHARES, 0.5),
    "models that are right half of the time everywhere": (HALF, 0.0),
}


@pytest.mark.parametrize("case", NULLS)
def test_changes_that_are_no_better_are_chosen_no_more_often_than_the_level(case: str) -> None:
    shares, alike = NULLS[case]
    found = share_chosen(400, [shares] * (1 + CHANGES), alike, any_change, seed=1)
    assert found <= 0.05 + 3 * sqrt(0.05 * 0.95 / 400)


def test_picking_the_best_of_them_without_the_bound_would_nearly_always_choose_one() -> None:
    rng = np.random.default_rng(2)
    ahead = 0
    for _ in range(100):
        ladders = {place: one.ladder() for place, one in screening(rng, [SHARES] * 8, 0.0).items()}
        ahead += max(ladders[place] for place in range(1, 8)) > ladders[0]
    assert ahead >= 75


def test_a_change_whose_ladder_is_three_points_higher_is_mostly_chosen() -> None:
    shares = [SHARES] * CHANGES + [shifted(SHARES, 0.03)]
    assert np.mean(shares[-1]) - np.mean(SHARES) == pytest.approx(0.03, abs=1e-9)
    assert share_chosen(200, shares, 0.0, lambda place: place == CHANGES, seed=3) > 0.75
    assert share_chosen(200, shares, 0.5, lambda place: place == CHANGES, seed=3) > 0.75


@pytest.mark.long
@pytest.mark.parametrize("case", NULLS)
def test_in_two_thousand_screenings_they_are_chosen_within_the_level(case: str) -> None:
    shares, alike = NULLS[case]
    assert share_chosen(2000, [shares] * (1 + CHANGES), alike, any_change, seed=4) <= 0.05


def test_the_bound_for_one_try_is_the_usual_one() -> None:
    assert z_of(1) == pytest.approx(1.6449, abs=1e-4)
    assert z_of(7) == pytest.approx(2.4422, abs=1e-3)
