"""Who proposes: the best is asked most, nobody is starved for good, and the same stream draws the same."""

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.propose.bandit import LEAST_SHARE, beta, shares
from detent.tasks import Rng
from detent.values.changes import Proposer

ALL: tuple[Proposer, ...] = ("rules", "search", "model")
PLACES = 3


def stream(number: int) -> bytes:
    return number.to_bytes(4, "big")


def totals(results: Sequence[tuple[Proposer, bool]]) -> dict[Proposer, tuple[int, int]]:
    found: dict[Proposer, tuple[int, int]] = {}
    for who, passed in results:
        was = found.get(who, (0, 0))
        found[who] = (was[0] + passed, was[1] + (not passed))
    return found


def run(
    screenings: int, rate: Callable[[int, Proposer], float], seed: int, window: int | None = None
) -> list[tuple[Proposer, ...]]:
    """Screenings one after the other; what passes is drawn by each proposer's rate."""
    rng, kept = random.Random(seed), deque[tuple[Proposer, bool]](maxlen=window)  # noqa: S311
    drawn = []
    for number in range(screenings):
        asked = shares(totals(list(kept)), ALL, PLACES, stream(seed * 10_000 + number))
        kept += [(who, rng.random() < rate(number, who)) for who in asked]
        drawn.append(asked)
    return drawn


def share_of(who: Proposer, drawn: Sequence[tuple[Proposer, ...]]) -> float:
    return sum(asked.count(who) for asked in drawn) / sum(map(len, drawn))


@pytest.mark.parametrize("best", ALL)
def test_it_finds_the_best_proposer(best: Proposer) -> None:
    def rate(_: int, who: Proposer) -> float:
        return 0.4 if who == best else 0.1

    last = [asked for seed in range(5) for asked in run(80, rate, seed)[40:]]
    assert share_of(best, last) > 0.6


def test_where_all_are_as_good_nobody_gets_everything() -> None:
    drawn = [asked for seed in range(5) for asked in run(60, lambda _, __: 0.2, seed)]
    assert all(0.15 < share_of(who, drawn) < 0.6 for who in ALL)


@pytest.mark.parametrize("window", [None, 45])
def test_it_adapts_when_another_one_becomes_the_best(window: int | None) -> None:
    def rate(number: int, who: Proposer) -> float:
        return 0.5 if who == ("rules" if number < 20 else "model") else 0.05

    runs = [run(120, rate, seed, window) for seed in range(5)]
    assert share_of("rules", [asked for drawn in runs for asked in drawn[10:20]]) > 0.5
    assert share_of("model", [asked for drawn in runs for asked in drawn[90:]]) > 0.5


def test_nobody_is_starved_for_good() -> None:
    """One that failed a hundred times, or was never there, has a place in every few screenings all the same."""
    record: dict[Proposer, tuple[int, int]] = {"rules": (900, 100), "search": (0, 100)}
    drawn = [shares(record, ALL, PLACES, stream(number)) for number in range(200)]
    assert sum("model" in asked for asked in drawn) > 80
    alone = [shares(record, ALL, 1, stream(number)) for number in range(200)]
    assert 60 < sum(asked == ("model",) for asked in alone) < 180
    hopeless: dict[Proposer, tuple[int, int]] = {"rules": (900, 100), "search": (0, 100), "model": (10, 200)}
    found = [shares(hopeless, ALL, PLACES, stream(number)) for number in range(200)]
    assert sum("search" in asked for asked in found) > 80


def test_over_a_long_run_everybody_keeps_about_the_least_share() -> None:
    drawn = run(400, lambda _, who: 0.9 if who == "rules" else 0.0, seed=1)
    assert all(share_of(who, drawn[200:]) > 0.7 / LEAST_SHARE for who in ALL)
    assert share_of("rules", drawn) > 0.6


@given(
    st.dictionaries(st.sampled_from(ALL), st.tuples(st.integers(0, 9), st.integers(0, 9))),
    st.lists(st.sampled_from(ALL), unique=True, min_size=1),
    st.integers(0, 7),
    st.binary(max_size=40),
)
def test_the_same_stream_draws_the_same_and_only_who_is_able(
    record: dict[Proposer, tuple[int, int]], able: list[Proposer], places: int, seed: bytes
) -> None:
    drawn = shares(record, able, places, seed)
    assert drawn == shares(dict(reversed(record.items())), able, places, seed)
    assert len(drawn) == places
    assert set(drawn) <= set(able)


def test_these_places_never_change() -> None:
    assert shares({"rules": (3, 7), "search": (2, 5)}, ALL, 6, b"a") == PINNED


PINNED: tuple[Proposer, ...] = ("model", "rules", "rules", "search", "model", "search")

REFUSED: dict[str, tuple[dict[Proposer, tuple[int, int]], tuple[Proposer, ...], int]] = {
    "places for nobody": ({}, (), 1),
    "fewer places than none": ({}, ALL, -1),
    "somebody twice": ({}, ("rules", "rules"), 2),
    "more passed than can be": ({"rules": (-1, 3)}, ALL, 2),
}


@pytest.mark.parametrize(("record", "able", "places"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_are(
    record: dict[Proposer, tuple[int, int]], able: tuple[Proposer, ...], places: int
) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        shares(record, able, places, b"")


def test_without_places_nobody_is_needed() -> None:
    assert shares({}, (), 0, b"") == ()


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 1), (2, 7), (30, 12)])
def test_rates_are_drawn_from_their_beta_distribution(a: int, b: int) -> None:
    rng = Rng(b"beta")
    drawn = [beta(a, b, rng) for _ in range(2000)]
    mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    found = sum(drawn) / 2000
    assert found == pytest.approx(mean, abs=4 * (variance / 2000) ** 0.5)
    assert sum((one - found) ** 2 for one in drawn) / 2000 == pytest.approx(variance, rel=0.15)
    assert Counter(0 < one < 1 for one in drawn) == {True: 2000}
