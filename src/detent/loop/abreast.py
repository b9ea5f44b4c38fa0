"""Pieces of a turn side by side: each is written as if it were alone, and what they ask of workers is asked together.

    >>> abreast(parts.engine, parts.watch, [lambda engine: first(engine), lambda engine: second(engine)])
    [..., ...]

One piece runs at a time, until it asks a worker something or ends; then the next. Once all wait, everything they asked
for goes to the engine at once, which has as many workers as it has, and each goes on with its own results. So the
order in which pieces write on the ledger does not depend on which worker was fastest.

What several ask for in the same words is done once for all of them: workers keep what they have done so far in files
that are named by the job, and two at work on one file would spoil it. A model is made for one piece at a time, since
who takes it takes its folder away.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

from detent.engine import Ask, Engine, Watch
from detent.errors import DetentError, UsageError
from detent.values import (
    BuildJob,
    Job,
    MergeJob,
    PreferJob,
    ReinforceJob,
    ReshapeJob,
    Result,
    TrainJob,
)

T = TypeVar("T")


_MAKES = BuildJob | ReshapeJob | MergeJob | TrainJob | PreferJob | ReinforceJob
"""Jobs that leave a model in staging, under a name that the job gives it."""


class _Ended(BaseException):
    """Raised in a piece that is not to go on: the turn was interrupted."""


@dataclass
class _Piece(Generic[T]):
    """A thread that runs only while it holds the baton."""

    goes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    rests: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    jobs: Sequence[Job] = ()
    results: "list[Result] | BaseException" = field(default_factory=list)
    value: T | None = None
    error: BaseException | None = None
    ended: bool = False

    def go_on(self) -> None:
        """Let it run until it asks or ends."""
        self.goes.release()
        self.rests.acquire()

    def ask(self, jobs: Sequence[Job]) -> list[Result]:
        """In its own thread: wait for the results."""
        self.jobs = jobs
        self.rests.release()
        self.goes.acquire()
        self.jobs = ()
        self.see_interrupt()
        assert isinstance(self.results, list)  # noqa: S101  seen just now
        return self.results

    def see_interrupt(self) -> None:
        """In its own thread: raise what stands where results should."""
        if isinstance(self.results, BaseException):
            raise self.results


class _Lane:
    """The engine as a piece sees it."""

    def __init__(self, engine: Engine, piece: "_Piece[T]") -> None:
        self._engine, self._piece = engine, piece

    @property
    def confined(self) -> bool:
        return self._engine.confined

    @property
    def unconfined_because(self) -> str:
        return self._engine.unconfined_because

    @property
    def width(self) -> int:
        return self._engine.width

    def run(self, job: Job, watch: Watch) -> Result:  # noqa: ARG002  the turn's own is told of all together
        return self._piece.ask([job])[0]

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:  # noqa: ARG002
        return self._piece.ask(jobs) if jobs else []

    def opening(self) -> AbstractContextManager[Ask]:
        raise UsageError("work in the open expected in a trial, got an opening; open it in the turn")

    def close(self) -> NoReturn:
        raise UsageError(
            "a trial that ends by itself expected, got one that closes the engine; leave it open"
        )


def abreast(engine: Engine, watch: Watch, pieces: Sequence[Callable[[Engine], T]]) -> "list[T | DetentError]":
    """What each piece returns, in order; or the error that ended it.

    An error that is none of the error tree's, an interrupt among them, ends all.
    """
    lanes: list[_Piece[T]] = [_Piece() for _ in pieces]
    threads = [
        threading.Thread(target=_run, args=(lane, piece, engine), daemon=True)
        for lane, piece in zip(lanes, pieces, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        _drive(lanes, engine, watch)
    finally:
        for lane, thread in zip(lanes, threads, strict=True):
            if not lane.ended:
                lane.results = _Ended()
                lane.goes.release()
            thread.join()
    return [lane.error if isinstance(lane.error, DetentError) else lane.value for lane in lanes]  # type: ignore[misc]


def _run(lane: "_Piece[T]", piece: Callable[[Engine], T], engine: Engine) -> None:
    lane.goes.acquire()
    try:
        lane.see_interrupt()
        lane.value = piece(_Lane(engine, lane))
    except BaseException as error:  # noqa: BLE001  told in the thread that waits for it
        lane.error = error
    finally:
        lane.ended = True
        lane.rests.release()


def _drive(lanes: "Sequence[_Piece[T]]", engine: Engine, watch: Watch) -> None:
    going = list(lanes)
    while going:
        for lane in going:
            lane.go_on()
            if lane.error is not None and not isinstance(lane.error, DetentError):
                raise lane.error
        going = _apart([lane for lane in lanes if not lane.ended])
        if going:
            _answer(going, engine, watch)


def _apart(asking: "Sequence[_Piece[T]]") -> "list[_Piece[T]]":
    """Those who can be answered now: whoever wants a model made that another has made now is next."""
    found, made = list[_Piece[T]](), list[Job]()
    for lane in asking:
        makes = [job for job in lane.jobs if isinstance(job, _MAKES)]
        if not any(job in made for job in makes):
            found.append(lane)
            made += makes
    return found


def _answer(asking: "Sequence[_Piece[T]]", engine: Engine, watch: Watch) -> None:
    """Everything at once; where that fails, half by half, so that each has its own error and no other's."""
    jobs: list[Job] = []
    for lane in asking:
        jobs += [job for job in lane.jobs if job not in jobs or isinstance(job, _MAKES)]
    try:
        results = engine.run_all(jobs, watch)
    except DetentError as error:
        half = len(asking) // 2
        if not half:
            asking[0].results = error
            return
        _answer(asking[:half], engine, watch)
        _answer(asking[half:], engine, watch)
        return
    for lane in asking:
        lane.results = [results[jobs.index(job)] for job in lane.jobs]
