"""What people do to a run, as the fold sees it: leases run out, orders hold, answers permit, amendments put back."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from tests.values.test_state_fold import (
    BEGUN,
    DIGEST,
    OTHER,
    decision,
    fresh,
    intent,
    lease,
    mastered,
    outcome,
    passed,
)

from detent.errors import TrustError
from detent.values import (
    Answered,
    CandidateTrained,
    CharterSigned,
    DataMade,
    Decided,
    Entry,
    Flipped,
    Flips,
    Optimizer,
    Ordered,
    Origin,
    Profile,
    Profiled,
    Reading,
    Requested,
    State,
    Watched,
    fold,
    restored,
)

NOON, LATER, LATEST = "2026-01-01T12:00:00Z", "2026-01-01T18:00:00Z", "2026-01-02T12:00:00Z"


def at(entry: Entry, time: str, generation: int | None = None) -> Entry:
    stamped = structs.replace(entry, at=time)
    return stamped if generation is None else structs.replace(stamped, generation=generation)


def order(kind: Any, to: int | None = None, generation: int = 1) -> Ordered:
    return Ordered(
        generation=generation,
        order=kind,
        to=to,
        because="asked to",
        signers=("ada",),
        envelope="",
    )


def charter(version: int, generation: int = 0) -> CharterSigned:
    return CharterSigned(generation=generation, version=version, digest="c" * 64, envelope="")


def data(generation: int) -> DataMade:
    return DataMade(
        generation=generation,
        digest=str(generation) * 64,
        origin=Origin("self"),
        counts={},
        offered={},
        stream="",
    )


def trained(generation: int, flops: float) -> CandidateTrained:
    return CandidateTrained(
        generation=generation, digest=OTHER, parent=DIGEST, data=(), steps=1, seed=1, optimizer=Optimizer(),
        parameters=1, flops=flops, precision="float32", losses=(), change={},
    )  # fmt: skip


def watched(action: Any, generation: int = 1) -> Watched:
    reading = Reading("forgetting", "fired", "copy forgot level 2")
    return Watched(generation=generation, readings=(reading,), actions={"forgetting": action})


def request(number: int = 1, candidate: str = OTHER) -> Requested:
    return Requested(
        generation=1,
        number=number,
        candidate=candidate,
        reasons=("r",),
        unchecked=(),
        approvers=1,
        expires=LATER,
    )


def answer(verdict: Any, number: int = 1) -> Answered:
    return Answered(
        generation=1,
        request=number,
        verdict=verdict,
        because="",
        signers=("ada",),
        seconds=1.0,
        envelope="",
    )


# leases


def test_a_generation_is_paid_from_the_oldest_lease_that_covers_it() -> None:
    entries = [lease(1, 1), lease(2, 1), decision(0), decision(1, "carry"), decision(2, "carry")]
    assert [grant.spent for grant in fold(entries).grants] == [1, 1]


def test_compute_is_charged_to_the_lease_under_which_the_generation_began() -> None:
    state = fold([lease(petaflop=1.0), decision(0), trained(1, 4e14), decision(1, "carry"), trained(2, 2e14)])
    assert state.grants[0].used == pytest.approx(0.6)
    assert state.flops == pytest.approx(6e14)


def test_the_compute_of_generation_zero_is_what_later_compute_is_a_share_of() -> None:
    state = fold([lease(), trained(0, 1e15), decision(0), trained(1, 1e14)])
    assert (state.taught_flops, state.flops) == (1e15, 1e14)


def asked(generation: int, flops: float) -> list[Entry]:
    """All that a model is asked in a turn, each of so many operations."""
    visible = Profiled(
        generation=generation, purpose="visible", profile=Profile(OTHER, {}), stream="", flops=flops
    )
    return [
        visible,
        intent(),
        structs.replace(outcome(), flops=flops),
        structs.replace(fresh(generation, 1), flops=flops),
        structs.replace(mastered(generation, ()), flops=flops),
        Watched(generation=generation, readings=(), actions={}, flops=flops),
    ]


def test_what_models_are_asked_is_charged_to_the_lease_too() -> None:
    state = fold([lease(petaflop=1.0), decision(0), *asked(1, 1e14)])
    assert state.grants[0].used == pytest.approx(0.5)
    assert state.flops == pytest.approx(5e14)


def test_what_the_first_models_are_asked_makes_no_later_compute_look_less() -> None:
    seen = structs.replace(fresh(0, 1), flops=1e14)
    state = fold([lease(), trained(0, 1e15), seen, decision(0)])
    assert (state.taught_flops, state.flops, state.grants[0].used) == (1e15, 0.0, 0.0)


UNPAID: dict[str, list[Entry]] = {
    "no lease was ever granted": [decision(0), decision(1, "carry")],
    "all generations are spent": [lease(1, 1), decision(0), decision(1, "carry"), decision(2, "carry")],
    "the lease has expired before the generation begins": [
        lease(expires=NOON), decision(0), at(decision(1, "carry"), LATER),
    ],
    "the lease expires in the middle of the generation": [
        lease(expires=NOON), decision(0), data(1), at(decision(1, "carry"), LATER),
    ],
    "its compute is used up": [
        lease(petaflop=0.5), decision(0), trained(1, 6e14), decision(1, "carry"), decision(2, "carry"),
    ],
    "the charter it was granted under was amended": [
        charter(1), at(lease(), NOON), decision(0), at(charter(2, 1), NOON), at(decision(1, "carry"), LATER),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", UNPAID)
def test_nothing_is_decided_without_a_lease_when(name: str) -> None:
    with pytest.raises(TrustError, match="a lease that covers"):
        fold(UNPAID[name])


def test_another_lease_pays_for_a_generation_whose_own_expired() -> None:
    entries = [
        lease(expires=NOON),
        decision(0),
        data(1),
        lease(2, expires=LATEST),
        at(decision(1, "carry"), LATER),
    ]
    assert [grant.spent for grant in fold(entries).grants] == [0, 1]


# holds


HELD: dict[str, tuple[list[Entry], str | None]] = {
    "paused": ([order("pause")], "paused"),
    "paused and resumed": ([order("pause"), order("resume")], None),
    "halted": ([order("halt")], "halted"),
    "halted and lifted": ([order("halt"), order("lift")], None),
    "halted while it was paused": ([order("pause"), order("halt")], "halted"),
    "paused while it was halted": ([order("halt"), order("pause")], "halted"),
    "paused, halted, and the halt was lifted": ([order("pause"), order("halt"), order("lift")], "paused"),
    "halted, paused, and the halt was lifted": ([order("halt"), order("pause"), order("lift")], "paused"),
    "a wire that records has fired": ([watched("record")], None),
    "a wire that pauses has fired, and a person will be asked": ([watched("pause")], None),
    "a wire that halts has fired": ([watched("halt")], "halted"),
}


@pytest.mark.parametrize("name", HELD)
def test_a_run_is_held_when(name: str) -> None:
    entries, kind = HELD[name]
    hold = fold([*BEGUN, *entries]).hold
    assert (hold.kind if hold else None) == kind


REFUSED: dict[str, Callable[[], list[Entry]]] = {
    "a generation begins while the run is paused": lambda: [order("pause"), data(1)],
    "a halted run goes on with its generation": lambda: [data(1), order("halt"), decision(1, "carry")],
    "a halt is ended by resuming": lambda: [order("halt"), order("resume")],
    "a pause is lifted like a halt": lambda: [order("pause"), order("lift")],
    "nothing holds the run that is resumed": lambda: [order("resume")],
    "a promotion that a person was asked about and has not answered": lambda: [*passed(1), request(), decision(1)],
    "a promotion that was denied": lambda: [*passed(1), request(), answer("deny"), decision(1)],
    "a promotion of another model than was approved": lambda: [
        *passed(1), request(candidate=DIGEST), answer("approve"), decision(1),
    ],
    "a promotion after the approval expired": lambda: [
        *passed(1), request(), answer("approve"), at(decision(1), LATEST),
    ],
    "an answer to another request": lambda: [request(), answer("approve", 2)],
    "an answer to nothing": lambda: [answer("approve")],
    "an approval while the run is halted": lambda: [request(), order("halt"), answer("approve")],
    "an approval after a denial that was given while the run was halted": lambda: [
        request(), order("halt"), answer("deny"), order("lift"), answer("approve"),
    ],
    "a yes after a no": lambda: [request(), answer("deny"), answer("approve")],
    "a second no": lambda: [request(), answer("deny"), answer("deny")],
    "a second yes": lambda: [request(), answer("approve"), answer("approve")],
    "a yes after the no to a yes": lambda: [request(), *map(answer, ("approve", "deny", "approve"))],
    "a no to another request after a yes": lambda: [request(), answer("approve"), answer("deny", 2)],
    "a promotion after a no to a yes": lambda: [
        *passed(1), request(), answer("approve"), answer("deny"), decision(1),
    ],
    "a request number is skipped": lambda: [request(2)],
    "a rollback that nobody ordered": lambda: [
        structs.replace(decision(1, "rollback", DIGEST), team=(OTHER,), to=0),
    ],
    "a rollback to a generation that is not closed": lambda: [order("rollback", 1)],
    "a rollback to other models than that generation had": lambda: [
        order("rollback", 0), structs.replace(decision(1, "rollback", OTHER), to=0),
    ],
    "the generation goes on after a rollback was ordered": lambda: [data(1), order("rollback", 0), request()],
    "a second rollback before the first is carried out": lambda: [order("rollback", 0), order("rollback", 0)],
    "an amendment that skips a version": lambda: [charter(1), charter(3)],
    "an amendment with the version in force": lambda: [charter(1), charter(1)],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_fold_refuses(name: str) -> None:
    with pytest.raises(TrustError, match="expected"):
        fold([*BEGUN, *REFUSED[name]()])


def test_a_pause_lets_the_generation_in_progress_be_closed() -> None:
    assert fold([*BEGUN, data(1), order("pause"), decision(1, "carry")]).generation == 2


def test_two_pauses_are_one_as_new_as_the_newer_one_also_under_a_halt() -> None:
    later = structs.replace(order("pause"), signers=("bob",), because="the news")
    state = fold([*BEGUN, order("pause"), later])
    assert state.hold is not None
    assert (state.hold.by, state.hold.because) == ("ada, bob", "asked to; the news")
    assert state.hold.index == state.entries - 1
    halted = fold([*BEGUN, order("pause"), order("halt"), later, order("lift")])
    assert halted.hold is not None
    assert (halted.hold.by, halted.hold.index) == ("ada, bob", halted.entries - 2)


def test_a_generation_that_people_end_is_spent_when_it_had_begun() -> None:
    start = fold(BEGUN)
    assert fold([data(1), *back(1, 0, start)], start).spent == start.spent + 1
    assert fold(back(1, 0, start), start).spent == start.spent


def test_a_denial_counts_while_the_run_is_halted() -> None:
    denied = [*passed(1), request(), order("halt"), answer("deny"), order("lift")]
    state = fold([*BEGUN, *denied])
    assert state.answer is not None
    assert state.answer.verdict == "deny"
    assert fold([decision(1, "discard")], state).incumbent == DIGEST


def test_an_approval_in_time_permits_the_promotion_it_names() -> None:
    entries = [*BEGUN, *passed(1), at(request(), NOON), at(answer("approve"), NOON), at(decision(1), NOON)]
    assert fold(entries).incumbent == OTHER


# going back


def climbed() -> list[Entry]:
    """Three generations: 1 promoted, 2 carried, 3 promoted; each made data."""
    third = [structs.replace(entry, generation=3) for entry in (intent(2), outcome(2))]
    return [
        *BEGUN, data(1), *passed(1), fresh(1, 40), mastered(1, (1,)), decision(1),
        data(2), decision(2, "carry", OTHER),
        data(3), *third, mastered(3, (2,)), decision(3),
    ]  # fmt: skip


def back(generation: int, to: int, state: State) -> list[Entry]:
    decided = Decided(
        generation=generation, decision="rollback", incumbent=state.incumbent, candidate="", team=state.team,
        because="", to=to,
    )  # fmt: skip
    return [order("rollback", to, generation), decided]


def test_a_rollback_restores_models_data_and_mastered_levels_of_a_generation() -> None:
    entries = climbed()
    then = fold(entries[: entries.index(data(2))])
    now = fold([*entries, *back(4, 1, then)])
    for field in ("incumbent", "incumbent_generation", "team", "visible", "fresh", "data", "mastered"):
        assert getattr(now, field) == getattr(then, field), field


KEPT: dict[str, tuple[list[Entry], bool]] = {
    "the gate did not pass the candidate": ([decision(1, "discard")], True),
    "people approved": ([request(), answer("approve"), decision(1, "discard")], True),
    "people denied": ([request(), answer("deny"), decision(1, "discard")], False),
    "people approved, and one of them denied": (
        [request(), answer("approve"), answer("deny"), decision(1, "discard")], False,
    ),
    "nobody answered in time": ([request(), at(decision(1, "discard"), LATEST)], False),
    "people approved, and it was decided too late": (
        [request(), answer("approve"), at(decision(1, "discard"), LATEST)], False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_the_labels_of_a_generation_are_trained_on_later_unless_people_did_not_allow_it(name: str) -> None:
    entries, kept = KEPT[name]
    state = fold([*BEGUN, data(1), *entries])
    assert bool(state.data) == kept
    assert restored(state.history, 1).data == state.data


def test_what_a_denied_model_had_mastered_is_not_asked_for_after_a_rollback_past_it() -> None:
    denied = [data(1), *passed(1), fresh(1, 40), mastered(1, (1,)), request(), answer("deny")]
    state = fold([*BEGUN, *denied, decision(1, "discard"), data(2), decision(2, "carry")])
    state = fold(back(3, 1, state), state)
    assert (state.mastered, state.data) == ({}, ())


def test_what_was_spent_stays_spent_after_a_rollback() -> None:
    entries = climbed()
    before = fold(entries)
    now = fold([*entries, *back(4, 1, fold(entries[: entries.index(data(2))]))])
    for field in ("openings", "alpha_spent", "spent", "grants", "flops"):
        assert getattr(now, field) == getattr(before, field), field
    assert now.generation == 5


def test_undone_generations_are_no_part_of_the_past() -> None:
    entries = climbed()
    then = fold(entries[: entries.index(data(2))])
    state = fold([*entries, *back(4, 1, then), data(5), decision(5, "carry", OTHER)])
    assert sorted(state.past) == [0, 1, 5]
    assert sorted(state.history) == [0, 1, 2, 3, 4, 5]


def test_a_rollback_goes_through_a_halt_and_ends_the_generation_in_progress() -> None:
    entries = climbed()
    then = fold(entries[: entries.index(data(2))])
    state = fold([*entries, data(4), order("halt", generation=4), *back(4, 1, then)])
    assert (state.generation, state.slots) == (5, {})
    assert state.hold is not None


def test_an_amendment_ends_leases_and_puts_back_the_generation_in_progress() -> None:
    state = fold([charter(1), *BEGUN, data(1), at(charter(2, 1), NOON)])
    assert state.returning == 0
    assert state.lease_left(LATER) == 0


def test_what_methods_made_right_and_wrong_counts_under_the_charter_in_force() -> None:
    """Closed turns add up; an amendment begins anew, and what it puts back counts no more."""

    def flipped(generation: int) -> Flipped:
        flips = {"copy": Flips(1, 2, 3)}
        return Flipped(generation=generation, method="refine", data="", flips=flips, stream="")

    turns = [entry for n in (1, 2) for entry in (flipped(n), decision(n, "carry", DIGEST))]
    state = fold([charter(1), *BEGUN, *turns])
    assert state.flips == {"refine": {"copy": Flips(2, 4, 6)}}
    between = fold([charter(2, 3)], state)
    assert between.flips == {}
    within = fold([flipped(3), charter(2, 3)], state)
    assert within.since == 4
    assert within.flips == {}
