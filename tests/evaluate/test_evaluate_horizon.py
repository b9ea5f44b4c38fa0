"""The horizon: monotone rates, the 50 % level, and censoring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.evaluate import Horizon, horizon, horizons
from detent.evaluate.horizon import falling_rates
from detent.values import Profile, Score

scores = st.lists(
    st.integers(1, 50).flatmap(lambda asked: st.integers(0, asked).map(lambda right: Score(right, asked))),
    min_size=1,
    max_size=15,
)


def profile(*rights: int, asked: int = 64) -> Profile:
    return Profile("d" * 64, {"copy": tuple(Score(right, asked) for right in rights)})


def test_right_up_to_level_five_and_never_above_is_a_horizon_between_five_and_six() -> None:
    assert horizon(profile(64, 64, 64, 64, 64, 0, 0), "copy") == Horizon(5.5, censored=False)


def test_half_right_at_one_level_is_a_horizon_at_that_level() -> None:
    assert horizon(profile(64, 64, 32, 0, 0), "copy") == Horizon(3.0, censored=False)


def test_a_model_that_is_right_to_the_top_has_a_censored_horizon() -> None:
    assert horizon(profile(64, 64, 64), "copy") == Horizon(3.5, censored=True)
    assert horizon(profile(64, 64, 31), "copy").censored is False


def test_a_model_that_is_never_right_has_its_horizon_below_the_ladder() -> None:
    assert horizon(profile(0, 0, 0), "copy") == Horizon(0.5, censored=False)


def test_a_harder_level_that_came_out_better_is_pooled_with_the_one_before() -> None:
    assert falling_rates([Score(10, 10), Score(2, 10), Score(4, 10), Score(0, 10)]) == [1.0, 0.3, 0.3, 0.0]
    assert falling_rates([Score(2, 10), Score(30, 40)]) == [0.64, 0.64]


@given(scores)
def test_the_fit_falls_keeps_the_mean_and_is_the_closest(rows: list[Score]) -> None:
    rates = falling_rates(rows)
    assert rates == sorted(rates, reverse=True)
    asked = sum(score.asked for score in rows)
    fitted = sum(rate * score.asked for rate, score in zip(rates, rows, strict=True))
    assert fitted / asked == pytest.approx(sum(score.right for score in rows) / asked)
    # Least squares under the constraint: the residual is orthogonal to the fit (Barlow et al. 1972).
    residual = sum((score.rate - rate) * rate * score.asked for rate, score in zip(rates, rows, strict=True))
    assert residual == pytest.approx(0, abs=1e-9)


@given(scores)
def test_the_horizon_lies_on_the_ladder_or_half_a_level_outside(rows: list[Score]) -> None:
    found = horizon(Profile("d" * 64, {"copy": tuple(rows)}), "copy")
    assert 0.5 <= found.level <= len(rows) + 0.5


def test_every_task_has_its_own() -> None:
    both = Profile("d" * 64, {"copy": (Score(4, 4),), "sort": (Score(0, 4),)})
    assert horizons(both) == {"copy": Horizon(1.5, censored=True), "sort": Horizon(0.5, censored=False)}


def test_a_level_at_which_nothing_was_asked_is_refused() -> None:
    with pytest.raises(UsageError, match="asked at each level"):
        horizon(Profile("d" * 64, {"copy": (Score(1, 1), Score(0, 0))}), "copy")
    with pytest.raises(UsageError, match="'sort'"):
        horizon(profile(1), "sort")
