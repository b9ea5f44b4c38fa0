"""Trials in the fold: a small turn of their own inside a turn, which steers nothing and is paid for."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from msgspec import structs

from detent.errors import TrustError
from detent.values import (
    Answered,
    Audited,
    CandidateTrained,
    CharterSigned,
    Collected,
    DataMade,
    DataProposal,
    Decided,
    Diagnosed,
    Diagnosis,
    Entry,
    Intent,
    IntentWritten,
    JudgeTrained,
    LeaseGranted,
    Mix,
    Optimizer,
    Ordered,
    Origin,
    Outcome,
    OutcomeWritten,
    Profile,
    Profiled,
    Proposed,
    Refused,
    Reshaped,
    Score,
    SessionStarted,
    Setting,
    State,
    Suggested,
    Tune,
    Watched,
    Withdrawn,
    decode_entry,
    entry_document,
    fold,
)
from detent.values.shape import AddBlock

FIRST, NEXT, OTHER = "a" * 64, "b" * 64, "c" * 64
NEVER = "9999-12-31T23:59:59Z"


def lease(number: int = 1) -> LeaseGranted:
    return LeaseGranted(number=number, generations=8, expires=NEVER, petaflop=1.0, envelope="")


def decided(
    generation: int, decision: str = "carry", incumbent: str = FIRST, to: int | None = None
) -> Decided:
    return Decided(
        generation=generation,
        decision=decision,  # type: ignore[arg-type]
        incumbent=incumbent,
        candidate="",
        team=(incumbent,),
        because="",
        to=to,
    )


E = TypeVar("E", bound=Entry)

SLOW = Tune({"recipe.steps": 480}, "search")


def suggested(generation: int = 1) -> Suggested:
    return Suggested(generation=generation, changes=(SLOW,), because="stuck")


def diagnosed(generation: int = 1) -> Diagnosed:
    return Diagnosed(generation=generation, diagnosis=Diagnosis((), ""))


def proposed(generation: int = 1, change: Tune | None = None, trial: str = "") -> Proposed:
    proposal = DataProposal(
        team=(FIRST,), recipes={}, mix=Mix(newest=0.5, earlier=0.3, seed=0.2), steps=1, because=""
    )
    if change is not None:
        proposal = structs.replace(proposal, change=change)
    return within(Proposed(generation=generation, proposal=proposal), trial)


def within(entry: E, trial: str) -> E:
    return structs.replace(entry, trial=trial) if trial else entry


def labels(digest: str = "d" * 64, generation: int = 1) -> DataMade:
    return DataMade(
        generation=generation,
        digest=digest,
        origin=Origin("self"),
        counts={},
        offered={},
        stream="",
        flops=3e12,
    )


def candidate(digest: str = NEXT, parent: str = FIRST, generation: int = 1) -> CandidateTrained:
    return CandidateTrained(
        generation=generation,
        digest=digest,
        parent=parent,
        data=(),
        steps=1,
        seed=1,
        optimizer=Optimizer(matrix_rate=0.1, other_rate=0.1, batch=1),
        parameters=7,
        flops=5e12,
        precision="",
        losses=(),
        change={},
    )


def reshaped() -> Reshaped:
    return Reshaped(
        generation=1,
        digest=OTHER,
        parent=FIRST,
        edit=AddBlock(0),
        seed=1,
        parameters=9,
        distance=0.0,
        flops=2e12,
    )


def profiled(subject: str = NEXT, purpose: str = "visible") -> Profiled:
    return Profiled(
        generation=1,
        purpose=purpose,  # type: ignore[arg-type]
        profile=Profile(subject, {"copy": (Score(1, 2),)}),
        stream="",
        flops=1e12,
    )


def opened(generation: int, model: str) -> list[Entry]:
    """An opening of that generation that the model passed."""
    intent = Intent(
        k=generation,
        alpha=0.01,
        candidate=model,
        incumbent=FIRST,
        charter_version=1,
        charter=FIRST,
        targets=(),
        tasks={},
        evaluator=FIRST,
    )
    outcome = Outcome(k=generation, verdict="better", results=(), gain=None, reveal="00", because="")
    return [
        IntentWritten(generation=generation, intent=intent),
        OutcomeWritten(generation=generation, outcome=outcome),
    ]


BEGUN: list[Entry] = [CharterSigned(version=1, digest="", envelope=""), lease(), decided(0, "promote")]
TRYING: list[Entry] = [*BEGUN, diagnosed(), suggested()]
TRIED: list[Entry] = [
    *TRYING,
    *(within(one, "1.0") for one in (proposed(change=SLOW), labels(), reshaped(), candidate(parent=OTHER))),
]


def test_a_trial_is_a_turn_of_its_own_that_the_turn_does_not_see() -> None:
    state = fold([*TRIED, within(profiled(), "1.0")])
    assert set(state.slots) == {"diagnosis/v1", "suggested/v1"}
    assert state.visible == {}
    assert state.data == ()
    assert set(state.trials["1.0"]) == {
        "proposal/v1",
        "data/v1",
        "reshaped/v1/0",
        "candidate/v1/0",
        "profile/v1/visible/0",
    }
    inside = state.within("1.0")
    assert set(inside.slots) == {"diagnosis/v1", "suggested/v1", *state.trials["1.0"]}
    assert [made.digest for made in inside.data] == ["d" * 64]


def test_a_trial_sees_nothing_of_another() -> None:
    inside = fold(TRIED).within("0.0")
    assert set(inside.slots) == {"diagnosis/v1", "suggested/v1"}
    assert (inside.data, inside.set_now) == ((), {})


def test_a_change_of_settings_is_in_force_within_its_own_trial_alone() -> None:
    state = fold(TRIED)
    assert state.within("1.0").set_now == {"recipe.steps": 480}
    assert state.set_now == state.within("0.0").set_now == {}


def test_what_a_trial_took_is_paid_by_the_lease() -> None:
    state = fold([*TRIED, within(profiled(), "1.0")])
    assert state.flops == pytest.approx(3e12 + 2e12 + 5e12 + 1e12)
    assert state.grants[0].used == pytest.approx(1.1e-2)


def test_what_trials_made_is_on_record_and_is_new_to_other_trials() -> None:
    state = fold(TRIED)
    assert {NEXT, OTHER} <= state.models
    assert state.sizes[NEXT] == 7
    assert NEXT not in state.within("0.0").models_before_trials
    assert NEXT in state.within("1.0").models_before_trials


def test_trials_of_a_closed_turn_are_history_and_the_next_turn_begins_without_any() -> None:
    state = fold([*TRIED, proposed(), decided(1)])
    assert state.trials == {}
    assert set(state.tried[1]) == {"1.0"}
    assert state.tried[0] == {}
    assert NEXT in state.models
    assert NEXT in state.models_before_trials


def test_a_trial_that_was_withdrawn_may_be_of_a_change_that_was_never_made() -> None:
    state = fold([*TRYING, within(Withdrawn(generation=1, because="no such shape"), "1.0")])
    assert set(state.trials["1.0"]) == {"withdrawn/v1"}


AMISS: dict[str, Callable[[], list[Entry]]] = {
    "a trial before anything was suggested": lambda: [*BEGUN, diagnosed(), proposed(trial="0.0")],
    "a trial after the proposal": lambda: [*TRYING, proposed(), within(labels(), "0.0")],
    "a trial between turns": lambda: [*TRYING, proposed(), decided(1), within(labels(generation=2), "0.0")],
    "a trial of another generation": lambda: [*TRYING, within(labels(generation=2), "0.0")],
    "a trial without a name": lambda: [*TRYING, structs.replace(labels(), trial="")],
    "a second proposal in a trial": lambda: [*TRIED, proposed(trial="1.0")],
    "a second candidate in a trial": lambda: [*TRIED, within(candidate("e" * 64), "1.0")],
    "anything after a trial was withdrawn": lambda: [
        *TRYING,
        within(Withdrawn(generation=1, because=""), "1.0"),
        within(labels(), "1.0"),
    ],
    "a trial withdrawn twice": lambda: [*TRYING] + [within(Withdrawn(generation=1, because=""), "1.0")] * 2,
    "a trial withdrawn once it was measured": lambda: [
        *TRIED,
        within(profiled(), "1.0"),
        within(Withdrawn(generation=1, because="it did too well"), "1.0"),
    ],
    "a withdrawal of the turn itself, beside a trial's name": lambda: [
        *TRYING,
        within(suggested(), "0.0"),
    ],
}

NOT_IN_A_TRIAL: dict[str, Entry] = {
    "a fresh profile": profiled(purpose="fresh"),
    "an intent": opened(1, NEXT)[0],
    "an outcome": opened(1, NEXT)[1],
    "a decision": decided(1),
    "a diagnosis": diagnosed(),
    "what is suggested": suggested(),
    "an audit of labels": Audited(generation=1, data="", labels={}, stream=""),
    "a watch": Watched(generation=1, readings=(), actions={}),
    "a judge": JudgeTrained(
        generation=1,
        digest=NEXT,
        parent=FIRST,
        data=(),
        steps=1,
        seed=1,
        optimizer=Optimizer(matrix_rate=0.1, other_rate=0.1, batch=1),
        parameters=1,
        flops=0.0,
        precision="",
        losses=(),
    ),
    "an answer of a person": Answered(
        generation=1, request=1, verdict="approve", because="", signers=(), seconds=0.0, envelope=""
    ),
    "an order": Ordered(order="pause", to=None, because="", signers=(), envelope=""),
    "a charter": CharterSigned(version=2, digest="", envelope=""),
    "a lease": lease(2),
    "a session": SessionStarted(
        software={}, seed=0, threads=1, confined=True, unconfined_because="", evaluator=""
    ),
    "what was deleted": Collected(models=(), data=("f" * 64,), answers=(), because=""),
    "a refusal": Refused(what="", digest="", because=""),
}


@pytest.mark.parametrize("name", AMISS)
def test_a_trial_out_of_place_is_refused(name: str) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        fold(AMISS[name]())


@pytest.mark.parametrize("name", NOT_IN_A_TRIAL)
def test_nothing_but_what_is_tried_and_measured_in_the_open_is_written_in_a_trial(name: str) -> None:
    fold([*TRYING, within(labels(), "0.0")])  # what is there may be
    with pytest.raises(TrustError, match="what a trial makes and measures in the open"):
        fold([*TRYING, within(structs.replace(NOT_IN_A_TRIAL[name], generation=1), "0.0")])


def test_an_entry_of_a_trial_reads_back_as_itself() -> None:
    import msgspec  # noqa: PLC0415

    for entry in TRIED:
        assert decode_entry(msgspec.json.encode(entry_document(entry))) == entry


def amended(version: int = 2) -> CharterSigned:
    return CharterSigned(version=version, digest="", envelope="")


def test_an_amendment_in_the_midst_of_trials_puts_the_turn_back_and_what_they_made_stays_on_record() -> None:
    state = fold([*TRIED, amended()])
    assert state.returning == 0
    with pytest.raises(TrustError):
        fold([within(profiled(), "1.0")], state)
    after = fold([decided(1, "rollback", to=0)], state)
    assert (after.trials, after.slots, after.data, after.incumbent) == ({}, {}, (), FIRST)
    assert set(after.tried[1]) == {"1.0"}
    assert NEXT in after.models


def test_a_rollback_in_the_midst_of_trials_gives_them_up_and_they_are_paid_for() -> None:
    order = Ordered(order="rollback", because="", signers=(), envelope="", to=0)
    state = fold([*TRIED, order, decided(1, "rollback", to=0)])
    assert state.trials == {}
    assert state.spent == 1
    assert state.flops == pytest.approx(1e13)


def test_models_of_trials_are_not_deleted_while_their_turn_is_in_progress() -> None:
    with pytest.raises(TrustError, match="nothing that is in force"):
        fold([*TRIED, Collected(models=(NEXT,), data=(), answers=(), because="")])
    closed = fold([*TRIED, proposed(), decided(1)])
    state = fold([Collected(models=(NEXT,), data=(), answers=(), because="")], closed)
    assert state.collected == {NEXT}


def turn(generation: int, decision: str, change: Tune | None, model: str = NEXT) -> list[Entry]:
    """A turn that proposes the change, and is decided so."""
    passed = opened(generation, model) if decision == "promote" else []
    incumbent = model if decision == "promote" else FIRST
    return [proposed(generation, change), *passed, decided(generation, decision, incumbent)]


def settings_after(*entries: Entry) -> dict[str, Setting]:
    return dict(fold([*BEGUN, *entries]).settings)


def test_settings_are_carried_on_after_a_promotion_and_after_nothing_else() -> None:
    assert settings_after(*turn(1, "promote", SLOW)) == {"recipe.steps": 480}
    assert settings_after(*turn(1, "carry", SLOW)) == {}
    assert settings_after(*turn(1, "discard", SLOW)) == {}


def test_a_later_promotion_keeps_them_and_adds_its_own() -> None:
    sure = Tune({"recipe.confidence": 0.9}, "rules")
    entries = [*turn(1, "promote", SLOW), *turn(2, "promote", sure, OTHER)]
    assert settings_after(*entries) == {"recipe.steps": 480, "recipe.confidence": 0.9}
    slower = Tune({"recipe.steps": 100}, "rules")
    entries = [*turn(1, "promote", SLOW), *turn(2, "promote", slower, OTHER)]
    assert settings_after(*entries) == {"recipe.steps": 100}


def rolled_back(generation: int, to: int, incumbent: str) -> list[Entry]:
    order = Ordered(order="rollback", because="", signers=(), envelope="", to=to)
    return [order, decided(generation, "rollback", incumbent, to)]


def test_a_rollback_restores_the_settings_that_were_in_force_then() -> None:
    faster = Tune({"recipe.steps": 60}, "rules")
    two = [*turn(1, "promote", SLOW), *turn(2, "promote", faster, OTHER)]
    assert settings_after(*two, *rolled_back(3, 1, NEXT)) == {"recipe.steps": 480}
    assert settings_after(*two, *rolled_back(3, 0, FIRST)) == {}


def test_an_amendment_ends_them_and_no_rollback_across_it_brings_them_back() -> None:
    one = turn(1, "promote", SLOW)
    assert settings_after(*one, amended()) == {}
    after = [*one, amended(), lease(2)]
    assert settings_after(*after, *rolled_back(2, 1, NEXT)) == {}
    # Nor one that is carried out in mid-turn.
    begun = [*one, diagnosed(2), amended(), decided(2, "rollback", NEXT, 1)]
    assert settings_after(*begun) == {}


def test_settings_set_under_the_new_charter_are_restored_like_any() -> None:
    faster = Tune({"recipe.steps": 60}, "rules")
    two = [*turn(1, "promote", SLOW), amended(), lease(2), *turn(2, "promote", faster, OTHER)]
    state: State = fold([*BEGUN, *two])
    assert state.settings == {"recipe.steps": 60}
    assert fold(turn(3, "promote", SLOW, "e" * 64), state).settings == {"recipe.steps": 480}
    assert settings_after(*two, *turn(3, "promote", SLOW, "e" * 64), *rolled_back(4, 2, OTHER)) == {
        "recipe.steps": 60
    }
