"""What a ledger tells."""

import pytest
from msgspec import structs
from tests.report.synthetic_run import EVENTFUL, TOP, ledger

from detent.errors import TrustError
from detent.report import tell, tell_turn
from detent.report.telling import ladder_interval
from detent.values import Decided, IntentWritten, Profile, Profiled, Score, fold


def test_a_turn_is_told_from_its_slots_alone() -> None:
    entries = ledger(8, EVENTFUL)
    story, state = tell(entries, "digits", "", TOP), fold(entries)
    assert [tell_turn(state.history[turn.generation]) for turn in story.turns] == list(story.turns)


def test_the_ladder_stands_still_where_nothing_was_promoted() -> None:
    story = tell(ledger(8, EVENTFUL), "digits", "", TOP)
    pairs = list(zip(story.standings, story.standings[1:], strict=False))
    assert any(not after.promoted for _, after in pairs)
    for before, after in pairs:
        if not after.promoted:
            assert (after.ladder, after.measured) == (before.ladder, before.measured)


def test_a_candidates_profile_is_not_shown_as_the_incumbents() -> None:
    entries = ledger(8, EVENTFUL)
    story = tell(entries, "digits", "", TOP)
    fresh = {e.profile.subject for e in entries if isinstance(e, Profiled) and e.purpose == "fresh"}
    assert {standing.profile.subject for standing in story.standings} <= fresh
    assert [s.profile.subject for s in story.standings] == [turn.incumbent for turn in story.turns]


def test_the_error_budget_is_read_off_any_opening() -> None:
    for generations in (2, 5, 8):
        assert tell(ledger(generations, 4), "digits", "", TOP).budget == pytest.approx(0.05)


def test_every_model_has_a_parent_on_the_ledger_or_is_one_of_the_first() -> None:
    story = tell(ledger(20, 3), "digits", "", TOP)
    known = [model.digest for model in story.models]
    assert {m.generation for m in story.models if m.parent not in known} == {0}
    assert [m.digest for m in story.models if m.fate == "in force"] == [story.state.incumbent]


def test_training_that_went_on_from_a_refused_candidate_shows_in_its_child() -> None:
    story = tell(ledger(50, 5), "digits", "", TOP)
    parents = {m.parent for m in story.models}
    carried = {m.digest for m in story.models if m.fate == "carried on"} - set(story.state.team)
    discarded = {m.digest for m in story.models if m.fate == "discarded"}
    assert carried
    assert carried <= parents
    assert discarded
    assert not discarded & parents


def test_shares_of_a_batch_are_added_up_by_file() -> None:
    models = tell(ledger(1, 2), "digits", "", TOP).models
    assert [sum(model.data.values()) for model in models] == pytest.approx([1.0] * 4)
    assert sorted(models[-1].data.values()) == pytest.approx([0.5, 0.5])


def test_an_opening_between_intent_and_outcome_is_open() -> None:
    entries = ledger(1, 2)
    end = next(i for i, e in enumerate(entries, 1) if isinstance(e, IntentWritten))
    (opening,) = tell(entries[:end], "digits", "", TOP).openings
    assert (opening.verdict, opening.items, opening.gain) == ("open", None, None)
    assert {trial.result for trial in opening.trials} == {None}


def test_an_empty_ledger_tells_an_empty_story() -> None:
    story = tell([], "digits", "", TOP)
    assert (story.turns, story.ladder_now, story.budget, story.began) == ((), None, None, "")


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_an_impossible_error_probability_is_not_drawn(alpha: float) -> None:
    entries = ledger(1, 2)
    forged = [
        structs.replace(e, intent=structs.replace(e.intent, alpha=alpha))
        if isinstance(e, IntentWritten)
        else e
        for e in entries
    ]
    with pytest.raises(TrustError, match="between 0 and 1 expected at opening 1"):
        tell(forged, "digits", "", TOP)


def test_entries_out_of_order_are_not_told() -> None:
    entries = ledger(2, 2)
    decided = next(i for i, e in enumerate(entries) if isinstance(e, Decided))
    with pytest.raises(TrustError):
        tell(entries[:decided] + entries[decided + 1 :], "digits", "", TOP)


def test_the_ladders_interval_is_the_sum_of_its_rungs_variances() -> None:
    # Two tasks of two levels, weights 1/4 each: var = (.25/100 + .16/50) / 16; 1.96 sd = .0370
    profile = Profile("d", {"a": (Score(50, 100), Score(100, 100)), "b": (Score(40, 50), Score(0, 50))})
    low, high = ladder_interval(profile)
    assert (low + high) / 2 == pytest.approx(0.575)
    assert (high - low) / 2 == pytest.approx(1.96 * ((0.25 / 100 + 0.16 / 50) / 16) ** 0.5)


def test_an_interval_never_leaves_what_a_share_can_be() -> None:
    low, high = ladder_interval(Profile("d", {"a": (Score(1, 2), Score(1, 2))}))
    assert 0 <= low < high <= 1
