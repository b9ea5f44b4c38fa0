"""Pieces of a turn side by side: in one order whatever workers do, each with its own error, and none left alive."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from detent.engine import Engine, FakeEngine, Watch
from detent.errors import DetentError, EngineError, UsageError
from detent.loop.abreast import abreast
from detent.values import (
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    Job,
    Progress,
    Result,
)

Piece = Callable[[Engine], str]


def quiet(_: Progress) -> None:
    """Nobody is watching."""


def answer(job: Job) -> Result:
    if isinstance(job, BuildJob):
        return BuiltModel(folder=f"built-{job.seed}", parameters=1)
    assert isinstance(job, AnswerJob)
    if job.model == "broken":
        raise EngineError("an answer expected, got none")
    return Answers(completions=tuple(f"{job.model} {prompt}" for prompt in job.prompts))


def asked(model: str, prompt: str = "1") -> AnswerJob:
    return AnswerJob(model=model, prompts=(prompt,))


class Unsteady(FakeEngine):
    """Two workers, of which the one that begins first is done last."""

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        def slowly(place: int, job: Job) -> Result:
            time.sleep(0.01 * (len(jobs) - place))
            return self.run(job, watch)

        with ThreadPoolExecutor(max(1, len(jobs))) as pool:
            return list(pool.map(slowly, range(len(jobs)), jobs))


class Wide(FakeEngine):
    """Keeps what was asked together."""

    def __init__(self, handler: Callable[[Job], Result]) -> None:
        super().__init__(handler)
        self.rounds: list[list[Job]] = []

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        self.rounds.append(list(jobs))
        return super().run_all(jobs, watch)


def telling(name: str, steps: int, told: list[str]) -> Piece:
    """A piece that writes a line before and after each thing that it asks."""

    def piece(engine: Engine) -> str:
        said = ""
        for step in range(steps):
            told.append(f"{name}{step}")
            result = engine.run(asked(name, str(step)), quiet)
            assert isinstance(result, Answers)
            said = result.completions[0]
        told.append(f"{name} done")
        return said

    return piece


def threads_of(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]


@pytest.fixture
def before() -> set[threading.Thread]:
    return set(threading.enumerate())


def test_nothing_to_do_asks_nothing_of_anybody(before: set[threading.Thread]) -> None:
    engine = Wide(answer)
    assert abreast(engine, quiet, []) == []
    assert engine.rounds == []
    assert threads_of(before) == []


@pytest.mark.parametrize("kind", [FakeEngine, Unsteady])
def test_pieces_write_in_one_order_however_fast_workers_are(kind: type[FakeEngine]) -> None:
    told: list[str] = []
    pieces = [telling("a", 2, told), telling("b", 1, told), telling("c", 3, told)]
    assert abreast(kind(answer), quiet, pieces) == ["a 1", "b 0", "c 2"]
    assert told == ["a0", "b0", "c0", "a1", "b done", "c1", "a done", "c2", "c done"]


def test_whoever_asks_nothing_costs_no_round() -> None:
    engine = Wide(answer)
    assert abreast(engine, quiet, [lambda _: "at once", lambda lane: str(lane.run_all([], quiet))]) == [
        "at once",
        "[]",
    ]
    assert engine.rounds == []


def test_an_error_reaches_its_own_piece_and_no_other() -> None:
    told: list[str] = []
    pieces = [telling("a", 2, told), telling("broken", 2, told), *(telling(n, 2, told) for n in "bcd")]
    came = abreast(FakeEngine(answer), quiet, pieces)
    assert isinstance(came[1], EngineError)
    assert [came[place] for place in (0, 2, 3, 4)] == ["a 1", "b 1", "c 1", "d 1"]
    assert "broken1" not in told


def test_every_piece_may_fail_by_itself() -> None:
    def wrong(text: str) -> Piece:
        def piece(_: Engine) -> str:
            raise UsageError(text)

        return piece

    came = abreast(FakeEngine(answer), quiet, [wrong("one"), telling("broken", 1, []), wrong("two")])
    assert [str(error) for error in came] == ["one", "an answer expected, got none", "two"]
    assert all(isinstance(error, DetentError) for error in came)


def test_a_piece_may_mend_its_own_error_and_go_on() -> None:
    def piece(engine: Engine) -> str:
        try:
            engine.run(asked("broken"), quiet)
        except EngineError:
            engine.run(asked("spare"), quiet)
        return "mended"

    assert abreast(FakeEngine(answer), quiet, [piece, telling("b", 1, [])]) == ["mended", "b 0"]


def test_what_several_ask_in_the_same_words_is_done_once() -> None:
    """Workers keep what they have done so far in a file named by the job: two at work on one would spoil it."""
    engine = Wide(answer)
    same = [lambda lane: str(lane.run(asked("m"), quiet)) for _ in range(3)]
    first, *others = abreast(engine, quiet, same)
    assert all(other == first for other in others)
    assert [len(jobs) for jobs in engine.rounds] == [1]


def test_a_model_is_made_for_one_piece_after_the_other_since_who_takes_it_takes_its_folder_away() -> None:
    staging: set[str] = set()

    def make(job: Job) -> Result:
        assert isinstance(job, BuildJob)
        assert f"built-{job.seed}" not in staging
        staging.add(f"built-{job.seed}")
        return answer(job)

    def piece(engine: Engine) -> str:
        result = engine.run(BuildJob(seed=7), quiet)
        assert isinstance(result, BuiltModel)
        staging.remove(result.folder)
        return result.folder

    engine = Wide(make)
    assert abreast(engine, quiet, [piece] * 3) == ["built-7"] * 3
    assert [len(jobs) for jobs in engine.rounds] == [1, 1, 1]


def test_pieces_within_pieces_ask_together_and_keep_their_order() -> None:
    engine, told = Wide(answer), list[str]()

    def nested(name: str) -> Piece:
        def piece(lane: Engine) -> str:
            inner = [telling(f"{name}{number}", 1, told) for number in range(2)]
            return " & ".join(str(one) for one in abreast(lane, quiet, inner))

        return piece

    assert abreast(engine, quiet, [nested("a"), nested("b")]) == ["a0 0 & a1 0", "b0 0 & b1 0"]
    assert [len(jobs) for jobs in engine.rounds] == [4]
    assert told[-4:] == ["a0 done", "a1 done", "b0 done", "b1 done"]


def test_an_opening_is_not_for_trials_nor_the_end_of_the_engine() -> None:
    def opens(engine: Engine) -> str:
        engine.opening()
        return "opened"

    def closes(engine: Engine) -> str:
        engine.close()
        return "closed"

    came = abreast(FakeEngine(answer), quiet, [opens, closes])
    assert all(isinstance(one, UsageError) for one in came)


def test_a_lane_says_of_its_engine_what_that_says() -> None:
    engine = FakeEngine(answer)

    def piece(lane: Engine) -> str:
        return f"{lane.confined} {lane.unconfined_because} {lane.width}"

    assert abreast(engine, quiet, [piece]) == [f"False {engine.unconfined_because} 1"]


def interrupting(at: int, error: type[BaseException]) -> Callable[[Job], Result]:
    count = 0

    def handler(job: Job) -> Result:
        nonlocal count
        count += 1
        if count == at:
            raise error
        return answer(job)

    return handler


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("at", range(1, 7))
def test_an_interrupt_of_the_engine_ends_every_thread(
    at: int, error: type[BaseException], before: set[threading.Thread]
) -> None:
    told: list[str] = []
    with pytest.raises(error):
        abreast(FakeEngine(interrupting(at, error)), quiet, [telling(name, 2, told) for name in "abc"])
    assert threads_of(before) == []
    assert not any("done" in line for line in told)


def test_an_interrupt_of_the_watch_ends_every_thread_of_pieces_within_pieces_too(
    before: set[threading.Thread],
) -> None:
    class Watched(FakeEngine):
        def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
            watch(Progress(phase="answer", done=0, total=1))
            return super().run_all(jobs, watch)

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    def nested(lane: Engine) -> str:
        return str(abreast(lane, quiet, [telling("x", 1, []), telling("y", 1, [])]))

    with pytest.raises(KeyboardInterrupt):
        abreast(Watched(answer), interrupt, [nested, telling("b", 1, [])])
    assert threads_of(before) == []


def test_an_error_that_is_nobodys_to_mend_ends_all(before: set[threading.Thread]) -> None:
    def broken(engine: Engine) -> str:
        engine.run(asked("m"), quiet)
        raise ZeroDivisionError

    told: list[str] = []
    with pytest.raises(ZeroDivisionError):
        abreast(FakeEngine(answer), quiet, [telling("a", 2, told), broken, telling("b", 2, told)])
    assert told == ["a0", "b0", "a1"]
    assert threads_of(before) == []
