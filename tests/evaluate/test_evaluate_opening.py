"""An opening from beginning to end: verdicts, first crossings, resumption, and what is refused."""

from collections.abc import Sequence

import pytest
from msgspec import structs
from tests.evaluate.evaluate_world import (
    CANDIDATE,
    INCUMBENT,
    TASKS,
    Model,
    Skill,
    World,
    falling,
    intent,
    silent,
)

from detent.errors import EngineError, TrustError
from detent.evaluate import Conducted, Rules, conduct, log_e, passes
from detent.evaluate.opening import FIRST_BATCH, HOPELESS_FROM, hopeless
from detent.values import Counts, Intent, Slice, Target

SEED = b"\x05" * 32
BASE = falling(0.5)


def opened(candidate: Skill, asked: Intent | None = None, seed: bytes = SEED, noise: str = "") -> Conducted:
    world = World({INCUMBENT: Model(BASE), CANDIDATE: Model(candidate, noise)})
    return conduct(asked or intent(), seed, TASKS, world.answer, silent)


def test_a_clearly_better_candidate_passes_every_test() -> None:
    conducted = opened(falling(0.7))
    assert conducted.verdict == "better"
    assert [result.name for result in conducted.results] == [target.name for target in intent().targets]
    assert all(result.passed for result in conducted.results)


def test_a_candidate_that_is_no_different_is_undecided_and_nothing_but_superiority_is_asked() -> None:
    conducted = opened(BASE)
    assert conducted.verdict == "undecided"
    assert [result.name for result in conducted.results] == ["S"]
    assert conducted.because.startswith("S given up after 1024 of 4000 items")


def test_a_clearly_worse_candidate_is_shown_to_be_worse() -> None:
    conducted = opened(falling(0.3))
    assert conducted.verdict == "not_better"
    assert conducted.because.startswith("S showed the opposite after")
    assert conducted.gain.high < 0


def test_a_gain_on_one_task_does_not_hide_a_loss_on_another() -> None:
    lopsided: Skill = lambda task, level: 0.0 if task == "sort" else (1.0 if level <= 7 else 0.9)  # noqa: E731
    conducted = opened(lopsided)
    assert conducted.results[0].passed
    assert conducted.verdict == "not_better"
    assert "L/sort showed the opposite" in conducted.because


def test_a_better_candidate_that_lost_a_mastered_rung_fails_the_floor() -> None:
    forgetful: Skill = lambda _task, level: 0.85 if level == 1 else (1.0 if level < 5 else 0.9)  # noqa: E731
    asked = intent(rules=Rules(floor=0.98))
    conducted = opened(forgetful, asked)
    assert conducted.verdict == "not_better"
    assert "R/copy showed the opposite" in conducted.because


def test_the_counts_are_those_of_the_first_crossing() -> None:
    conducted = opened(falling(0.62), noise="own")
    first = conducted.results[0]
    wins = losses = ties = 0
    for row in [row for row in conducted.record if row.target == "S"][: first.counts.items]:
        assert not passes(log_e("superiority", 0.0, Counts(wins, losses, ties)), intent().alpha)
        wins, losses, ties = (
            wins + (row.difference > 0),
            losses + (row.difference < 0),
            ties + (row.difference == 0),
        )
    assert first.counts == Counts(wins, losses, ties)
    assert first.passed
    assert first.log_e == log_e("superiority", 0.0, first.counts)


def test_opening_again_with_the_same_seed_gives_the_same_items_and_the_same_outcome() -> None:
    assert opened(falling(0.6), noise="own") == opened(falling(0.6), noise="own")
    assert opened(falling(0.6)).record != opened(falling(0.6), seed=b"\x06" * 32).record


def test_a_test_at_its_limit_is_undecided() -> None:
    asked = intent(rules=Rules(superiority_items=900))
    conducted = opened(falling(0.52), asked, noise="own")
    assert conducted.verdict == "undecided"
    assert conducted.results[0].counts.items == 900
    assert conducted.because == "S undecided after 900 items"


def test_the_incumbent_is_not_asked_where_only_a_floor_counts() -> None:
    world = World({INCUMBENT: Model(BASE), CANDIDATE: Model(falling(0.8))})
    conducted = conduct(intent(), SEED, TASKS, world.answer, silent)
    floors = [row for row in conducted.record if row.target.startswith("R/")]
    assert floors
    assert all(row.incumbent is None and row.incumbent_right is None for row in floors)
    assert world.asked[CANDIDATE] > world.asked[INCUMBENT]


def test_batches_do_not_depend_on_what_the_models_say() -> None:
    sizes: list[int] = []

    def answer(_digest: str, prompts: Sequence[str]) -> list[str]:
        sizes.append(len(prompts))
        return ["no"] * len(prompts)

    asked = intent(rules=Rules(superiority_items=HOPELESS_FROM))
    conduct(asked, SEED, TASKS, answer, silent)
    assert sizes == [FIRST_BATCH, FIRST_BATCH, HOPELESS_FROM - FIRST_BATCH, HOPELESS_FROM - FIRST_BATCH]


def test_the_watcher_sees_how_far_each_test_is() -> None:
    seen: list[tuple[str, int, int]] = []
    world = World({INCUMBENT: Model(BASE), CANDIDATE: Model(falling(0.9))})
    conducted = conduct(
        intent(), SEED, TASKS, world.answer, lambda name, done, limit: seen.append((name, done, limit))
    )
    assert [name for name, _, _ in seen] == [result.name for result in conducted.results]
    assert [done for _, done, _ in seen] == [result.counts.items for result in conducted.results]


def test_the_trace_is_short_rises_in_items_and_ends_at_the_result() -> None:
    for candidate in (falling(0.53), falling(0.9), BASE):
        for result in opened(candidate, noise="own").results:
            items = [at for at, _ in result.trace]
            assert items == sorted(set(items))
            assert 0 < len(items) <= 41
            assert result.trace[-1] == (result.counts.items, result.log_e)


def test_the_gain_is_an_interval_around_the_truth_and_not_the_mean_at_the_stop() -> None:
    conducted = opened(falling(0.6))
    superiority = intent().targets[0]
    truth = 0.1 * sum(one.level >= 5 for one in superiority.slices) / len(superiority.slices)
    assert conducted.gain.low <= truth <= conducted.gain.high
    assert conducted.gain.items == FIRST_BATCH > conducted.results[0].counts.items


def target(limit: int = 4000) -> Target:
    return Target("S", "superiority", (Slice("copy", 1),), (1.0,), 0.0, limit)


def test_no_test_is_given_up_early_or_while_it_may_still_pass() -> None:
    assert not hopeless(target(), Counts(0, 0, HOPELESS_FROM - 1), 0.05)
    assert hopeless(target(), Counts(100, 100, HOPELESS_FROM), 0.05 / 72)
    assert not hopeless(target(), Counts(130, 100, HOPELESS_FROM), 0.05 / 72)
    assert hopeless(target(), Counts(0, 0, HOPELESS_FROM), 0.05)


REFUSED = {
    "a task whose source changed": structs.replace(intent(), tasks={**intent().tasks, "sort": "0" * 64}),
    "a task that the intent does not name": structs.replace(
        intent(), tasks={"copy": intent().tasks["copy"], "reverse": intent().tasks["reverse"]}
    ),
    "other evaluating code": structs.replace(intent(), evaluator="0" * 64),
    "no target at all": structs.replace(intent(), targets=()),
    "no superiority test": structs.replace(intent(), targets=intent().targets[1:]),
    "the incumbent as its own candidate": structs.replace(intent(), candidate=INCUMBENT),
    "an alpha of 1": structs.replace(intent(), alpha=1.0),
    "two targets of one name, and so the same items": structs.replace(
        intent(), targets=intent().targets[:1] * 2
    ),
    "weights that do not sum to 1": structs.replace(
        intent(), targets=(structs.replace(target(), weights=(0.9,)),)
    ),
    "a negative weight": structs.replace(
        intent(),
        targets=(
            structs.replace(target(), slices=(Slice("copy", 1), Slice("copy", 2)), weights=(1.5, -0.5)),
        ),
    ),
    "a target without items": structs.replace(intent(), targets=(target(limit=0),)),
    "superiority with a margin": structs.replace(intent(), targets=(structs.replace(target(), bound=-0.1),)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_intent_that_cannot_be_believed_is_not_opened(case: str) -> None:
    with pytest.raises(TrustError, match="expected"):
        opened(falling(0.9), REFUSED[case])


def test_answers_that_are_missing_end_the_opening() -> None:
    with pytest.raises(EngineError, match="512 answers of model bbbbbbbbbbbb expected, got 511"):
        conduct(intent(), SEED, TASKS, lambda _digest, prompts: ["1"] * (len(prompts) - 1), silent)
