"""The rules of the loop, over the real ledger, seal and gate; models are numbers."""

from collections.abc import Callable
from typing import Any

import pytest

from detent.engine import FakeEngine
from detent.errors import EngineError, TaskError
from detent.loop import drive
from detent.testing.toy import ToyRules
from detent.values import (
    AnswerJob,
    CandidateTrained,
    DataMade,
    Decided,
    IntentWritten,
    InterpretJob,
    Job,
    LabelJob,
    OutcomeWritten,
    Result,
    State,
)

MakeRun = Callable[..., Any]
CLOCK = "2026-01-31T12:00:00Z"


def closed(state: State) -> list[Decided]:
    found = [state.history[generation]["decision/v1"] for generation in sorted(state.history)]
    return [entry for entry in found if isinstance(entry, Decided)]


def turn_all(run: Any, generations: int | None = None) -> tuple[str, State]:
    with run.open() as ledger:
        parts = run.parts(ledger)
        stop = drive(parts, generations, lambda _: None)
        return stop, parts.book.state


def test_a_model_that_learns_is_promoted_and_the_lease_is_spent(make_run: MakeRun) -> None:
    stop, state = turn_all(make_run())
    assert stop == "lease_spent"
    assert [entry.decision for entry in closed(state)] == ["promote"] * 4
    assert (state.spent, state.lease_left(CLOCK), state.promoted, state.openings) == (3, 0, 3, 3)
    assert state.fresh is not None
    assert state.first_fresh is not None
    assert state.fresh.ladder() > state.first_fresh.ladder() + 0.1


def test_a_model_that_stands_still_is_never_promoted(make_run: MakeRun) -> None:
    _, state = turn_all(make_run(rules=ToyRules(step=0.0)))
    assert state.promoted == 0
    assert state.incumbent == closed(state)[0].incumbent


def test_a_model_that_gets_worse_is_discarded_and_training_starts_over(make_run: MakeRun) -> None:
    _, state = turn_all(make_run(rules=ToyRules(step=-1.0)))
    assert {entry.decision for entry in closed(state)[1:]} == {"discard"}
    assert state.team == closed(state)[0].team


def test_nothing_is_labelled_with_true_answers_above_the_seed_levels(make_run: MakeRun) -> None:
    run = make_run()
    _, state = turn_all(run)
    with run.open() as ledger:
        store = run.parts(ledger).data
        for data in state.data:
            levels = {example.level for example in store.read(data.digest)}
            if data.origin.source == "seed":
                assert max(levels) == run.charter.recipe.seed_levels
            else:
                assert min(levels) > run.charter.recipe.seed_levels
                assert data.origin.labellers


def test_no_answer_above_the_seed_levels_ever_crosses_to_a_worker(make_run: MakeRun) -> None:
    run = make_run()
    turn_all(run)
    for _, job in run.engine.jobs:
        if isinstance(job, AnswerJob):
            assert all(prompt.endswith("=") for prompt in job.prompts)
        if isinstance(job, LabelJob):
            rows = [row for levels in job.prompts.values() for row in levels.values()]
            assert all(prompt.endswith("=") for row in rows for prompt in row)


def test_every_training_source_is_on_the_ledger_before_it_is_used(make_run: MakeRun) -> None:
    _, state = turn_all(make_run())
    known: set[str] = set()
    for generation in sorted(state.history):
        for entry in state.history[generation].values():
            if isinstance(entry, DataMade):
                known.add(entry.digest)
            if isinstance(entry, CandidateTrained):
                assert {source.data for source in entry.data} <= known


def test_the_gates_answers_come_from_workers_that_run_nothing_else(make_run: MakeRun) -> None:
    run = make_run()
    turn_all(run)
    openings = [(worker, job) for worker, job in run.engine.jobs if worker.startswith("opening")]
    gates = {worker for worker, job in openings if isinstance(job, AnswerJob)}
    looks = {worker for worker, job in openings if isinstance(job, InterpretJob)}
    assert len(gates) == 4
    assert not gates & looks
    assert gates | looks == {worker for worker, _ in openings}


def test_screening_and_labelling_never_see_sealed_problems(make_run: MakeRun) -> None:
    run = make_run()
    turn_all(run)
    seen = {"run": set[str](), "opening": set[str]()}
    for worker, job in run.engine.jobs:
        if isinstance(job, AnswerJob):
            seen[worker.split()[0]] |= {
                p for p in job.prompts if len(p) >= 9
            }  # few repeats by chance at level 7 up
    shared = seen["run"] & seen["opening"]
    assert len(shared) < 0.01 * len(seen["opening"])


def test_the_same_seed_and_keys_write_the_same_ledger_byte_for_byte(make_run: MakeRun) -> None:
    first, second = make_run("first"), make_run("second")
    for run in (first, second):
        turn_all(run)
    with first.open() as one, second.open() as two:
        assert list(one.entries()) == list(two.entries())
        assert one.checkpoint == two.checkpoint


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def killing(engine: FakeEngine, at: int) -> Callable[[Job], Result]:
    count = 0
    answer = engine._handler

    def handler(job: Job) -> Result:
        nonlocal count
        count += 1
        if count == at:
            raise Killed
        return answer(job)

    return handler


@pytest.mark.parametrize("at", [1, 4, 6, 8, 9, 11, 14, 18])
def test_a_run_killed_at_any_job_goes_on_to_the_same_ledger(make_run: MakeRun, at: int) -> None:
    whole, broken = make_run("whole"), make_run("broken")
    turn_all(whole, 2)
    good = broken.engine
    broken.engine = FakeEngine(killing(good, at))
    with pytest.raises(Killed):
        turn_all(broken, 2)
    broken.engine = good
    _, before = "", broken.state()
    turn_all(broken, 2 - max(0, before.generation - 1))
    with whole.open() as one, broken.open() as two:
        assert list(one.entries()) == list(two.entries())


def failing(engine: FakeEngine, error: Exception) -> Callable[[Job], Result]:
    answer = engine._handler
    trained = 0

    def handler(job: Job) -> Result:
        nonlocal trained
        if isinstance(job, AnswerJob) and len(job.prompts) == 512:
            raise error
        return answer(job)

    return handler


def test_an_opening_whose_task_fails_is_void_and_its_budget_is_spent(make_run: MakeRun) -> None:
    run = make_run()
    run.engine = FakeEngine(failing(run.engine, TaskError("task copy: copy.py:3: it hangs")))
    _, state = turn_all(run, 1)
    outcome = state.history[1]["outcome/v1"]
    assert isinstance(outcome, OutcomeWritten)
    assert (outcome.outcome.verdict, outcome.outcome.reveal != "") == ("void", True)
    assert (state.promoted, state.openings) == (0, 1)
    assert state.alpha_spent == pytest.approx(0.025)


def test_an_opening_whose_worker_dies_stops_the_run_and_keeps_its_number(make_run: MakeRun) -> None:
    run = make_run()
    good = run.engine
    run.engine = FakeEngine(failing(good, EngineError("the worker was killed")))
    with pytest.raises(EngineError):
        turn_all(run, 1)
    assert run.state().open_intent
    run.engine = good
    _, state = turn_all(run, 1)
    intents = [slots["intent/v1"] for slots in state.history.values() if "intent/v1" in slots]
    assert [intent.intent.k for intent in intents if isinstance(intent, IntentWritten)] == [1]
    assert state.promoted == 1


def test_a_run_without_a_lease_turns_nothing(make_run: MakeRun) -> None:
    run = make_run(charter={"pace": {"lease": {"generations": 1}}})
    turn_all(run)
    stop, state = turn_all(run)
    assert (stop, state.generation) == ("lease_spent", 2)


def test_a_run_at_the_top_of_every_ladder_is_finished(make_run: MakeRun) -> None:
    run = make_run(rules=ToyRules(seed_horizon=14.0, steepness=9.0))
    stop, state = turn_all(run)
    assert stop == "finished"
    assert state.lease_left(CLOCK) > 0
