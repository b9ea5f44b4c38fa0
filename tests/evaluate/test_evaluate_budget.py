"""The error budget of a run, item limits, and forecasts."""

from math import fsum, log

import pytest

from detent.errors import UsageError
from detent.evaluate import (
    alpha,
    item_limit,
    items_to_expect,
    least_first_limit,
    least_items,
    log_e,
    passes,
    spent,
)
from detent.evaluate.gate import Kind
from detent.values import Counts


def test_the_levels_of_all_openings_add_up_to_less_than_the_budget() -> None:
    levels = [alpha(k, 0.05) for k in range(1, 5001)]
    assert fsum(levels) < 0.05
    assert fsum(levels) == pytest.approx(spent(5000, 0.05))
    assert spent(0, 0.05) == 0


def test_the_eighth_opening_tests_at_a_seventy_second_of_the_budget() -> None:
    assert alpha(8, 0.05) == 0.05 / 72


def test_the_item_limit_grows_as_the_threshold() -> None:
    assert item_limit(2000, 1, 0.05) == 2000
    assert item_limit(2000, 8, 0.05) == 3943  # 2000 ln(1440) / ln(40), rounded up
    assert item_limit(2000, 1000, 0.05) == pytest.approx(2000 * log(1001000 / 0.05) / log(40), abs=1)


@pytest.mark.parametrize(("k", "budget"), [(0, 0.05), (-1, 0.05), (1, 0.0), (1, 1.0), (1, float("nan"))])
def test_there_is_no_level_for_an_impossible_opening_or_budget(k: int, budget: float) -> None:
    with pytest.raises(UsageError, match="expected"):
        alpha(k, budget)


PUBLISHED_LEAST = {
    ("non_inferiority", 0.03, 8): 327,
    ("non_inferiority", 0.05, 8): 194,
    ("non_inferiority", 0.03, 1000): 684,
    ("floor", 0.94, 8): 161,
    ("superiority", 0.0, 8): 14,
}


@pytest.mark.parametrize("case", PUBLISHED_LEAST)
def test_the_fewest_items_are_those_with_which_the_best_counts_just_pass(
    case: tuple[Kind, float, int],
) -> None:
    kind, bound, k = case
    least = least_items(kind, bound, alpha(k, 0.05))
    assert least == PUBLISHED_LEAST[case]
    best = {"non_inferiority": Counts(0, 0, least), "floor": Counts(least, 0, 0)}.get(
        kind, Counts(least, 0, 0)
    )
    one_less = Counts(max(0, best.wins - 1), 0, max(0, best.ties - 1))
    assert passes(log_e(kind, bound, best), alpha(k, 0.05))
    assert not passes(log_e(kind, bound, one_less), alpha(k, 0.05))


@pytest.mark.parametrize(
    ("kind", "bound"), [("non_inferiority", 0.03), ("floor", 0.94), ("superiority", 0.0)]
)
def test_the_least_first_limit_is_enough_at_every_opening_and_one_less_is_not(
    kind: Kind, bound: float
) -> None:
    first = least_first_limit(kind, bound, 60, 0.05)
    needed = [least_items(kind, bound, alpha(k, 0.05)) for k in range(1, 61)]
    assert all(item_limit(first, k, 0.05) >= needed[k - 1] for k in range(1, 61))
    assert any(item_limit(first - 1, k, 0.05) < needed[k - 1] for k in range(1, 61))


def test_no_limit_below_these_can_ever_pass_at_the_defaults() -> None:
    assert least_first_limit("superiority", 0.0, 8, 0.05) == 8
    assert least_first_limit("non_inferiority", 0.05, 8, 0.05) == 109
    assert least_first_limit("floor", 0.94, 8, 0.05) == 90


# k: (median, 90 %) for a gain of 5 points, then for 10; discordance .2; simulated (docs/statistics.md)
SIMULATED_ITEMS = {
    8: ((1271, 2381), (299, 531)),
    100: ((2110, 3253), (502, 760)),
    1000: ((2882, 4239), (681, 963)),
}


@pytest.mark.parametrize("k", SIMULATED_ITEMS)
def test_the_forecast_of_items_is_near_what_simulation_needs(k: int) -> None:
    for gain, (median, ninety) in zip((0.05, 0.10), SIMULATED_ITEMS[k], strict=True):
        forecast = items_to_expect(gain, alpha(k, 0.05))
        assert forecast.median == pytest.approx(median, rel=0.06)
        assert forecast.ninety == pytest.approx(ninety, rel=0.06)


def test_larger_gains_and_less_discordance_need_fewer_items() -> None:
    level = alpha(3, 0.05)
    assert items_to_expect(0.10, level).median < items_to_expect(0.05, level).median
    assert items_to_expect(0.05, level, 0.10).median < items_to_expect(0.05, level, 0.3).median
    assert items_to_expect(1.0, level, 1.0) == (least_items("superiority", 0.0, level),) * 2


@pytest.mark.parametrize(("gain", "discordance"), [(0.0, 0.2), (-0.1, 0.2), (0.3, 0.2), (0.5, 1.5)])
def test_impossible_gains_are_not_forecast(gain: float, discordance: float) -> None:
    with pytest.raises(UsageError, match="gain <= discordance"):
        items_to_expect(gain, 0.01, discordance)
