"""Which prompts are labelled, and how many of the labels are kept, as a function of totals alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from detent.charter import Recipe
from detent.propose import propose
from detent.values import DataProposal, Diagnosis, LabelRecipe, Profile, Score, Weakness

TOP = 10
RECIPE = Recipe(
    seed_levels=3,
    ahead=2,
    least_accuracy=0.5,
    purify_accuracy=0.85,
    profile_problems=100,
    label_prompts=1000,
    label_keep=500,
    keep_share=0.6,
    confidence=0.7,
    review_prompts=150,
    review_confidence=0.4,
)
WEAK = Weakness("copy", frontier=5, horizon=5.0, label_accuracy=None, stuck=0, remedy="climb")
PURE = structs.replace(WEAK, remedy="purify", label_accuracy=0.6)


def profile(*rates: float, name: str = "a") -> Profile:
    """A profile of copy with these rates at levels 1, 2, ..., and 0 above, of 100 problems each."""
    scores = [Score(round(100 * rate), 100) for rate in (*rates, *[0.0] * (TOP - len(rates)))]
    return Profile(name * 64, {"copy": tuple(scores)})


def proposed(*profiles: Profile, weak: Weakness = WEAK, recipe: Recipe = RECIPE) -> DataProposal:
    return propose(Diagnosis((weak,), "why"), profiles, recipe)


def labels(*profiles: Profile, weak: Weakness = WEAK, recipe: Recipe = RECIPE) -> LabelRecipe:
    return proposed(*profiles, weak=weak, recipe=recipe).recipes["copy"]


CLIMBING = profile(1, 1, 1, 1, 1, 0.95, 0.6, 0.2)


def test_new_labels_end_where_the_model_is_still_right_often_enough() -> None:
    assert labels(CLIMBING).levels[-1] == 7


def test_new_labels_begin_so_many_levels_below() -> None:
    assert labels(CLIMBING).frontier == 5
    assert labels(CLIMBING, recipe=RECIPE.model_copy(update={"ahead": 0})).frontier == 7


def test_the_weakest_member_of_the_team_decides() -> None:
    behind = profile(1, 1, 1, 1, 1, 0.6, 0.3, name="b")
    assert labels(CLIMBING, behind).levels == labels(behind, CLIMBING).levels == labels(behind).levels


def test_a_dip_at_a_mastered_level_does_not_send_the_labels_back() -> None:
    dipped = profile(1, 1, 1, 0.4, 1, 0.95, 0.6, 0.2)
    assert labels(dipped).levels == labels(CLIMBING).levels


def test_levels_below_the_new_ones_are_labelled_again_by_the_rules_of_review() -> None:
    recipe = labels(CLIMBING)
    review = [rung for rung in recipe.rungs if rung.level < recipe.frontier]
    assert [rung.level for rung in review] == [4]
    assert {(rung.prompts, rung.filter.confidence, rung.filter.keep) for rung in review} == {(150, 0.4, 0)}


def test_wrong_labels_bring_the_work_back_to_where_labels_are_right() -> None:
    assert labels(CLIMBING, weak=PURE).levels[-1] == 6


def test_a_task_that_stands_still_with_right_labels_dares_its_frontier() -> None:
    still = profile(1, 1, 1, 1, 0.3)
    assert labels(still).levels[-1] == 4
    assert labels(still, weak=structs.replace(WEAK, stuck=2)).levels[-1] == 5


def test_a_task_that_stands_still_with_wrong_labels_does_not() -> None:
    still = profile(1, 1, 1, 1, 0.3)
    assert labels(still, weak=structs.replace(PURE, stuck=9)).levels[-1] == 4


def test_no_more_is_kept_than_the_visible_accuracy_says_can_be_right() -> None:
    recipe = labels(CLIMBING)
    keep = {rung.level: rung.filter.keep for rung in recipe.rungs}
    assert keep[5] == 500  # label_keep
    assert keep[7] == int(1000 * (0.6 * 100 + 1) / 101 * 0.6)


def test_a_model_that_is_never_right_labels_the_first_level_all_the_same() -> None:
    recipe = labels(profile())
    assert recipe.levels == (4,)
    assert recipe.rungs[0].filter.keep >= 1


def test_a_ladder_that_is_taught_to_its_top_has_nothing_to_label() -> None:
    assert labels(profile(1, 1, 1), recipe=RECIPE.model_copy(update={"seed_levels": TOP})).rungs == ()


def test_the_team_and_the_charters_recipe_are_passed_on() -> None:
    made = proposed(CLIMBING, profile(1, name="b"))
    assert made.team == ("a" * 64, "b" * 64)
    assert (made.mix.newest, made.mix.earlier, made.mix.seed) == (0.5, 0.3, 0.2)
    assert (made.steps, made.because) == (RECIPE.steps, "why")


def test_votes_are_drawn_as_the_charter_says() -> None:
    assert labels(CLIMBING).samples == 0
    voting = labels(CLIMBING, recipe=RECIPE.model_copy(update={"samples": 4, "temperature": 0.7}))
    assert (voting.samples, voting.temperature) == (4, 0.7)


RATES = st.lists(st.integers(0, 100).map(lambda right: right / 100), min_size=TOP, max_size=TOP)
WEAKNESSES = st.builds(
    Weakness,
    task=st.just("copy"),
    frontier=st.integers(1, TOP + 1),
    horizon=st.floats(0, TOP),
    label_accuracy=st.none() | st.floats(0, 1),
    stuck=st.integers(0, 9),
    remedy=st.sampled_from(["climb", "purify", "rest"]),
)


@given(st.lists(RATES, min_size=1, max_size=3), WEAKNESSES, st.integers(1, TOP), st.integers(0, 9))
def test_whatever_the_profile_labels_stay_above_the_seed_levels_and_on_the_ladder(
    rates: list[list[float]], weak: Weakness, seed_levels: int, ahead: int
) -> None:
    recipe = RECIPE.model_copy(update={"seed_levels": seed_levels, "ahead": ahead})
    made = labels(*(profile(*row) for row in rates), weak=weak, recipe=recipe)
    assert list(made.levels) == sorted(set(made.levels))
    assert set(made.levels) <= set(range(seed_levels + 1, TOP + 1))
    assert bool(made.levels) == (seed_levels < TOP)
    for rung in made.rungs:
        assert rung.filter.agreement == 1.0  # one member that says something else is enough
        if rung.level >= made.frontier:
            assert 1 <= rung.filter.keep <= recipe.label_keep


@pytest.mark.parametrize("remedy", ["climb", "purify", "rest"])
def test_every_task_is_kept_up(remedy: str) -> None:
    """One at its top too: what nobody trains on is forgotten."""
    weak = structs.replace(WEAK, remedy=remedy, frontier=TOP + 1)
    assert labels(profile(*[1.0] * TOP), weak=weak).levels == tuple(range(4, TOP + 1))
