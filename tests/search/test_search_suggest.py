"""A search suggests points within its space, the same ones again, and better ones than chance once it was told some."""

import logging
import random
import sys
from math import log

import pytest
from msgspec import structs

from detent.charter import Charter, set_by
from detent.engine import FakeEngine
from detent.errors import UsageError
from detent.search.suggest import suggested
from detent.values import SPACE, Dimension, SuggestedPoints, SuggestJob, Told, check_settings
from detent.values.changes import Setting
from detent.values.jobs import decode_job, decode_result, encode_line

Point = dict[str, Setting]


def job(told: tuple[Told, ...] = (), count: int = 4, seed: int = 7, keys: int = 3) -> SuggestJob:
    return SuggestJob(space=SPACE, told=told, count=count, seed=seed, keys=keys)


def landscape(point: Point) -> float:
    """A made-up ladder gain: best at a confidence of .85, 150 steps, adamw; nothing else matters."""
    gain = 0.0
    if "recipe.confidence" in point:
        gain += 0.02 - 0.3 * (float(point["recipe.confidence"]) - 0.85) ** 2
    if "recipe.steps" in point:
        gain += 0.02 - 0.03 * abs(log(float(point["recipe.steps"]) / 150))
    if "recipe.optimizer" in point:
        gain += 0.02 if point["recipe.optimizer"] == "adamw" else -0.02
    return gain


RELEVANT = tuple(
    one
    for one in SPACE
    if one.key in {"recipe.confidence", "recipe.steps", "recipe.optimizer", "recipe.ahead"}
)


def uniform(dimension: Dimension, draw: random.Random) -> Setting:
    if dimension.kind == "choice":
        return draw.choice(dimension.choices)
    if dimension.kind == "whole":
        return draw.randint(int(dimension.low), int(dimension.high))
    return draw.uniform(dimension.low, dimension.high)


def told_of(many: int, seed: int) -> tuple[Told, ...]:
    draw = random.Random(seed)  # noqa: S311
    found = []
    for _ in range(many):
        point = {one.key: uniform(one, draw) for one in draw.sample(RELEVANT, draw.randint(1, 3))}
        found.append(Told(point, landscape(point) + draw.gauss(0, 0.003)))
    return tuple(found)


def test_points_lie_within_the_space_and_set_a_few_keys() -> None:
    found = suggested(job(count=60))
    assert len(found.points) == 60
    for point in found.points:
        check_settings(point, SPACE)
        assert 1 <= len(point) <= 3
    assert {key for point in found.points for key in point} == {one.key for one in SPACE}
    assert FakeEngine(lambda _: found).run(job(count=60), lambda _: None) is found


@pytest.mark.parametrize("many", [0, 40])
def test_the_same_job_suggests_the_same_points_and_another_seed_others(many: int) -> None:
    told = told_of(many, seed=1)
    again = decode_job(encode_line(job(told)))
    assert isinstance(again, SuggestJob)
    assert suggested(job(told)) == suggested(job(told)) == suggested(again)
    assert suggested(job(told)) != suggested(job(told, seed=8))


def test_a_result_survives_the_wire() -> None:
    found = suggested(job())
    assert decode_result(encode_line(found)) == found


def test_no_point_is_suggested_twice_or_tried_again() -> None:
    small = (Dimension("recipe.ahead", "whole", 0, 4),)
    told = (Told({"recipe.ahead": 2}, 0.1), Told({"recipe.ahead": 3}, 0.0))
    found = suggested(SuggestJob(space=small, told=told, count=3, seed=1))
    assert sorted(point["recipe.ahead"] for point in found.points) == [0, 1, 4]
    more = suggested(SuggestJob(space=small, told=told, count=5, seed=1))  # there are no five new ones
    assert len(more.points) == 5


def test_once_it_was_told_a_few_dozen_it_suggests_better_points_than_chance() -> None:
    better = []
    for seed in range(10):
        asked = SuggestJob(space=RELEVANT, told=told_of(48, seed), count=20, seed=seed)
        blind = SuggestJob(space=RELEVANT, told=(), count=20, seed=seed)
        ours, theirs = (sum(map(landscape, suggested(one).points)) / 20 for one in (asked, blind))
        better.append(ours - theirs)
    assert all(gain > 0 for gain in better)
    assert sum(better) / len(better) > 0.01


def test_over_the_whole_space_it_finds_the_few_keys_that_pay() -> None:
    """Three points a generation, measured with noise: 3 keys of 23 matter."""
    first, last = list[float](), list[float]()
    for seed in range(3):
        noise, told = random.Random(seed), list[Told]()  # noqa: S311
        for generation in range(24):
            asked = job(tuple(told), count=3, seed=100 * seed + generation)
            for point in suggested(asked).points:
                gain = landscape(point)
                told.append(Told(point, gain + noise.gauss(0, 0.005)))
                first += [gain] * (generation < 4)
                last += [gain] * (generation >= 18)
    assert sum(last) / len(last) > sum(first) / len(first) + 0.005


def test_before_that_points_are_spread_over_the_whole_space() -> None:
    found = suggested(SuggestJob(space=RELEVANT, told=told_of(5, 1), count=200, seed=3, keys=4))
    confidences = [
        float(point["recipe.confidence"]) for point in found.points if "recipe.confidence" in point
    ]
    assert min(confidences) < 0.4
    assert max(confidences) > 0.9


def test_what_this_space_does_not_hold_any_more_is_not_learnt_from() -> None:
    strange = (
        Told({"recipe.gone": 3}, 1.0),
        Told({"recipe.ahead": 99, "recipe.steps": 100}, 1.0),
        Told({"recipe.optimizer": "sgd"}, 1.0),
        Told({}, 0.0),
    )
    known = (Told({"recipe.steps": 100}, 1.0),)
    assert suggested(job(strange)) == suggested(job(known))


def test_values_are_short_enough_to_be_read() -> None:
    values = [value for point in suggested(job(count=100)).points for value in point.values()]
    assert all(len(f"{value!r}") <= 9 for value in values if isinstance(value, float))


def test_points_of_the_whole_space_make_valid_charters(charter: Charter) -> None:
    for point in suggested(job(count=30, keys=len(SPACE))).points:
        set_by(charter, point)


def test_optuna_says_nothing_of_its_own(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        suggested(job(told_of(20, 1)))
    assert capfd.readouterr() == ("", "")


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"install detent\[search\]"):
        suggested(job())


REFUSED: dict[str, dict[str, object]] = {
    "no space": {"space": ()},
    "a key twice": {"space": (SPACE[0], SPACE[0])},
    "no points": {"count": 0},
    "more points than anyone tries": {"count": 1001},
    "points of no key": {"keys": 0},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_a_job_that_nobody_can_do_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="expected, got"):
        structs.replace(job(), **change)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_says_nothing_is_refused(score: float) -> None:
    with pytest.raises(UsageError, match="a finite score expected"):
        Told({}, score)


def test_what_is_suggested_is_a_suggestion() -> None:
    assert isinstance(suggested(job(count=1)), SuggestedPoints)
