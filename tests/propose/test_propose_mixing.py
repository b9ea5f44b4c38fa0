"""What a batch is drawn from: every file that was recorded, its rungs, and its share."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from detent.charter import Feedback
from detent.propose import sources_of
from detent.propose.mixing import MOST_FILES, first_sources, judge_sources
from detent.values import (
    DataMade,
    DataProposal,
    Filter,
    LabelRecipe,
    Mix,
    Origin,
    Rung,
    Slice,
    Source,
    State,
    Use,
)

MIX = Mix(newest=0.5, earlier=0.3, seed=0.2)

Counts = dict[str, dict[str, int]]


def made(name: str, counts: Counts, source: str = "self") -> DataMade:
    return DataMade(digest=name, origin=Origin(source), counts=counts, offered={}, stream="")  # type: ignore[arg-type]


SEED = made("seed", {"copy": {"1": 100, "2": 100}}, "seed")


def proposal(**levels: tuple[int, ...]) -> DataProposal:
    """A proposal that labels these levels of each task; the first is its frontier."""
    return DataProposal(
        team=("a",),
        recipes={task: recipe(row[0], row) for task, row in levels.items()},
        mix=MIX,
        steps=1,
        because="",
    )


def recipe(frontier: int, levels: tuple[int, ...]) -> LabelRecipe:
    rungs = tuple(Rung(level, 10, Filter(0.5, 1.0, 5)) for level in levels)
    return LabelRecipe(frontier=frontier, rungs=rungs)


def mixed(made_before: list[DataMade], labels: DataMade, wanted: DataProposal) -> tuple[Source, ...]:
    return sources_of(wanted, labels, State(data=(SEED, *made_before, labels)))


def shares(sources: tuple[Source, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for source in sources:
        found[source.data] = found.get(source.data, 0.0) + source.weight
    return found


REVIEWING = DataProposal(("a",), {"copy": recipe(5, (4, 5, 6))}, MIX, 1, "")
LABELS = made("now", {"copy": {"4": 30, "5": 20, "6": 10}})


def test_the_first_labels_are_mixed_with_the_seed_levels() -> None:
    sources = mixed([], made("now", {"copy": {"4": 10}}), proposal(copy=(4,)))
    assert sources == (Source("seed", 0.2), Source("now", 0.5, (Slice("copy", 4),)))


def test_new_levels_and_those_labelled_again_have_shares_of_their_own() -> None:
    sources = mixed([], LABELS, REVIEWING)
    assert sources == (
        Source("seed", 0.2),
        Source("now", 0.5, (Slice("copy", 5), Slice("copy", 6))),
        Source("now", 0.3, (Slice("copy", 4),)),
    )


def test_what_was_labelled_again_and_what_was_labelled_before_share_alike() -> None:
    before = made("before", {"copy": {"4": 50}})
    assert shares(mixed([before], LABELS, REVIEWING)) == pytest.approx(
        {"seed": 0.2, "now": 0.5 + 0.15, "before": 0.15}
    )


def test_every_example_of_a_pool_weighs_the_same() -> None:
    files = [made("large", {"copy": {"4": 90}}), made("small", {"copy": {"4": 10}})]
    sources = shares(mixed(files, made("now", {"copy": {"5": 5}}), REVIEWING))
    assert sources["large"] == pytest.approx(9 * sources["small"])
    assert sources["large"] + sources["small"] == pytest.approx(0.3)


def test_a_level_that_is_labelled_anew_is_not_taken_from_older_labels() -> None:
    """They were made by a model that was worse at it."""
    before = made("before", {"copy": {"5": 50}})
    assert "before" not in shares(mixed([before], LABELS, REVIEWING))


def test_labels_above_the_window_are_not_forgotten() -> None:
    """The window may fall; what was once labelled above it goes on being trained on."""
    before = made("before", {"copy": {"9": 30}})
    sources = shares(mixed([before], LABELS, REVIEWING))
    assert sources["before"] == pytest.approx(0.5 * 30 / 60)


def test_tasks_count_alike_however_many_labels_they_have() -> None:
    labels = made("now", {"copy": {"4": 500}, "sort": {"4": 5}})
    sources = mixed([], labels, proposal(copy=(4,), sort=(4,)))
    assert [source.weight for source in sources] == pytest.approx([0.2, 0.25, 0.25])


def test_a_rung_of_which_nothing_was_kept_is_no_source() -> None:
    assert mixed([], made("now", {"copy": {"4": 0}}), proposal(copy=(4,))) == (Source("seed", 0.2),)


def test_labels_of_a_task_that_is_not_improved_any_more_are_left_out() -> None:
    before = made("before", {"sort": {"4": 50}})
    assert "before" not in shares(mixed([before], LABELS, REVIEWING))


def test_of_very_many_files_the_newest_and_some_from_the_whole_history_are_drawn_from() -> None:
    files = [made(f"{number:03}", {"copy": {"4": 10}}) for number in range(500)]
    drawn = [source.data for source in mixed(files, LABELS, REVIEWING) if source.data not in {"seed", "now"}]
    assert len(drawn) == len(set(drawn)) == MOST_FILES
    assert drawn[-MOST_FILES // 2 :] == [f"{number:03}" for number in range(500 - MOST_FILES // 2, 500)]
    assert drawn[0] == "000"


COUNTS = st.dictionaries(
    st.sampled_from(["copy", "sort"]),
    st.dictionaries(st.integers(4, 9).map(str), st.integers(0, 50), min_size=1),
)


@given(st.lists(COUNTS, max_size=5), COUNTS, st.integers(4, 9), st.integers(4, 9))
def test_whatever_was_labelled_no_rung_of_a_file_is_in_two_sources(
    before: list[Counts], now: Counts, copy: int, sort: int
) -> None:
    files = [made(f"{number}", counts) for number, counts in enumerate(before)]
    wanted = (
        proposal(copy=(copy, 9), sort=(sort, 9)) if copy < 9 and sort < 9 else proposal(copy=(9,), sort=(9,))
    )
    sources = mixed(files, made("now", now), wanted)
    rungs = [(source.data, rung) for source in sources for rung in source.rungs]
    assert len(rungs) == len(set(rungs))
    assert all(source.weight > 0 for source in sources)
    assert all(source.rungs for source in sources if source.data != "seed")
    assert fsum(source.weight for source in sources) <= 1 + 1e-9


OFF: dict[str, tuple[dict[str, dict[str, Use]], set[str]]] = {
    "every principle is used": (
        {"constitution": {"alphabet": Use(0.5), "unsure": Use(1.0)}},
        {"P/alphabet/copy", "P/unsure/copy"},
    ),
    "one was switched off": (
        {"constitution": {"alphabet": Use(1.0), "unsure": Use(0.0, "switched off")}},
        {"P/alphabet/copy"},
    ),
    "an amendment took one away": ({"constitution": {"unsure": Use(1.0)}}, {"P/unsure/copy"}),
    "an amendment took the method away": ({}, set()),
}


@pytest.mark.parametrize("off", OFF.values(), ids=OFF.keys())
def test_of_rows_by_principle_those_whose_principle_is_used_are_trained_on_when(
    off: tuple[dict[str, dict[str, Use]], set[str]],
) -> None:
    """Files of earlier generations hold rows of all that was used then."""
    uses, taught = off
    rows = made("before", {"P/alphabet/copy": {"3": 5}, "P/unsure/copy": {"4": 5}}, "principled")
    sources = mixed([rows], LABELS, structs.replace(REVIEWING, uses=uses))
    assert {rung.task for source in sources if source.data == "before" for rung in source.rungs} == taught


LESSONS = made("lessons", {"copy": {"4": 30}}, "lessons")
NOTHING: dict[str, tuple[list[DataMade], DataMade, DataMade, set[str]]] = {
    "an amendment brought the judge, and generation 0 made no lessons": (
        [SEED],
        LESSONS,
        LABELS,
        {"lessons", "now", "seed"},
    ),
    "the team agreed on nothing, or a worker says so": (
        [SEED, made("first", {"copy": {"1": 9}}, "lessons")],
        made("none", {}, "lessons"),
        made("none", {}),
        {"seed", "first"},
    ),
    "an amendment brought it, and nothing was labelled": (
        [SEED],
        made("none", {}, "lessons"),
        made("none", {}),
        {"seed"},
    ),
}


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING.keys())
def test_a_judge_is_taught_from_what_there_is_and_from_no_empty_file_where(
    nothing: tuple[list[DataMade], DataMade, DataMade, set[str]],
) -> None:
    """No training takes a file without a row, so that the turn, and the run, would never end."""
    first, lessons, labels, taught = nothing
    now = [structs.replace(one, generation=3) for one in (labels, lessons)]
    sources = judge_sources(lessons, labels, State(generation=3, data=(*first, *now)))
    assert {source.data for source in sources} == taught


def test_where_revising_has_no_cases_nothing_is_learnt_from_them() -> None:
    """By principles without built-in probes, as those for language are, there is nothing to correct."""
    feedback = Feedback(methods=("self_label", "constitution"))
    none, some = made("none", {}, "corrections"), made("some", {"copy": {"1": 5}}, "corrections")
    assert first_sources(SEED, State(data=(SEED, none)), feedback) == (Source("seed", 1.0),)
    assert shares(first_sources(SEED, State(data=(SEED, some)), feedback)) == pytest.approx(
        {"seed": 0.85, "some": 0.15}
    )
