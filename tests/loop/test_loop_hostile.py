"""Workers that lie: the loop refuses what they say, or closes the opening without a promotion; it never gets stuck."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from detent.engine import FakeEngine
from detent.errors import DetentError, EngineError
from detent.loop import Book, drive, judge
from detent.loop.judge import Judged
from detent.values import (
    AnswerJob,
    DataMade,
    IntentWritten,
    Job,
    JobFailure,
    LabelJob,
    Labels,
    OutcomeWritten,
    Profile,
    Result,
    Score,
    SessionStarted,
    State,
    SubjectBuilt,
    TrainedModel,
    TrainJob,
)

MakeRun = Callable[..., Any]
Twist = Callable[[Any, Job, Result], Result]


def turn(run: Any) -> State:
    """One session, of one generation at most."""
    with run.open() as ledger:
        parts = run.parts(ledger)
        session = SessionStarted(
            software={}, seed=1, threads=1, confined=True, unconfined_because="", evaluator="e" * 64
        )
        parts.book.write(session)
        drive(parts, 1, lambda _: None)
        state: State = parts.book.state
        return state


def twisted(run: Any, twist: Twist) -> FakeEngine:
    """The run's engine, its results changed on the way."""
    answer = run.engine._handler
    return FakeEngine(lambda job: twist(run, job, answer(job)))


def relabelled(change: Callable[[Labels], Labels]) -> Twist:
    return lambda _run, _job, result: change(result) if isinstance(result, Labels) else result


def incumbent_again(run: Any, job: Job, result: Result) -> Result:
    if not isinstance(result, TrainedModel):
        return result
    assert isinstance(job, TrainJob)
    shutil.rmtree(run.folder / "staging" / result.folder)
    shutil.copytree(run.folder / "models" / job.parent, run.folder / "staging" / result.folder)
    return result


LIES: dict[str, Twist] = {
    "each label comes twice": relabelled(lambda labels: structs.replace(labels, kept=labels.kept * 2)),
    "labels are less sure than the filter wants": relabelled(
        lambda labels: structs.replace(
            labels, kept=tuple(structs.replace(example, confidence=0.01) for example in labels.kept)
        )
    ),
    "labels say nothing, which no training takes": relabelled(
        lambda labels: structs.replace(
            labels, kept=tuple(structs.replace(example, completion="") for example in labels.kept)
        )
    ),
    "labels are not agreed on": relabelled(
        lambda labels: structs.replace(
            labels, kept=tuple(structs.replace(example, agreement=0.5) for example in labels.kept)
        )
    ),
    "the model handed back is the one that was to be trained": incumbent_again,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_before_it_is_on_the_ledger_and_an_honest_worker_goes_on(
    make_run: MakeRun, lie: str
) -> None:
    run = make_run()
    turn(run)
    before, honest = run.state(), run.engine
    run.engine = twisted(run, LIES[lie])
    with pytest.raises(EngineError, match="expected"):
        turn(run)
    run.engine = honest
    assert turn(run).generation == before.generation + 1


def test_more_labels_than_the_filter_keeps_are_refused(make_run: MakeRun) -> None:
    run = make_run(charter={"recipe": {"label_prompts": 100, "label_keep": 1, "seed_problems": 5}})

    def unfiltered(world_run: Any, job: Job, result: Result) -> Result:
        if not isinstance(job, LabelJob):
            return result
        recipes = {
            task: structs.replace(
                recipe,
                rungs=tuple(
                    structs.replace(rung, filter=structs.replace(rung.filter, keep=0))
                    for rung in recipe.rungs
                ),
            )
            for task, recipe in job.recipes.items()
        }
        return world_run.world.answer(structs.replace(job, recipes=recipes))  # type: ignore[no-any-return]

    run.engine = twisted(run, unfiltered)
    with pytest.raises(EngineError, match="at most 1 labels"):
        turn(run)
    assert not any(isinstance(entry, DataMade) for entry in run.state().slots.values())


@pytest.mark.parametrize("error", ["EngineError", "SubjectError", "TaskError"])
def test_an_opening_that_never_completes_is_void_after_two_sessions(make_run: MakeRun, error: str) -> None:
    run = make_run()

    def silent(_run: Any, job: Job, result: Result) -> Result:
        gate = isinstance(job, AnswerJob) and len(job.prompts) == judge_batch()
        return JobFailure(error=error, message="x" * 100_000) if gate else result

    run.engine = twisted(run, silent)
    state = run.state()
    for _ in range(3):
        try:
            state = turn(run)
        except DetentError:
            continue
        break
    outcome = state.history[1]["outcome/v1"]
    assert isinstance(outcome, OutcomeWritten)
    assert (outcome.outcome.verdict, state.open_intent, state.promoted) == ("void", False, 0)
    assert 0 < len(outcome.outcome.because) <= judge.LONGEST_REASON
    assert state.alpha_spent == pytest.approx(0.025)


def judge_batch() -> int:
    """Items of the gate's first batch, which nothing else asks as many as."""
    from detent.evaluate.opening import FIRST_BATCH  # noqa: PLC0415

    return FIRST_BATCH


def test_what_is_promoted_is_what_the_gate_was_asked_about(make_run: MakeRun) -> None:
    run = make_run()
    state = turn(run)
    intent = state.history[1]["intent/v1"]
    assert isinstance(intent, IntentWritten)
    asked, other = intent.intent.candidate, "f" * 64
    profiles = [Profile(asked, {"copy": (Score(1, 9),)}), Profile(other, {"copy": (Score(9, 9),)})]
    with run.open() as ledger:
        parts = run.parts(ledger)
        decided = judge.decide(parts, Judged(asked, "S passed"), "free", profiles[0], profiles)
    assert (decided.decision, decided.incumbent, decided.candidate) == ("promote", asked, asked)


def test_a_model_has_as_many_parameters_as_its_weights_whatever_the_worker_says(make_run: MakeRun) -> None:
    def boasts(_run: Any, _job: Job, result: Result) -> Result:
        return structs.replace(result, parameters=10**9) if isinstance(result, TrainedModel) else result

    run = make_run()
    run.engine = twisted(run, boasts)
    built = turn(run).history[0]["subject/v1/0"]
    assert isinstance(built, SubjectBuilt)
    assert built.parameters == 1


def test_the_incumbent_is_not_opened_against_itself_and_an_open_intent_is_gone_through_with(
    make_run: MakeRun,
) -> None:
    run = make_run()
    low, high = (Profile("a" * 64, {"copy": (Score(right, 9),)}) for right in (1, 9))
    with run.open() as ledger:
        parts = run.parts(ledger)
        assert not judge.worth_opening(parts, low, high)
        assert judge.worth_opening(parts, low, structs.replace(high, subject="b" * 64))
        book: Book = parts.book
        intent = IntentWritten(intent=judge.intend(parts, low, "b" * 64).intent)
        book.write(intent)
        assert judge.worth_opening(parts, high, low)


def test_a_given_model_is_copied_where_no_worker_can_write(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    digest = turn(run).incumbent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (run.folder / "staging" / "given").symlink_to(elsewhere)
    with run.open() as ledger:
        assert run.parts(ledger).admit_given(run.folder / "models" / digest, "judge") == digest
    assert not list(elsewhere.iterdir())
