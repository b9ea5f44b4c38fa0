"""The interval from counts alone: it covers, it agrees with the gate's tests, and it narrows."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.evaluate import interval_of, log_e, passes
from detent.values import Counts

LEVEL = 0.05


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 400))
def test_it_lies_inside_what_is_possible_and_around_the_mean(wins: int, losses: int, ties: int) -> None:
    counts = Counts(wins, losses, ties)
    low, high = interval_of(counts)
    assert -1 <= low <= high <= 1
    if counts.items:
        assert low <= (wins - losses) / counts.items <= high


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400), st.sampled_from([0.02, 0.05, 0.2]))
def test_a_margin_is_outside_exactly_when_the_gates_test_passes(
    wins: int, losses: int, ties: int, margin: float
) -> None:
    counts = Counts(wins, losses, ties)
    shown = passes(log_e("non_inferiority", margin, counts), LEVEL / 2)
    assert (interval_of(counts).low > -margin) == shown


def test_before_anything_is_seen_it_excludes_nothing() -> None:
    assert interval_of(Counts(0, 0, 0)) == pytest.approx((-1.0, 1.0))


def test_it_turns_round_with_the_models() -> None:
    low, high = interval_of(Counts(30, 10, 200))
    assert interval_of(Counts(10, 30, 200)) == pytest.approx((-high, -low))


def test_it_narrows_with_the_items() -> None:
    widths = [high - low for low, high in (interval_of(Counts(5 * n, 5 * n, 90 * n)) for n in (1, 4, 16))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("truth", [0.1, -0.1, 0.0])
def test_it_misses_the_truth_at_any_moment_no_more_often_than_it_says(truth: float) -> None:
    rng, missed, runs = random.Random(7), 0, 200  # noqa: S311
    win, loss = (0.3 + truth) / 2, (0.3 - truth) / 2
    for _ in range(runs):
        counts = [0, 0, 0]
        for item in range(1, 401):
            draw = rng.random()
            counts[0 if draw < win else 1 if draw < win + loss else 2] += 1
            if item % 20 == 0 and not _covers(Counts(*counts), truth):
                missed += 1
                break
    assert missed / runs <= LEVEL


def _covers(counts: Counts, truth: float) -> bool:
    low, high = interval_of(counts)
    return low <= truth <= high
