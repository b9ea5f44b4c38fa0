import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from detent.engine import LocalEngine, base
from detent.errors import DetentError, EngineError, StorageError, SubjectError, UsageError
from detent.testing.engines import World
from detent.values import AnswerJob, Answers, BuildJob, InterpretJob, JobFailure, LabelJob, Progress, TrainJob


def ask(world: World, *prompts: str) -> Answers:
    result = world.engine.run(AnswerJob(model=world.model, prompts=prompts), lambda _: None)
    assert isinstance(result, Answers)
    return result


FAULTS = {
    "the worker is killed in mid-job": ("!die", "SIGKILL"),
    "the worker leaves in mid-job": ("!leave", "status 3"),
    "the worker says nothing for too long": ("!stall", "0.5 s expected, got silence"),
    "the worker closes its pipes": ("!deaf", "closed its pipe"),
    "the worker prints something else": ("!garbage", "Epoch 1/3"),
    "the worker answers too few prompts": ("!few", "1 completions expected"),
    "the worker sends another kind of result": ("!kind", "the kind of result that AnswerJob has expected"),
    "the worker says ready in mid-job": ("!ready", "a result line expected"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_the_log_or_the_remedy_and_the_next_job_works(world: World, fault: str) -> None:
    prompt, words = FAULTS[fault]
    assert ask(world, "C1=")
    with pytest.raises(EngineError, match=words) as error:
        ask(world, prompt)
    assert "worker.log" in str(error.value) or "run again" in str(error.value)
    assert ask(world, "C12=").completions == ("=21C",)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_an_opening_ends_it_and_the_next_opening_works(world: World, fault: str) -> None:
    prompt, words = FAULTS[fault]
    with pytest.raises(EngineError, match=words), world.engine.opening() as opened:
        opened(AnswerJob(model=world.model, prompts=(prompt,)), lambda _: None)
    with world.engine.opening() as opened:
        assert opened(AnswerJob(model=world.model, prompts=("C12=",)), lambda _: None)


def test_a_line_without_end_is_not_taken_in_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detent.engine._process._LONGEST_LINE", 1 << 20)
    with pytest.raises(EngineError, match="at most 1048576 bytes"):
        ask(world, "!flood")


def test_a_worker_that_goes_on_telling_is_not_stalled(world: World) -> None:
    """`!creep` takes twice the time that silence may last."""
    assert ask(world, "!creep")


def test_progress_reaches_the_watch_in_order(world: World) -> None:
    seen: list[Progress] = []
    world.engine.run(AnswerJob(model=world.model, prompts=("!progress",)), seen.append)
    assert [progress.done for progress in seen] == [0, 1, 2]


def test_a_job_larger_than_a_pipe_goes_through(world: World) -> None:
    prompts = tuple(f"C{number:080}=" for number in range(20_000))
    assert ask(world, *prompts).completions[-1] == prompts[-1][::-1]


class Interrupted(BaseException):
    """What a signal handler might raise."""


def test_an_exception_of_the_watch_ends_the_worker_and_the_next_job_works(world: World) -> None:
    def watch(_: Progress) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        world.engine.run(AnswerJob(model=world.model, prompts=("!progress",)), watch)
    assert ask(world, "C1=").completions == ("=1C",)


def test_an_idle_worker_that_died_is_replaced_without_a_word(world: World) -> None:
    assert ask(world, "C1=")
    kill(worker_of(world))
    assert ask(world, "C1=")


def test_an_idle_nursery_that_died_is_replaced_without_a_word(world: World) -> None:
    job = TrainJob(parent=world.model, sources=(), steps=1, seed=1)
    for _ in range(2):
        with contextlib.suppress(DetentError):
            world.engine.run(job, lambda _: None)  # starts the nursery, whatever becomes of the job
        kill(nursery_of(world))
        with world.engine.opening() as opened:
            opened(AnswerJob(model=world.model, prompts=("C1=",)), lambda _: None)


def test_no_two_openings_have_a_nursery_in_common(world: World) -> None:
    """What an opening's child did to the process it was forked from is gone with it."""
    nurseries = []
    for _ in range(2):
        with world.engine.opening() as opened:
            opened(AnswerJob(model=world.model, prompts=("C1=",)), lambda _: None)
            nurseries.append(nursery_of(world))
        assert cast("Any", world.engine)._nursery is None
    assert nurseries[0] != nurseries[1]


def test_the_terminal_cannot_reach_workers(world: World) -> None:
    """Ctrl-C goes to the terminal's process group; workers are in none of its sessions."""
    assert ask(world, "C1=")
    assert os.getsid(worker_of(world)) == worker_of(world) != os.getsid(0)


def test_closing_in_mid_job_is_quick(world: World) -> None:
    def late(_signal: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Interrupted):
            ask(world, "!stall")
    finally:
        signal.signal(signal.SIGALRM, before)
    start = time.monotonic()
    world.engine.close()
    assert time.monotonic() - start < 2


def test_a_folder_that_leads_out_of_staging_is_not_believed(world: World) -> None:
    assert world.engine.run(BuildJob(seed=1), lambda _: None)
    with pytest.raises(EngineError, match="plain name of a folder"):
        world.engine.run(BuildJob(seed=13), lambda _: None)


def test_labels_of_prompts_nobody_asked_are_not_believed(world: World) -> None:
    asked = LabelJob(models=(world.model,), prompts={"copy": {"9": ("C1=",)}}, recipes={}, seed=1)
    assert world.engine.run(asked, lambda _: None)
    other = LabelJob(models=(world.model,), prompts={"copy": {"8": ("C1=",)}}, recipes={}, seed=1)
    with pytest.raises(EngineError, match="labels of the prompts it was given"):
        world.engine.run(other, lambda _: None)


def test_a_look_inside_that_cannot_be_is_not_believed_and_the_next_one_works(world: World) -> None:
    job = InterpretJob(models=(world.model, "1" * 64), prompts=("C1=",), sections=("words",))
    with pytest.raises(EngineError, match="divergences from 0 to"), world.engine.opening() as ask:
        ask(structs.replace(job, prompts=("!less",)), lambda _: None)
    with world.engine.opening() as ask:
        assert ask(job, lambda _: None)


FAILURES: dict[str, tuple[str, type[DetentError]]] = {
    "a model that misbehaves": ("SubjectError", SubjectError),
    "a worker that says the record is at fault": ("TrustError", EngineError),
    "a worker that says a task is at fault": ("TaskError", EngineError),
    "a full disk": ("StorageError", StorageError),
    "a name that is not in the tree": ("KeyError", EngineError),
    "the root of the tree": ("DetentError", EngineError),
    "a name that is in the module and no error": ("ClassVar", EngineError),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_raised_by_its_name_with_the_log(failure: str) -> None:
    name, kind = FAILURES[failure]
    with pytest.raises(kind, match=r"too bad.*worker\.log") as error:
        base.raise_failure(JobFailure(error=name, message="too bad"), Path("worker.log"))
    assert type(error.value) is kind


def test_folders_that_are_not_there_are_refused(tmp_path: Path) -> None:
    engine = LocalEngine(
        models=tmp_path / "models",
        data=tmp_path / "data",
        staging=tmp_path / "staging",
        log=tmp_path / "log",
        threads=1,
    )
    with pytest.raises(UsageError, match="is this a run folder"):
        engine.run(BuildJob(seed=1), lambda _: None)


def test_models_left_in_staging_by_a_killed_run_are_removed_before_the_first_is_made(
    world: World, tmp_path: Path
) -> None:
    for name in ("trained-0123456789ab", "preferred-0123456789ab", "lesson-a_b0c1d2", "notes"):
        (tmp_path / "staging" / name).mkdir(parents=True)
    assert ask(world, "C1=")
    assert len(list((tmp_path / "staging").iterdir())) == 4  # it only answered: another may be training there
    world.engine.run(BuildJob(seed=1), lambda _: None)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["notes"]


def worker_of(world: World) -> int:
    worker = cast("Any", world.engine)._workers[0]
    return int(worker.pid)


def nursery_of(world: World) -> int:
    return int(cast("Any", world.engine)._nursery.pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
