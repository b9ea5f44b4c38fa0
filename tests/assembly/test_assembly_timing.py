"""Where a session's time went, on a clock that the test winds."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest

from detent.assembly import timing
from detent.assembly.timing import PHASES, Stopwatch, TimedEngine
from detent.engine import Ask, FakeEngine
from detent.errors import StorageError, SubjectError
from detent.values import AnswerJob, Answers, BuildJob, BuiltModel, Job, JobFailure, LabelJob, Labels, Result

ANSWER = AnswerJob(model="0" * 64, prompts=("C1=",))


class Clock:
    """Seconds since its beginning; only the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


class SlowEngine(FakeEngine):
    """Answers take 5 seconds, labels 3, building 7; a fresh worker takes 2 to start."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(self._slowly)
        self._clock = clock

    def _slowly(self, job: Job) -> Result:
        match job:
            case AnswerJob():
                self._clock.wait(5)
                return Answers(("1",))
            case LabelJob():
                self._clock.wait(3)
                return Labels((), {})
            case _:
                self._clock.wait(7)
                return BuiltModel("built-0", 1) if job == BuildJob(1) else JobFailure("SubjectError", "no")

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        self._clock.wait(2)
        with super().opening() as ask:
            yield ask


def quiet(_: object) -> None:
    return


def test_each_job_counts_as_what_it_is_and_the_rest_as_overseeing(clock: Clock) -> None:
    stopwatch = Stopwatch()
    engine = TimedEngine(SlowEngine(clock), stopwatch)
    engine.run(BuildJob(1), quiet)
    engine.run(LabelJob((), {}, {}, 1), quiet)
    engine.run_all([ANSWER, ANSWER], quiet)
    clock.wait(1)
    assert stopwatch.seconds() == {
        "training": 7,
        "labelling": 3,
        "answering": 10,
        "overseeing": 1,
        "total": 21,
    }


def test_the_gate_counts_with_the_start_of_its_worker_and_not_with_what_is_decided_inside(
    clock: Clock,
) -> None:
    stopwatch = Stopwatch()
    with TimedEngine(SlowEngine(clock), stopwatch).opening() as ask:
        ask(ANSWER, quiet)
        clock.wait(4)
        ask(ANSWER, quiet)
    assert stopwatch.seconds() == {"gate and fresh answers": 12, "overseeing": 4, "total": 16}


def test_a_job_that_fails_took_its_time_too(clock: Clock) -> None:
    stopwatch = Stopwatch()
    with pytest.raises(SubjectError):
        TimedEngine(SlowEngine(clock), stopwatch).run(BuildJob(2), quiet)
    assert stopwatch.seconds()["training"] == 7


def test_no_jobs_take_no_time(clock: Clock) -> None:
    stopwatch = Stopwatch()
    assert TimedEngine(SlowEngine(clock), stopwatch).run_all([], quiet) == []
    assert stopwatch.seconds() == {"overseeing": 0, "total": 0}


def test_the_sentence_gives_minutes_and_the_share_of_overseeing(clock: Clock) -> None:
    stopwatch = Stopwatch()
    with stopwatch.timing("training"):
        clock.wait(95)
    clock.wait(5)
    assert stopwatch.sentence() == "took 1:40: training 1:35, overseeing 0:05 (5.0%)"


def test_every_session_adds_a_line_to_the_file(clock: Clock, tmp_path: Path) -> None:
    for seconds in (1, 2):
        stopwatch = Stopwatch()
        clock.wait(seconds)
        stopwatch.append_to(tmp_path / "timing.jsonl")
    lines = (tmp_path / "timing.jsonl").read_text().splitlines()
    assert [json.loads(line)["total"] for line in lines] == [1, 2]


def test_a_disk_that_refuses_the_line_is_said_so() -> None:
    path = Path("/proc/none/timing.jsonl")
    with pytest.raises(StorageError, match=re.escape(str(path))):
        Stopwatch().append_to(path)


def test_the_coat_says_of_confinement_what_the_engine_says(clock: Clock) -> None:
    inside = SlowEngine(clock)
    coat = TimedEngine(inside, Stopwatch())
    assert (coat.confined, coat.unconfined_because, coat.width) == (
        inside.confined,
        inside.unconfined_because,
        inside.width,
    )


def test_every_kind_of_job_is_timed_under_a_name() -> None:
    assert set(PHASES) == set(get_args(Job))
