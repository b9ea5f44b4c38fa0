"""What every engine promises, as tests: subclass `EngineContract` and give it a world.

class TestMyEngine(EngineContract):
    @pytest.fixture
    def world(self):
        engine = MyEngine(...)
        yield World(engine, model=digest)
        engine.close()
"""

# ruff: noqa: S101  these are tests

import time
from typing import NamedTuple

import pytest
from msgspec import UNSET

from detent.engine import Engine
from detent.errors import SubjectError, UsageError
from detent.values import (
    AnswerJob,
    Answers,
    BuildJob,
    Form,
    Interpreted,
    InterpretJob,
    Job,
    JudgeJob,
    PreferJob,
    Progress,
    ScoreJob,
    TrainJob,
)

UNKNOWN = "0" * 64
"""The digest of no model."""

CLOSING_SECONDS = 2.0


class World(NamedTuple):
    """An open engine and the digest of a model it can answer with; it has none called UNKNOWN."""

    engine: Engine
    model: str


class EngineContract:
    """Each method is one promise of `detent.engine.Engine`."""

    @pytest.fixture
    def world(self) -> World:
        """The engine to test; a fixture of the subclass."""
        raise NotImplementedError

    def test_there_is_one_completion_for_each_prompt(self, world: World) -> None:
        assert len(_answers(world, "C1=", "C12=", "C1=").completions) == 3  # noqa: PLR2004

    def test_the_same_prompt_gets_the_same_completion(self, world: World) -> None:
        first, _, third = _answers(world, "C1=", "C12=", "C1=").completions
        assert first == third

    def test_no_prompts_get_no_completions(self, world: World) -> None:
        assert _answers(world).completions == ()

    def test_a_model_and_itself_are_the_same(self, world: World) -> None:
        prompts = ("C1=", "C12=", "R12=", "C123=")
        job = InterpretJob(models=(world.model, world.model), prompts=prompts, sections=("words", "weights"))
        with world.engine.opening() as ask:
            found = ask(job, _quiet)
        assert isinstance(found, Interpreted)
        assert found.words is not UNSET
        assert found.weights is not UNSET
        assert (found.words.divergence, found.words.flips, found.weights.share) == (0.0, 0.0, 0.0)

    def test_a_failed_job_is_raised_as_the_error_it_names_and_the_next_one_works(self, world: World) -> None:
        with pytest.raises(SubjectError, match=UNKNOWN):
            world.engine.run(AnswerJob(model=UNKNOWN, prompts=("C1=",)), _quiet)
        assert _answers(world, "C1=")

    def test_jobs_side_by_side_give_what_they_give_alone_in_order(self, world: World) -> None:
        jobs = [AnswerJob(model=world.model, prompts=(prompt,)) for prompt in ("C1=", "R12=", "C123=")]
        alone = [world.engine.run(job, _quiet) for job in jobs]
        assert world.engine.run_all(jobs, _quiet) == alone
        assert world.engine.run_all([], _quiet) == []

    def test_of_jobs_side_by_side_the_first_error_is_raised_and_the_next_ones_work(
        self, world: World
    ) -> None:
        good = AnswerJob(model=world.model, prompts=("C1=",))
        with pytest.raises(SubjectError, match=UNKNOWN):
            world.engine.run_all([good, AnswerJob(model=UNKNOWN, prompts=("C1=",)), good], _quiet)
        assert len(world.engine.run_all([good, good], _quiet)) == 2  # noqa: PLR2004

    def test_an_opening_answers_as_run_does(self, world: World) -> None:
        job = AnswerJob(model=world.model, prompts=("C12=", "R12="))
        with world.engine.opening() as ask:
            answers = ask(job, _quiet)
        assert answers == world.engine.run(job, _quiet)

    def test_run_goes_on_during_an_opening(self, world: World) -> None:
        with world.engine.opening() as ask:
            assert _answers(world, "C1=")
            assert ask(AnswerJob(model=world.model, prompts=("C1=",)), _quiet)

    @pytest.mark.parametrize(
        "job",
        [
            BuildJob(seed=1),
            TrainJob(parent=UNKNOWN, sources=(), steps=1, seed=1),
            ScoreJob(model=UNKNOWN, rows=(("C1=", "1"),)),
            JudgeJob(model=UNKNOWN, pairs=(), form=Form("{prompt}{first}{second}")),
            PreferJob(parent=UNKNOWN, data=(UNKNOWN,), steps=1, seed=1),
        ],
        ids=lambda job: type(job).__name__,
    )
    def test_an_opening_does_nothing_but_answer(self, world: World, job: Job) -> None:
        with pytest.raises(UsageError), world.engine.opening() as ask:
            ask(job, _quiet)

    def test_a_look_inside_is_done_in_an_opening_alone(self, world: World) -> None:
        with pytest.raises(UsageError, match="in an opening alone"):
            world.engine.run(InterpretJob(models=(world.model, world.model), prompts=("C1=",)), _quiet)

    def test_a_worker_is_gone_when_its_opening_ends(self, world: World) -> None:
        with world.engine.opening() as ask:
            pass
        with pytest.raises(UsageError):
            ask(AnswerJob(model=world.model, prompts=("C1=",)), _quiet)

    def test_there_is_one_opening_at_a_time(self, world: World) -> None:
        with world.engine.opening(), pytest.raises(UsageError), world.engine.opening():
            pass

    def test_a_failed_job_ends_its_opening_and_the_next_opening_works(self, world: World) -> None:
        with pytest.raises(SubjectError), world.engine.opening() as ask:
            ask(AnswerJob(model=UNKNOWN, prompts=("C1=",)), _quiet)
        with world.engine.opening() as ask:
            assert ask(AnswerJob(model=world.model, prompts=("C1=",)), _quiet)

    def test_unconfined_has_a_reason_and_confined_has_none(self, world: World) -> None:
        assert world.engine.confined == (not world.engine.unconfined_because)


def closed_engine_is_closed(world: World) -> None:
    """The last promise, apart because the engine is of no use afterwards: closing is quick, final and repeatable."""
    before = time.monotonic()
    world.engine.close()
    world.engine.close()
    assert time.monotonic() - before < CLOSING_SECONDS
    with pytest.raises(UsageError):
        _answers(world, "C1=")
    with pytest.raises(UsageError), world.engine.opening() as ask:
        ask(AnswerJob(model=world.model, prompts=("C1=",)), _quiet)


def _answers(world: World, *prompts: str) -> Answers:
    result = world.engine.run(AnswerJob(model=world.model, prompts=prompts), _quiet)
    assert isinstance(result, Answers)
    return result


def _quiet(progress: Progress) -> None:
    """Nobody is watching."""
