"""The loop asks people where a tripwire says so, stops where they say so, and goes back where they say so."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from detent.errors import EngineError, TrustError, UsageError
from detent.loop import Parts, carry_out, drive, known_link
from detent.loop.parts import Wire
from detent.oversight import why_stop
from detent.testing.toy import ToyRules
from detent.values import (
    Action,
    Answered,
    Decided,
    Grant,
    Job,
    Ordered,
    OutcomeWritten,
    Profile,
    Reading,
    Requested,
    State,
    Watched,
    restored,
)

MakeRun = Callable[..., Any]
NEVER = 99


def fires(action: Action, at: int = 1) -> Wire:
    """A wire that fires in generation `at`, and is quiet in all others."""

    def read(parts: Parts, _profiles: Sequence[Profile], _before: Sequence[Reading]) -> Reading:
        fired = parts.book.state.generation == at
        return Reading("alarm", "fired" if fired else "quiet", "seen", statistic=1.0, limit=0.5)

    return Wire("alarm", action, read)


def blind(_parts: Parts, _profiles: Sequence[Profile], _before: Sequence[Reading]) -> Reading:
    raise EngineError("an answer expected, got silence")


def turn(
    run: Any, *wires: Wire, generations: int | None = None, clock: str = "2026-01-31T12:00:00Z"
) -> tuple[str, State]:
    """One session with these wires."""
    with run.open() as ledger:
        parts = run.parts(ledger, clock=clock, wires=wires)
        stop = drive(parts, generations, lambda _: None)
        return stop, parts.book.state


def write(run: Any, entry: Any, clock: str = "2026-01-31T12:00:00Z") -> State:
    """What an envelope came to, which `received` had made sure of."""
    with run.open() as ledger:
        book = run.parts(ledger, clock=clock).book
        book.write(entry)
        state: State = book.state
        return state


def answer(verdict: Any, number: int = 1) -> Answered:
    return Answered(
        request=number, verdict=verdict, because="looked", signers=("ada",), seconds=5.0, envelope=""
    )


def order(kind: Any, to: int | None = None) -> Ordered:
    return Ordered(order=kind, to=to, because="asked to", signers=("ada",), envelope="")


def decided(state: State, generation: int) -> Decided:
    entry = state.history[generation]["decision/v1"]
    assert isinstance(entry, Decided)
    return entry


def test_every_wire_is_on_the_record_at_every_generation_fired_or_not(make_run: MakeRun) -> None:
    stop, state = turn(make_run(), fires("record", 2))
    assert stop == "lease_spent"
    watched = [state.history[generation]["watch/v1"] for generation in (1, 2, 3)]
    assert all(isinstance(entry, Watched) and len(entry.readings) == 1 for entry in watched)
    assert [entry.actions for entry in watched if isinstance(entry, Watched)] == [{}, {"alarm": "record"}, {}]


def test_a_wire_that_pauses_asks_before_the_promotion_and_the_run_waits(make_run: MakeRun) -> None:
    run = make_run()
    stop, state = turn(run, fires("pause"))
    assert stop == "asked"
    assert (state.generation, state.promoted) == (1, 0)
    request, outcome = state.request, state.slots["outcome/v1"]
    assert isinstance(outcome, OutcomeWritten)
    assert request is not None
    intended: Any = state.slots["intent/v1"]
    assert request.candidate == intended.intent.candidate
    assert request.reasons == ("alarm: seen",)
    assert turn(run, fires("pause"))[0] == "asked"  # asking again and again writes nothing more
    assert run.state().requests == 1


def test_an_approval_lets_the_promotion_through_and_the_run_goes_on(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, fires("pause"))
    write(run, answer("approve"))
    stop, state = turn(run, fires("pause"))
    assert stop == "lease_spent"
    assert decided(state, 1).decision == "promote"


@pytest.mark.parametrize("answers", [("deny",), ("approve", "deny")], ids=["a no", "a no after a yes"])
def test_a_denial_discards_the_candidate_and_the_team_is_as_it_was(
    make_run: MakeRun, answers: tuple[str, ...]
) -> None:
    run = make_run()
    before = turn(run, fires("pause"))[1]
    for verdict in answers:
        write(run, answer(verdict))
    _, state = turn(run, fires("pause"), generations=1)
    made = decided(state, 1)
    assert (made.decision, made.incumbent, made.team) == ("discard", before.incumbent, before.team)
    assert made.because == "denied by ada: looked"
    assert state.mastered == before.mastered  # what the denied model had mastered is asked of nobody


def test_no_answer_in_time_means_no(make_run: MakeRun) -> None:
    charter = {"pace": {"lease": {"generations": 3, "hours": 24.0}, "answer_hours": 1.0}}
    run = make_run(charter=charter)
    turn(run, fires("pause"))
    _, state = turn(run, fires("pause"), generations=1, clock="2026-01-31T13:00:00Z")
    assert decided(state, 1).decision == "discard"
    assert "no answer means no" in decided(state, 1).because


def test_weights_changed_between_the_gate_and_the_answer_are_not_promoted(make_run: MakeRun) -> None:
    run = make_run()
    request = turn(run, fires("pause"))[1].request
    assert request is not None
    write(run, answer("approve"))
    weights = run.folder / "models" / request.candidate / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(Exception, match="restore the folder from a copy"):
        turn(run, fires("pause"))
    assert run.state().promoted == 0


def test_a_wire_that_halts_stops_the_run_and_lifting_it_still_asks(make_run: MakeRun) -> None:
    run = make_run()
    stop, state = turn(run, fires("halt"))
    assert stop == "halted"
    assert state.hold is not None
    assert (state.hold.by, state.requests) == ("alarm", 0)
    write(run, order("lift"))
    assert turn(run, fires("halt"))[0] == "asked"


def test_a_wire_that_cannot_be_measured_has_fired(make_run: MakeRun) -> None:
    stop, state = turn(make_run(), Wire("blind", "pause", blind))
    assert stop == "asked"
    watched = state.slots["watch/v1"]
    assert isinstance(watched, Watched)
    assert watched.readings[0].status == "unmeasured"
    assert "got silence" in watched.readings[0].said


@pytest.mark.parametrize("error", [KeyError("copy"), ZeroDivisionError(), OSError("gone"), UsageError("x")])
def test_a_wire_that_breaks_has_fired_and_does_not_stop_the_run_for_good(
    make_run: MakeRun, error: Exception
) -> None:
    def breaks(*_: Any) -> Reading:
        raise error

    run = make_run()
    assert turn(run, Wire("broken", "pause", breaks))[0] == "asked"
    write(run, answer("approve"))
    assert turn(run, Wire("broken", "record", breaks))[0] == "lease_spent"


def test_a_turn_whose_lease_expired_is_not_worked_on_under_one_that_is_spent(make_run: MakeRun) -> None:
    spent, paying = (
        Grant(1, 1, "2027-01-01T00:00:00Z", 1.0, spent=1),
        Grant(2, 1, "2026-01-31T11:00:00Z", 1.0),
    )
    run = make_run()
    state = turn(run, fires("pause"))[1]
    begun = structs.replace(
        state, grants=(spent, paying), paying=2, slots={"data/v1": state.slots["data/v1"]}
    )
    assert why_stop(begun, run.charter, "2026-01-31T12:00:00Z", enough=False) == "lease_expired"


def test_a_model_that_is_not_promoted_is_asked_about_too_since_the_loop_would_go_on(
    make_run: MakeRun,
) -> None:
    run = make_run(rules=ToyRules(step=0.0))
    stop, state = turn(run, fires("pause"))
    assert (stop, state.request.candidate if state.request else None) == ("asked", "")


def test_a_pause_lets_no_generation_begin_and_a_resume_does(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, generations=1)
    write(run, order("pause"))
    assert turn(run)[0] == "paused"
    write(run, order("resume"))
    assert turn(run)[0] == "lease_spent"


def test_a_halted_run_does_nothing_until_it_is_lifted(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, generations=1)
    before = write(run, order("halt"))
    stop, after = turn(run)
    assert (stop, after.entries) == ("halted", before.entries)
    write(run, order("lift"))
    assert turn(run)[0] == "lease_spent"


def test_a_rollback_puts_a_generation_back_and_the_loop_climbs_again_from_there(make_run: MakeRun) -> None:
    run = make_run(charter={"pace": {"lease": {"generations": 6}}})
    first = turn(run, generations=1)[1]
    turn(run, generations=2)
    write(run, order("rollback", 1))
    returned = []
    with run.open() as ledger:
        parts = run.parts(ledger)
        done = carry_out(
            parts.book, partial(known_link, parts.book.state, parts.chain), parts.models, parts.data
        )
        returned.append(done)
        state = parts.book.state
    assert (state.incumbent, state.team, state.mastered) == (first.incumbent, first.team, first.mastered)
    assert state.data == first.data
    assert decided(state, 4).to == 1
    _, after = turn(run, generations=1)
    assert decided(after, 5).decision == "promote"


STORIES: dict[str, list[Any]] = {
    "people approve, deny, do not answer, and go back past it all": [
        "approve",
        "deny",
        "late",
        2,
        "approve",
        0,
    ],
    "people go back to what they denied, and then to what they did not answer": [
        "deny",
        "late",
        1,
        "deny",
        2,
    ],
    "nobody is asked, and people go back": ["free", "free", 1, "free", 3],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_rollback_restores_what_was_in_force_when_that_generation_was_closed(
    make_run: MakeRun, story: str
) -> None:
    """At every closed generation, those that a rollback closed or undid too."""
    run = make_run(charter={"pace": {"lease": {"generations": 9}, "answer_hours": 1.0}})
    closed: list[State] = []
    for hour, step in enumerate(STORIES[story]):
        wires = () if step == "free" else (fires("pause", len(closed) or 1),)
        clock = f"2026-01-31T{12 + hour}:00:00Z"
        if isinstance(step, int):
            write(run, order("rollback", step), clock)
        else:
            _close_one(run, closed, clock, *wires)
        if step in ("approve", "deny"):
            write(run, answer(step, run.state().requests), clock)
        _close_one(run, closed, f"2026-01-31T{12 + hour + (step == 'late')}:00:00Z", *wires)
    history = run.state().history
    assert len(closed) == len(history) > len(STORIES[story])
    for generation, state in enumerate(closed):
        for field, value in restored(history, generation)._asdict().items():
            assert getattr(state, field) == value, (generation, field)


def _close_one(run: Any, closed: list[State], clock: str, *wires: Wire) -> None:
    """A session in which a generation is closed, or a person is asked."""
    with run.open() as ledger:
        parts = run.parts(ledger, clock=clock, wires=wires)
        if parts.book.state.returning is not None:
            carry_out(
                parts.book, partial(known_link, parts.book.state, parts.chain), parts.models, parts.data
            )
            closed.append(parts.book.state)
        else:
            drive(parts, 1, lambda _: closed.append(parts.book.state))


DAMAGE: dict[str, Callable[[Any, State], Path]] = {
    "a weight of the incumbent was changed": lambda run, then: _spoilt(
        run.folder / "models" / then.incumbent / "model.safetensors"
    ),
    "a member of the team is gone": lambda run, then: _gone(run.folder / "models" / then.team[1]),
    "a data file was changed": lambda run, then: _spoilt(
        run.folder / "data" / f"{then.data[1].digest}.jsonl"
    ),
    "a data file is gone": lambda run, then: _gone(run.folder / "data" / f"{then.data[0].digest}.jsonl"),
}


def _spoilt(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    return path.parent if path.parent.name != "data" else path


def _gone(path: Path) -> Path:
    path.rename(path.with_name("elsewhere"))
    return path


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_rollback_to_what_is_damaged_writes_nothing_says_which_and_waits(
    make_run: MakeRun, damage: str
) -> None:
    run = make_run()
    then = turn(run, generations=1)[1]
    turn(run, generations=1)
    before = write(run, order("rollback", 1))
    path = DAMAGE[damage](run, then)
    with pytest.raises(TrustError, match=re.escape(str(path))):
        turn(run)
    after = run.state()
    assert (after.entries, after.returning) == (before.entries, 1)


def test_a_rollback_in_mid_opening_voids_it_and_spends_its_error_budget(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, generations=1)
    answered = run.world.answer

    def dies(job: Job) -> Any:
        if len(run.engine.jobs) and run.engine.jobs[-1][0].startswith("opening"):
            raise EngineError("the worker died")
        return answered(job)

    run.engine._handler = dies
    with pytest.raises(EngineError):
        turn(run)
    state = run.state()
    assert state.open_intent
    write(run, order("rollback", 0))
    with run.open() as ledger:
        parts = run.parts(ledger)
        carry_out(parts.book, partial(known_link, parts.book.state, parts.chain), parts.models, parts.data)
        after = parts.book.state
    outcome = after.history[2]["outcome/v1"]
    assert isinstance(outcome, OutcomeWritten)
    assert outcome.outcome.verdict == "void"
    assert after.openings == state.openings
    assert after.incumbent == decided(after, 0).incumbent


def test_the_request_of_a_second_alarm_has_the_next_number(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, fires("pause", 1))
    write(run, answer("approve"))
    _, state = turn(run, fires("pause", 2))
    assert isinstance(state.request, Requested)
    assert state.request.number == 2


def test_reviewing_takes_the_time_the_charter_gives_it(make_run: MakeRun) -> None:
    run = make_run(charter={"pace": {"lease": {"generations": 3}, "review_hours": 2.0}})
    assert turn(run)[0] == "review"
    assert turn(run, clock="2026-01-31T14:00:00Z")[0] == "review"  # after the next promotion


def test_no_more_generations_are_closed_in_a_day_than_the_charter_says(make_run: MakeRun) -> None:
    run = make_run(charter={"pace": {"lease": {"generations": 3, "hours": 72.0}, "generations_per_day": 2}})
    stop, state = turn(run)
    assert (stop, state.spent) == ("pace", 2)


def test_a_lease_whose_compute_is_used_up_begins_no_generation(make_run: MakeRun) -> None:
    run = make_run()
    with run.open() as ledger:
        parts = run.parts(ledger)
        grant = parts.book.state.grants[0]
        parts.book._state = structs.replace(parts.book.state, grants=(structs.replace(grant, petaflop=1e-9),))
        assert drive(parts, None, lambda _: None) == "compute_spent"
        assert parts.book.state.spent == 1


def test_nothing_goes_on_after_the_lease_has_expired(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, generations=1)
    stop, state = turn(run, clock="2026-02-01T12:00:00Z")
    assert (stop, state.spent) == ("lease_expired", 1)


def test_a_clock_set_back_does_not_bring_a_lease_back(make_run: MakeRun) -> None:
    run = make_run()
    turn(run, generations=1)
    turn(run, clock="2026-02-01T12:00:00Z")
    write(run, order("pause"), clock="2026-02-01T12:00:00Z")
    write(run, order("resume"), clock="2026-01-31T12:00:00Z")
    assert turn(run, clock="2026-01-31T12:00:00Z")[0] == "lease_expired"
