"""State is a pure fold: the same entries, the same state; an entry out of place is refused."""

from collections.abc import Callable

import pytest
from msgspec import structs

from detent.errors import TrustError
from detent.values import (
    Decided,
    Entry,
    Intent,
    IntentWritten,
    LeaseGranted,
    Mastered,
    Outcome,
    OutcomeWritten,
    Profile,
    Profiled,
    Score,
    State,
    decode_entry,
    entry_document,
    fold,
)

DIGEST = "a" * 64
OTHER = "b" * 64


def intent(k: int = 1) -> IntentWritten:
    return IntentWritten(
        generation=1,
        intent=Intent(
            k=k,
            alpha=0.025,
            candidate=OTHER,
            incumbent=DIGEST,
            charter_version=1,
            charter=DIGEST,
            targets=(),
            tasks={},
            evaluator=DIGEST,
        ),
    )


def outcome(k: int = 1) -> OutcomeWritten:
    return OutcomeWritten(
        generation=1,
        outcome=Outcome(k=k, verdict="better", results=(), gain=None, reveal="00", because="all passed"),
    )


def decision(generation: int, kind: str = "promote", incumbent: str = "") -> Decided:
    return Decided(
        generation=generation,
        decision=kind,  # type: ignore[arg-type]
        incumbent=incumbent or (OTHER if kind == "promote" and generation else DIGEST),
        candidate=OTHER,
        team=(OTHER,),
        because="",
    )


NEVER = "9999-12-31T23:59:59Z"


def lease(number: int = 1, generations: int = 8, expires: str = NEVER, petaflop: float = 1.0) -> LeaseGranted:
    return LeaseGranted(
        number=number, generations=generations, expires=expires, petaflop=petaflop, envelope=""
    )


BEGUN: list[Entry] = [lease(), decision(0)]


def test_generation_zero_spends_nothing_of_the_lease() -> None:
    state = fold(BEGUN)
    assert (state.generation, state.lease_left(""), state.promoted) == (1, 8, 0)


def test_a_promotion_moves_the_incumbent_and_spends_one_generation() -> None:
    state = fold([*BEGUN, intent(), outcome(), decision(1, incumbent=OTHER)])
    assert (state.incumbent, state.incumbent_generation, state.lease_left("")) == (OTHER, 1, 7)
    assert state.openings == 1
    assert state.alpha_spent == pytest.approx(0.025)


def test_training_goes_on_from_the_team_of_the_last_decision() -> None:
    assert fold([*BEGUN, decision(1, "carry")]).team == (OTHER,)


def test_visible_profiles_are_forgotten_with_the_models_they_are_of() -> None:
    def profiled(generation: int, subject: str, member: int) -> Profiled:
        return Profiled(
            generation=generation,
            member=member,
            purpose="visible",
            profile=Profile(subject, {"copy": (Score(1, 2),)}),
            stream="",
        )

    state = fold([*BEGUN, profiled(1, OTHER, 0), profiled(1, "c" * 64, 1), decision(1, "carry")])
    assert set(state.visible) == {OTHER}


def test_a_closed_turn_leaves_its_slots_in_history_and_starts_the_next_one_empty() -> None:
    state = fold([*BEGUN, intent(), outcome(), decision(1)])
    assert set(state.history[1]) == {"intent/v1", "outcome/v1", "decision/v1"}
    assert state.slots == {}


def mastered(generation: int, levels: tuple[int, ...]) -> Mastered:
    return Mastered(generation=generation, subject=OTHER, stream="", levels={}, added={"copy": levels})


def fresh(generation: int, right: int) -> Profiled:
    return Profiled(
        generation=generation,
        purpose="fresh",
        profile=Profile(OTHER, {"copy": (Score(right, 64),)}),
        stream="",
    )


def passed(generation: int) -> list[Entry]:
    """An opening of that generation that the candidate passed."""
    opening = structs.replace(intent(generation), generation=generation)
    return [opening, structs.replace(outcome(generation), generation=generation)]


def test_mastered_rungs_only_grow() -> None:
    turns = [*passed(1), mastered(1, (1, 2)), decision(1), *passed(2), mastered(2, (3,)), decision(2)]
    assert fold([*BEGUN, *turns]).mastered == {"copy": frozenset({1, 2, 3})}


def test_what_a_model_mastered_is_asked_of_nobody_before_it_is_promoted() -> None:
    state = fold([*BEGUN, *passed(1), mastered(1, (1, 2)), decision(1, "discard")])
    assert state.mastered == {}


def test_the_first_fresh_profile_is_kept_beside_the_incumbents() -> None:
    state = fold([lease(), fresh(0, 32), decision(0), *passed(1), fresh(1, 64), decision(1)])
    assert state.first_fresh is not None
    assert state.fresh is not None
    assert (state.first_fresh.ladder(), state.fresh.ladder()) == (0.5, 1.0)


def test_folding_in_two_parts_is_folding_in_one() -> None:
    entries = [*BEGUN, intent(), outcome(), decision(1)]
    for cut in range(len(entries) + 1):
        assert fold(entries[cut:], fold(entries[:cut])) == fold(entries)


OUT_OF_PLACE: dict[str, Callable[[], list[Entry]]] = {
    "an opening number is skipped": lambda: [*BEGUN, intent(2)],
    "an opening number is used twice": lambda: [*BEGUN, intent(), outcome(), decision(1), intent(1)],
    "an outcome without an intent": lambda: [*BEGUN, outcome()],
    "an outcome of another opening": lambda: [*BEGUN, intent(), outcome(2)],
    "a second outcome": lambda: [*BEGUN, intent(), outcome(), outcome()],
    "a decision while the seal is open": lambda: [*BEGUN, intent(), decision(1)],
    "a promotion without an opening": lambda: [*BEGUN, decision(1)],
    "a promotion of another model than was opened": lambda: [
        *BEGUN,
        intent(),
        outcome(),
        decision(1, "promote", "c" * 64),
    ],
    "a promotion that the gate did not pass": lambda: [
        *BEGUN,
        intent(),
        OutcomeWritten(generation=1, outcome=structs.replace(outcome().outcome, verdict="undecided")),
        decision(1),
    ],
    "another incumbent without a promotion": lambda: [*BEGUN, decision(1, "carry", OTHER)],
    "a generation is skipped": lambda: [*BEGUN, decision(2, "carry")],
    "a generation is counted twice": lambda: [*BEGUN, decision(0)],
    "a lease number is skipped": lambda: [lease(2)],
}


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_out_of_place_is_refused(name: str) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        fold(OUT_OF_PLACE[name]())


def test_an_entry_reads_back_as_itself() -> None:
    import msgspec  # noqa: PLC0415

    for entry in [*BEGUN, intent(), outcome()]:
        assert decode_entry(msgspec.json.encode(entry_document(entry))) == entry


UNREADABLE = {
    "not JSON": b"\xff",
    "a kind nobody knows": b'{"at":"","generation":0,"kind":"rumour/v1"}',
    "a newer version of a known kind": b'{"at":"","generation":0,"kind":"decision/v2"}',
    "a field nobody knows": (
        b'{"at":"","generation":0,"kind":"lease/v1","number":1,"generations":8,"expires":"","petaflop":1,'
        b'"envelope":"","x":1}'
    ),
    "a field that is missing": b'{"at":"","generation":0,"kind":"lease/v1","number":1}',
    "a number where text belongs": (
        b'{"at":1,"generation":0,"kind":"lease/v1","number":1,"generations":8,"expires":"","petaflop":1,'
        b'"envelope":""}'
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_entry_is_refused(name: str) -> None:
    with pytest.raises(TrustError, match="run `detent verify`"):
        decode_entry(UNREADABLE[name])


def test_an_empty_ledger_is_the_state_before_generation_zero() -> None:
    assert fold([]) == State()
    assert structs.asdict(State())["generation"] == 0
