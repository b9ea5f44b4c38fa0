"""Which changes are tried when, at which rungs, and what the trials came to; and what is told of those before."""

import pytest
from msgspec import UNSET, structs

from detent.charter import Charter, Explore
from detent.errors import CharterError
from detent.propose import (
    change_at,
    check_change,
    choice,
    due,
    edits_before,
    passes,
    setting_of,
    settings_before,
    standing,
    stuck,
    told,
    touches_methods,
    trial_name,
    tried,
)
from detent.propose.tally import history
from detent.signing import SigningKey
from detent.values import (
    Change,
    DataProposal,
    Decided,
    Diagnosis,
    Entry,
    Mix,
    Profile,
    Profiled,
    Proposed,
    Reshape,
    Score,
    State,
    Suggested,
    Tune,
    Weakness,
    Withdrawn,
)
from detent.values.lasting import Lasting
from detent.values.shape import AddBlock, Rotary

OFF = Reshape(Rotary((False, False)), "rules")
GROW = Reshape(AddBlock(0), "search")
SURE = Tune({"recipe.confidence": 0.9}, "rules")
LONG = Tune({"recipe.steps": 240}, "search")
CHANGES: tuple[Change, ...] = (OFF, SURE, LONG)
SUGGESTED = Suggested(changes=CHANGES, because="")
EXPLORE = Explore(rungs=(10, 20))


def charter(**sections: object) -> Charter:
    return Charter.model_validate(
        {
            "name": "toy",
            "purpose": "Test",
            "stewards": {"quorum": 1, "keys": [str(SigningKey.from_seed("one", b"p" * 32).verify_key)]},
            "pace": {"lease": {"generations": 3}, "candidates": 4},
            "direction": {"improve": {"copy": 12}},
            "constraints": {"changes": ["data", "architecture", "feedback"]},
            "explore": {"rungs": [10, 20], "patience": 2},
            "seal": {"tip": "0" * 64, "length": 400},
            **sections,
        }
    )


def exploring(terms: Explore) -> Charter:
    return charter(explore=terms.model_dump())


def weak(*generations: int, remedy: str = "climb") -> Diagnosis:
    return Diagnosis(
        tuple(
            Weakness(
                task=f"t{number}",
                frontier=1,
                horizon=1.0,
                label_accuracy=None,
                stuck=one,
                remedy=remedy,  # type: ignore[arg-type]
            )
            for number, one in enumerate(generations)
        ),
        "",
    )


def measured(right: int) -> dict[str, Entry]:
    profile = Profile("d" * 64, {"copy": tuple(Score(right, 64) for _ in range(4))})
    return {"profile/v1/visible/0": Profiled(purpose="visible", profile=profile, stream="")}


GONE: dict[str, Entry] = {"withdrawn/v1": Withdrawn(because="no such shape")}


def plan(steps: int = 120, change: Change | None = None) -> DataProposal:
    found = DataProposal(
        team=(), recipes={}, mix=Mix(newest=0.5, earlier=0.3, seed=0.2), steps=steps, because=""
    )
    return found if change is None else structs.replace(found, change=change)


def test_the_plan_as_it_is_is_number_zero_and_the_changes_are_counted_from_one() -> None:
    assert [change_at(SUGGESTED, number) for number in range(4)] == [None, *CHANGES]
    assert trial_name(2, 1) == "2.1"


DUE: dict[str, tuple[Charter, Diagnosis, bool]] = {
    "stuck for as long as the charter bears": (charter(), weak(2, 5), True),
    "one task that moves": (charter(), weak(9, 1), False),
    "nothing weak": (charter(), weak(9, remedy="rest"), False),
    "every turn, where the charter says so": (charter(explore={"when": "always"}), weak(0), True),
}


@pytest.mark.parametrize("name", DUE)
def test_changes_are_tried_when_the_charter_wants_it(name: str) -> None:
    signed, diagnosis, wanted = DUE[name]
    assert due(signed, diagnosis) == wanted


def test_without_places_nothing_is_tried_however_stuck_a_run_is() -> None:
    alone = charter(pace={"lease": {"generations": 3}, "candidates": 1}, constraints={"changes": ["data"]})
    assert not due(alone, weak(99))
    assert stuck(weak(3, 7)) == 3


def test_at_the_first_rung_all_stand_and_then_the_better_half_with_the_plan() -> None:
    trials = {"0.0": measured(20), "1.0": measured(30), "2.0": measured(10), "3.0": measured(40)}
    assert standing(SUGGESTED, {}, EXPLORE, 0) == (0, 1, 2, 3)
    assert standing(SUGGESTED, trials, EXPLORE, 1) == (0, 1, 3)


def test_what_was_withdrawn_stands_no_more_and_makes_room_for_nobody_worse_than_it_would_have() -> None:
    trials = {"0.0": measured(20), "1.0": measured(30), "2.0": measured(10), "3.0": GONE}
    assert standing(SUGGESTED, trials, EXPLORE, 1) == (0, 1, 2)
    assert standing(SUGGESTED, trials | {"1.0": GONE, "2.0": GONE}, EXPLORE, 1) == (0,)


def test_once_nothing_is_left_beside_the_plan_it_stands_alone_at_every_rung() -> None:
    many = Explore(rungs=(10, 20, 40, 80))
    gone = {"0.0": measured(20), "1.0": GONE, "2.0": GONE, "3.0": GONE}
    for rung in (1, 2, 3):
        assert standing(SUGGESTED, gone, many, rung) == (0,)
        assert standing(Suggested(changes=(), because=""), {}, many, rung) == (0,)
    assert choice(SUGGESTED, gone, exploring(many))[0] is None


def test_what_is_clearly_better_at_the_last_rung_is_chosen() -> None:
    trials = {"0.1": measured(20), "1.1": measured(60), "3.1": measured(22)}
    change, reading = choice(SUGGESTED, trials, exploring(EXPLORE))
    assert change == OFF
    assert reading.endswith(OFF.said)


def test_what_chance_may_have_made_is_not_chosen() -> None:
    trials = {"0.1": measured(20), "1.1": measured(22), "3.1": measured(21)}
    assert choice(SUGGESTED, trials, exploring(EXPLORE))[0] is None


def test_where_nothing_was_suggested_or_all_was_withdrawn_the_plan_goes_on() -> None:
    assert choice(Suggested(changes=(), because=""), {}, exploring(EXPLORE))[0] is None
    trials = {"0.0": measured(20), "1.0": GONE, "2.0": GONE, "3.0": GONE}
    change, reading = choice(SUGGESTED, trials, exploring(EXPLORE))
    assert change is None
    assert "no change could be tried to the end" in reading
    assert choice(SUGGESTED, {"0.1": measured(20), "1.1": GONE}, exploring(EXPLORE))[0] is None


def test_a_trial_has_the_steps_of_its_rung_and_a_change_of_steps_in_the_same_proportion() -> None:
    signed = charter()
    assert tried(plan(), signed, 0).steps == 10
    assert tried(plan(steps=480, change=OFF), signed, 1).steps == 20
    assert tried(plan(steps=240, change=LONG), signed, 0).steps == 20
    least = Tune({"recipe.steps": 40}, "rules")
    tiny = charter(explore={"rungs": [1]})
    assert tried(plan(change=least), tiny, 0).steps == 1


METHODS: dict[str, tuple[Change, bool]] = {
    "a judge's steps": (Tune({"feedback.dpo_steps": 4}, "search"), True),
    "how a judge is asked": (Tune({"feedback.judge_form": "strict"}, "search"), True),
    "a rate of rewards": (Tune({"feedback.grpo_rate": 1e-4}, "search"), True),
    "labels": (SURE, False),
    "a shape": (GROW, False),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_judges_word_is_a_part_of_trials_where_a_change_says_something_of_it(name: str) -> None:
    change, wanted = METHODS[name]
    assert touches_methods(Suggested(changes=(OFF, change), because="")) == wanted


def test_the_value_in_force_of_a_key_is_found_by_its_name() -> None:
    assert setting_of(charter(), "recipe.confidence") == 0.7
    assert setting_of(charter(recipe={"mix": {"newest": 0.4, "earlier": 0.4}}), "recipe.mix.newest") == 0.4


REFUSED: dict[str, tuple[Charter, Change]] = {
    "a kind that the charter does not allow": (charter(constraints={"changes": ["data", "feedback"]}), GROW),
    "an edit that it does not name": (charter(explore={"edits": ["rotary"]}), GROW),
    "a setting that it does not name": (charter(explore={"settings": ["recipe.steps"]}), SURE),
    "a setting that has no effect under it": (charter(), Tune({"feedback.dpo_steps": 8}, "model")),
    "a value beyond the space": (charter(), Tune({"recipe.confidence": 2.0}, "model")),
    "a value of another type": (charter(), Tune({"recipe.steps": "many"}, "model")),
    "the oversight itself": (charter(), Tune({"constraints.error_budget": 1.0}, "model")),
    "what is measured by": (charter(), Tune({"recipe.profile_problems": 1}, "model")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_beyond_the_charter_is_refused(name: str) -> None:
    signed, change = REFUSED[name]
    with pytest.raises(CharterError, match="expected"):
        check_change(change, signed)


def test_a_change_within_the_charter_is_taken() -> None:
    for change in (OFF, GROW, SURE, LONG):
        check_change(change, charter())


def turn(decision: str, proposed: Change | None = None, *changes: Change) -> dict[str, Entry]:
    decided = Decided(
        decision=decision,  # type: ignore[arg-type]
        incumbent="",
        candidate="",
        team=(),
        because="",
    )
    found: dict[str, Entry] = {
        "proposal/v1": Proposed(proposal=plan(change=proposed)),
        "decision/v1": decided,
    }
    return found | ({"suggested/v1": Suggested(changes=changes, because="")} if changes else {})


def run(*turns: tuple[dict[str, Entry], dict[str, dict[str, Entry]]], since: int = 0) -> State:
    """A state of these closed turns, each with what was tried in it."""
    history: Lasting[dict[str, Entry]] = Lasting()
    every: Lasting[dict[str, dict[str, Entry]]] = Lasting()
    for slots, trials in turns:
        history, every = history.then(slots), every.then(trials)
    return State(history=history, tried=every, generation=len(turns), since=since)


FIRST = (turn("promote"), dict[str, dict[str, Entry]]())
TRIALS = {
    "0.0": measured(20),
    "1.0": measured(40),
    "2.0": measured(30),
    "3.0": GONE,
    "0.1": measured(22),
    "1.1": measured(50),
    "2.1": measured(24),
}
EXPLORED = (turn("promote", OFF, *CHANGES), TRIALS)


def test_what_came_of_each_change_is_told_from_the_last_rung_where_it_and_the_plan_were_measured() -> None:
    found = list(history(run(FIRST, EXPLORED), EXPLORE))
    assert [(one.generation, one.change, one.rung, one.proposed, one.promoted) for one in found] == [
        (1, OFF, 1, True, True),
        (1, SURE, 1, False, False),
        (1, LONG, 0, False, False),
    ]
    assert [one.gain for one in found] == [pytest.approx(28 / 64), pytest.approx(2 / 64), None]


def test_a_proposer_passes_by_promotions_alone() -> None:
    assert passes(run(FIRST, EXPLORED), EXPLORE) == {"rules": (1, 1), "search": (0, 1), "model": (0, 0)}
    denied = (turn("discard", OFF, *CHANGES), TRIALS)
    assert passes(run(FIRST, denied), EXPLORE)["rules"] == (0, 2)


def test_a_search_is_told_of_settings_that_were_measured_under_this_charter() -> None:
    (known,) = told(run(FIRST, EXPLORED), EXPLORE)
    assert known.settings == SURE.settings
    assert known.score == pytest.approx(2 / 64)
    assert told(run(FIRST, EXPLORED, since=2), EXPLORE) == ()


def test_edits_count_as_tried_until_the_shape_changes() -> None:
    failed = (turn("carry", None, GROW, SURE), {"0.0": measured(20), "1.0": measured(20)})
    assert edits_before(run(FIRST, failed), EXPLORE) == [GROW]
    assert edits_before(run(FIRST, failed, EXPLORED), EXPLORE) == []
    assert settings_before(run(FIRST, failed, EXPLORED), EXPLORE) == [SURE, SURE, LONG]


def test_what_a_rollback_undid_is_told_no_more() -> None:
    back = Decided(decision="rollback", incumbent="", candidate="", team=(), because="", to=0)
    state = run(FIRST, EXPLORED, ({"decision/v1": back}, {}))
    assert list(history(state, EXPLORE)) == []


def test_a_plan_without_a_change_says_none() -> None:
    assert plan().change is UNSET
    assert plan().kind == "data"
    assert plan(change=OFF).kind == "architecture"
    assert plan(change=SURE).settings == SURE.settings
