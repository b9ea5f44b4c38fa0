"""The confidence sequence: its formula, what it covers, and why the mean at the stop is not used."""

import random
from math import log, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.evaluate import ConfidenceSequence, gain_of


def by_definition(xs: list[float], level: float) -> tuple[float, float]:
    """The published formula, each term computed anew from the start."""
    low, high, line = 0.0, 1.0, log(2 / level)
    means = [(0.5 + sum(xs[:t])) / (t + 1) for t in range(len(xs) + 1)]
    bets, stakes, price = 0.0, 0.0, 0.0
    for t, x in enumerate(xs, start=1):
        squares = 0.25 + sum((xs[i] - means[i + 1]) ** 2 for i in range(t - 1))
        bet = min(0.5, sqrt(2 * line / (squares / t * t * log(1 + t))))
        bets, stakes = bets + bet, stakes + bet * x
        price += (x - means[t - 1]) ** 2 * (-log(1 - bet) - bet)
        centre, radius = stakes / bets, (line + price) / bets
        if max(low, centre - radius) <= min(high, centre + radius):
            low, high = max(low, centre - radius), min(high, centre + radius)
    return low, high


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60), st.sampled_from([0.05, 0.2]))
def test_it_is_the_published_formula(xs: list[float], level: float) -> None:
    sequence = ConfidenceSequence(level)
    for x in xs:
        sequence.add(x)
    assert sequence.interval() == pytest.approx(by_definition(xs, level), abs=1e-9)
    assert sequence.count == len(xs)


def test_before_anything_is_seen_it_excludes_nothing() -> None:
    assert ConfidenceSequence().interval() == (0.0, 1.0)
    assert gain_of([]).low == -1.0


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=80))
def test_it_never_widens_and_is_never_empty(differences: list[int]) -> None:
    before = gain_of(differences[:-1])
    after = gain_of(differences)
    assert before.low <= after.low <= after.high <= before.high


def test_exchanging_the_models_mirrors_the_gain() -> None:
    differences = [1, 0, 0, -1, 1, 1, 0, 1] * 40
    gain = gain_of(differences)
    mirrored = gain_of([-difference for difference in differences])
    assert (mirrored.low, mirrored.high) == pytest.approx((-gain.high, -gain.low))


def test_at_level_a_tenth_it_covers_the_mean_at_every_moment_in_nine_runs_of_ten() -> None:
    rng = random.Random(7)  # noqa: S311  a simulation; 400 runs of 300 looks; the standard error of the share is .015
    missed = sum(_ever_misses(0.3, 0.1, rng) for _ in range(400))
    assert missed / 400 <= 0.1


def _ever_misses(mean: float, level: float, rng: random.Random) -> bool:
    sequence = ConfidenceSequence(level)
    for _ in range(300):
        sequence.add(float(rng.random() < mean))
        low, high = sequence.interval()
        if not low <= mean <= high:
            return True
    return False


@pytest.mark.parametrize("x", [nan, -0.1, 1.1, float("inf")])
def test_observations_outside_zero_to_one_are_refused(x: float) -> None:
    with pytest.raises(UsageError, match=r"in \[0, 1\]"):
        ConfidenceSequence().add(x)


@pytest.mark.parametrize("level", [0.0, 1.0, nan])
def test_levels_outside_zero_to_one_are_refused(level: float) -> None:
    with pytest.raises(UsageError, match="level"):
        ConfidenceSequence(level)


def test_it_gives_what_confseq_gives() -> None:
    """Worked out once with confseq 0.0.11: predmix_lower_cs, lambda_predmix_eb, v of the formula above."""
    sequence = ConfidenceSequence(0.05)
    for i in range(500):
        sequence.add((0.0, 0.5, 0.5, 1.0, 1.0)[(i * i + i // 3) % 5])
    assert sequence.interval() == pytest.approx((0.5699984340509663, 0.6929163137303969), abs=1e-12)
