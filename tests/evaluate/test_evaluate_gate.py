"""The betting e-process: its formula, its symmetry, and what never passes."""

from fractions import Fraction
from math import exp, inf, isclose, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.evaluate import log_e, passes, reverse_log_e, threshold
from detent.evaluate.gate import Kind
from detent.values import Counts

counts = st.builds(Counts, st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
paired = st.builds(Counts, st.integers(0, 40), st.integers(0, 40), st.just(0))
KINDS: list[tuple[Kind, float]] = [("superiority", 0.0), ("non_inferiority", 0.05), ("floor", 0.94)]


def exact_e(kind: Kind, bound: Fraction, seen: Counts) -> Fraction:
    """The definition, multiplied out item by item in whole fractions."""
    total = Fraction(0)
    for j in range(1, 11):
        if kind == "floor":
            bet = Fraction(j, 11) / bound
            factors = (1 + bet * (1 - bound), 1 - bet * bound, Fraction(1))
        else:
            d = -bound
            bet = Fraction(j, 11) / (1 + d)
            factors = (1 + bet * (1 - d), 1 - bet * (1 + d), 1 - bet * d)
        win, loss, tie = factors
        total += win**seen.wins * loss**seen.losses * tie**seen.ties
    return total / 10


@given(counts)
def test_superiority_is_the_average_of_ten_bets(seen: Counts) -> None:
    assert isclose(
        exp(log_e("superiority", 0.0, seen)), exact_e("superiority", Fraction(0), seen), rel_tol=1e-9
    )


@given(counts)
def test_non_inferiority_is_the_average_of_ten_bets(seen: Counts) -> None:
    exact = exact_e("non_inferiority", Fraction(3, 100), seen)
    assert isclose(exp(log_e("non_inferiority", 0.03, seen)), exact, rel_tol=1e-9)


@given(paired)
def test_a_floor_is_the_average_of_ten_bets(seen: Counts) -> None:
    assert isclose(exp(log_e("floor", 0.94, seen)), exact_e("floor", Fraction(94, 100), seen), rel_tol=1e-9)


def test_nothing_seen_is_no_evidence() -> None:
    for kind, bound in KINDS:
        assert log_e(kind, bound, Counts(0, 0, 0)) == pytest.approx(0, abs=1e-12)
        assert reverse_log_e(kind, bound, Counts(0, 0, 0)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("kind", "bound"), KINDS)
def test_at_the_null_one_more_item_leaves_the_evidence_unchanged_in_expectation(
    kind: Kind, bound: float
) -> None:
    """What makes it an e-process: E[E_{n+1} | counts] = E_n where E[D] is exactly at the bound."""
    seen = Counts(7, 5, 0 if kind == "floor" else 30)
    shares = {
        "superiority": (0.1, 0.1, 0.8),
        "non_inferiority": (0.05, 0.1, 0.85),
        "floor": (bound, 1 - bound, 0.0),
    }[kind]
    after = (
        Counts(seen.wins + 1, seen.losses, seen.ties),
        Counts(seen.wins, seen.losses + 1, seen.ties),
        Counts(seen.wins, seen.losses, seen.ties + 1),
    )
    for evidence in (log_e, reverse_log_e):
        expected = sum(
            share * exp(evidence(kind, bound, next_seen))
            for share, next_seen in zip(shares, after, strict=True)
            if share
        )
        assert expected == pytest.approx(exp(evidence(kind, bound, seen)), rel=1e-9)


@given(counts)
def test_the_reverse_of_superiority_is_superiority_of_the_incumbent(seen: Counts) -> None:
    mirrored = Counts(seen.losses, seen.wins, seen.ties)
    assert reverse_log_e("superiority", 0.0, seen) == log_e("superiority", 0.0, mirrored)


@given(counts, st.sampled_from(KINDS))
def test_a_win_never_lowers_and_a_loss_never_raises_the_evidence(
    seen: Counts, kind: tuple[Kind, float]
) -> None:
    seen = Counts(seen.wins, seen.losses, 0) if kind[0] == "floor" else seen
    better = Counts(seen.wins + 1, seen.losses, seen.ties)
    worse = Counts(seen.wins, seen.losses + 1, seen.ties)
    assert log_e(*kind, better) >= log_e(*kind, seen) >= log_e(*kind, worse)
    assert reverse_log_e(*kind, better) <= reverse_log_e(*kind, seen) <= reverse_log_e(*kind, worse)


def test_ties_say_nothing_about_superiority_and_speak_for_non_inferiority() -> None:
    assert log_e("superiority", 0.0, Counts(9, 3, 0)) == log_e("superiority", 0.0, Counts(9, 3, 5000))
    assert log_e("non_inferiority", 0.05, Counts(9, 9, 200)) > log_e(
        "non_inferiority", 0.05, Counts(9, 9, 100)
    )


def test_it_passes_exactly_from_the_threshold_on() -> None:
    assert passes(threshold(0.025), 0.025)
    assert not passes(threshold(0.025) - 1e-12, 0.025)
    assert threshold(0.025) == pytest.approx(log(40))


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_a_finite_number_never_passes(value: float) -> None:
    assert not passes(value, 0.05)


@pytest.mark.parametrize("level", [nan, inf, -inf, 0.0, 1.0, 2.0, -0.05])
def test_no_level_outside_zero_to_one_passes_anything(level: float) -> None:
    assert not passes(1e6, level)


def test_the_evidence_of_the_largest_counts_is_still_a_number() -> None:
    assert passes(log_e("superiority", 0.0, Counts(10**12, 0, 10**12)), 0.05)
    assert not passes(log_e("superiority", 0.0, Counts(0, 10**12, 10**12)), 0.05)


IMPOSSIBLE: dict[str, tuple[Kind, float, Counts]] = {
    "a superiority test with a margin": ("superiority", 0.01, Counts(1, 0, 0)),
    "a margin of 0": ("non_inferiority", 0.0, Counts(1, 0, 0)),
    "a negative margin": ("non_inferiority", -0.03, Counts(1, 0, 0)),
    "a margin of 1": ("non_inferiority", 1.0, Counts(1, 0, 0)),
    "a margin that is not a number": ("non_inferiority", nan, Counts(1, 0, 0)),
    "a floor of 1": ("floor", 1.0, Counts(1, 0, 0)),
    "a floor of 0": ("floor", 0.0, Counts(1, 0, 0)),
    "negative losses, which would multiply the wealth": ("superiority", 0.0, Counts(5, -3, 0)),
    "more wins than anyone can count": ("superiority", 0.0, Counts(10**400, 0, 0)),
    "ties against a floor": ("floor", 0.94, Counts(5, 0, 1)),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_bounds_and_counts_are_refused(case: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        log_e(*IMPOSSIBLE[case])
