"""What it brings to choose among several: against known expectations, bounds, and plain drawing."""

from itertools import pairwise
from random import Random

import pytest

from detent.errors import UsageError
from detent.sizing.scale_gain import Screened, _chosen, beyond_chance, expected_largest, halved, single_stage

EXACT = Screened(mean=0.01, spread=0.02, discordance=0.0)
USUAL = Screened()
KNOWN = {1: 0.0, 2: 0.56419, 3: 0.84628, 4: 1.02938, 10: 1.53875, 100: 2.50759, 1000: 3.24144}
"""Of standard normal order statistics, as tables have them."""


def test_the_largest_of_normal_draws_is_expected_where_tables_have_it() -> None:
    for number, expected in KNOWN.items():
        assert expected_largest(number) == pytest.approx(expected, abs=2e-5)


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(UsageError, match="1 candidate or more expected, got 0"):
        expected_largest(0)


def test_one_candidate_brings_its_mean_however_it_is_seen() -> None:
    assert single_stage(1, USUAL) == pytest.approx(USUAL.mean)
    assert halved([1], USUAL, [0.5, 1.0])[0] == pytest.approx(USUAL.mean, abs=0.002)


def test_seen_without_error_the_best_is_chosen() -> None:
    for number in (2, 10):
        expected = EXACT.mean + EXACT.spread * expected_largest(number)
        assert single_stage(number, EXACT) == pytest.approx(expected)


def test_alike_candidates_bring_nothing_by_being_many() -> None:
    alike = Screened(spread=0.0, discordance=0.0)
    assert single_stage(50, alike) == alike.mean
    assert halved([50], alike, [0.5, 1.0], draws=3)[0] == pytest.approx(alike.mean)


def test_one_rung_at_the_end_is_a_single_stage() -> None:
    for number, found in zip((1, 4, 16), halved([1, 4, 16], USUAL, [1.0]), strict=True):
        assert found == pytest.approx(single_stage(number, USUAL), abs=0.0012)


def test_rungs_choose_no_better_than_a_look_at_the_whole_and_better_than_one_early_look() -> None:
    numbers = [4, 16, 64]
    early, rungs, whole = (halved(numbers, USUAL, shares, 800) for shares in ([0.25], [0.25, 1.0], [1.0]))
    for first, both, last in zip(early, rungs, whole, strict=True):
        assert first < both < last + 0.001


def test_asking_for_more_than_chance_brings_less_than_taking_the_best_and_more_than_the_plan() -> None:
    numbers = [2, 4, 16]
    best, sure = (rule(numbers, USUAL, [0.5, 1.0], 800) for rule in (halved, beyond_chance))
    for taken, shown in zip(best, sure, strict=True):
        assert USUAL.mean + 0.005 < shown < taken - 0.002


def test_seen_without_error_the_best_is_more_than_chance() -> None:
    assert beyond_chance([1, 5], EXACT, [0.5, 1.0], 200) == halved([1, 5], EXACT, [0.5, 1.0], 200)


def test_of_candidates_that_are_seen_badly_the_plan_goes_on_nearly_always() -> None:
    badly = Screened(mean=0.0, spread=0.02, problems=10)
    best, sure = (rule([8], badly, [1.0])[0] for rule in (halved, beyond_chance))
    assert best > 0.002
    assert abs(sure) < 0.0015


def test_the_plan_stands_however_it_looks_early() -> None:
    looks = [[-1.0, 0.5], [0.2, 0.4], [0.1, 0.9], [0.3, 0.45], [0.0, 2.0]]
    assert _chosen(5, looks, 0.0) == 0, (
        "the better half of the others are 1 and 3, both below the plan at the end"
    )
    assert _chosen(5, [[-1.0, 0.4], *looks[1:]], 0.0) == 3
    assert _chosen(5, [[-1.0, 0.4], *looks[1:]], 0.1) == 0, "not ahead by so much"


def test_an_early_look_correlates_as_the_root_of_its_share() -> None:
    sure = Screened(mean=0.0, spread=0.02, discordance=0.0)
    found = halved([8], sure, [0.25])[0]
    assert found == pytest.approx(0.5 * sure.spread * expected_largest(8), abs=0.0012)


def test_each_further_candidate_brings_less_and_less_and_more_problems_show_more() -> None:
    gains = [single_stage(number, USUAL) for number in range(1, 40)]
    steps = [after - before for before, after in pairwise(gains)]
    assert all(step > 0 for step in steps)
    assert steps == sorted(steps, reverse=True)
    seen = [single_stage(8, Screened(problems=problems)) for problems in (40, 160, 640)]
    assert seen == sorted(seen)
    assert seen[-1] < USUAL.mean + USUAL.spread * expected_largest(8)


def test_the_error_of_a_look_is_half_of_what_two_that_differ_on_that_share_of_problems_have() -> None:
    screened = Screened(problems=500, discordance=0.2)
    chance = Random(1)  # noqa: S311  no secret
    gaps = [
        sum(chance.choice((-1, 1)) for _ in range(500) if chance.random() < screened.discordance) / 500
        for _ in range(2000)
    ]
    of_two = sum(gap * gap for gap in gaps) / len(gaps)
    assert 2 * screened.error**2 == pytest.approx(of_two, rel=0.1)


REFUSED = {
    "no rung at all": [],
    "a rung before anything was trained": [0.0, 1.0],
    "rungs that fall": [0.5, 0.25],
    "the same rung twice": [0.5, 0.5],
    "a rung after the end": [0.5, 1.5],
}


@pytest.mark.parametrize("rungs", REFUSED.values(), ids=REFUSED.keys())
def test_rungs_that_are_none_are_refused(rungs: list[float]) -> None:
    with pytest.raises(UsageError, match="rising shares"):
        halved([2], USUAL, rungs)
