"""What is weak, where it stands, and whether its labels can be trusted: from totals alone."""

import pytest

from detent.diagnose import diagnose, reach
from detent.values import Audited, Diagnosed, Diagnosis, Entry, Profile, Score, Weakness

Slots = dict[str, Entry]


def scores(*right: int) -> tuple[Score, ...]:
    """Levels 1, 2, ... with so many right of 64."""
    return tuple(Score(count, 64) for count in right)


def profile(**tasks: tuple[Score, ...]) -> Profile:
    return Profile("d" * 64, tasks)


COPY = profile(copy=scores(64, 64, 40, 10, 0))


def closed(frontier: int | None = None, label_accuracy: float | None = None) -> Slots:
    """What a closed generation wrote about copy."""
    slots: Slots = {}
    if frontier is not None:
        weak = Weakness("copy", frontier, 0.0, None, 0, "climb")
        slots["diagnosis/v1"] = Diagnosed(diagnosis=Diagnosis((weak,), ""))
    if label_accuracy is not None:
        slots["audit/v1"] = Audited(
            data="", labels={"copy": Score(round(100 * label_accuracy), 100)}, stream=""
        )
    return slots


def weak_copy(history: dict[int, Slots], seen: Profile = COPY) -> Weakness:
    (weak,) = diagnose(seen, history).weaknesses
    return weak


def test_the_worst_task_comes_first() -> None:
    seen = profile(copy=scores(64, 64, 40), sort=scores(64, 10, 0), reverse=scores(64, 64, 64))
    assert [weak.task for weak in diagnose(seen, {}).weaknesses] == ["sort", "copy", "reverse"]


def test_the_frontier_is_the_first_level_that_is_not_mastered() -> None:
    assert weak_copy({}).frontier == 3


def test_a_dip_by_chance_below_mastered_levels_is_no_frontier() -> None:
    assert reach(profile(copy=scores(64, 64, 61, 64, 64, 30)), "copy") == 6


def test_a_dip_that_is_none_by_chance_is_one() -> None:
    assert reach(profile(copy=scores(64, 64, 30, 64, 64, 30)), "copy") == 3


def test_a_task_at_its_top_rests() -> None:
    weak = weak_copy({}, profile(copy=scores(64, 63, 64)))
    assert (weak.frontier, weak.remedy) == (4, "rest")


def test_nothing_is_known_of_labels_before_any_were_audited() -> None:
    assert (weak_copy({}).label_accuracy, weak_copy({}).remedy) == (None, "climb")


@pytest.mark.parametrize(("right", "remedy"), [(0.89, "purify"), (0.90, "climb")])
def test_labels_below_the_trusted_share_are_to_be_purified(right: float, remedy: str) -> None:
    assert weak_copy({1: closed(3, right)}).remedy == remedy


def test_the_newest_audit_counts() -> None:
    assert weak_copy({1: closed(3, 0.5), 2: closed(3, 0.95)}).label_accuracy == 0.95


def test_a_generation_without_an_audit_leaves_the_one_before_in_force() -> None:
    assert weak_copy({1: closed(3, 0.5), 2: closed(3)}).label_accuracy == 0.5


def test_the_top_is_left_alone_whatever_its_labels_were() -> None:
    assert weak_copy({1: closed(4, 0.1)}, profile(copy=scores(64, 64, 64))).remedy == "rest"


STANDING = {
    "no generation before": ({}, 0),
    "one generation at the same frontier": ({1: closed(3)}, 1),
    "three in a row": ({1: closed(3), 2: closed(3), 3: closed(3)}, 3),
    "one that was ahead of today's": ({1: closed(5)}, 1),
    "a step forward since": ({1: closed(3), 2: closed(2)}, 0),
    "still since a step forward": ({1: closed(2), 2: closed(3), 3: closed(3)}, 2),
    "a generation 0, which diagnoses nothing": ({0: {}, 1: closed(3)}, 1),
}


@pytest.mark.parametrize(("history", "still"), STANDING.values(), ids=STANDING)
def test_a_frontier_stands_still_for(history: dict[int, Slots], still: int) -> None:
    assert weak_copy(history).stuck == still


def test_the_sentence_names_frontiers_tops_and_wrong_labels() -> None:
    seen = profile(copy=scores(64, 64, 40), sort=scores(64, 64, 64))
    said = diagnose(seen, {1: closed(3, 0.5)}).reading
    assert said == "frontier copy 3 (labels 50% right), at the top: sort"
