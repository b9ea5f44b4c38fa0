import pytest

from detent.engine import FakeEngine
from detent.testing.engines import UNKNOWN, EngineContract, World, closed_engine_is_closed
from detent.testing.toy_inside import toy_inside
from detent.values import AnswerJob, Answers, InterpretJob, Job, JobFailure, Result


def handle(job: Job) -> Result:
    if isinstance(job, InterpretJob):
        apart = float(len(set(job.models)) - 1)
        return toy_inside(job, *([apart * number] * len(job.prompts) for number in range(2)))
    assert isinstance(job, AnswerJob)
    if job.model == UNKNOWN:
        return JobFailure(error="SubjectError", message=f"no model {UNKNOWN}")
    return Answers(completions=tuple(prompt[::-1] for prompt in job.prompts))


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def world(self) -> World:
        return World(FakeEngine(handle), model="1" * 64)

    def test_it_remembers_which_worker_did_which_job(self) -> None:
        engine = FakeEngine(handle)
        job = AnswerJob(model="1" * 64, prompts=("C1=",))
        engine.run(job, print)
        for _ in range(2):
            with engine.opening() as ask:
                ask(job, print)
        assert engine.jobs == [("run", job), ("opening 1", job), ("opening 2", job)]

    def test_close(self, world: World) -> None:
        closed_engine_is_closed(world)


class TestLocalEngineWithStandIn(EngineContract):
    @pytest.fixture
    def world(self, world: World) -> World:
        """The one of conftest."""
        return world

    def test_close(self, world: World) -> None:
        assert world.engine.run(AnswerJob(model=world.model, prompts=("C1=",)), print)
        closed_engine_is_closed(world)
