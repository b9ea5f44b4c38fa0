"""Pieces of a turn side by side: each is written as if it were alone, and what they ask of workers is asked together.

    >>> abreast(parts.engine, parts.watch, [lambda engine: first(engine), lambda engine: second(engine)])
    [..., ...]

One piece runs at a time, until it asks a worker something or ends; then the next. Once all wait, everything they asked
for goes to the engine at once, which has as many workers as it has, and each goes on with its own results. So the
order in which pieces write on the ledger does not depend on which worker was fastest.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

from detent.engine import Ask, Engine, Watch
from detent.errors import DetentError, UsageError
from detent.values import Job, Result

T = TypeVar("T")


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
    while waiting := [lane for lane in lanes if not lane.ended]:
        for lane in waiting:
            lane.go_on()
            if lane.error is not None and not isinstance(lane.error, DetentError):
                raise lane.error
        _answer([lane for lane in waiting if not lane.ended], engine, watch)


def _answer(asking: "Sequence[_Piece[T]]", engine: Engine, watch: Watch) -> None:
    """Everything at once; where that fails, piece by piece, so that each has its own error and no other's."""
    jobs = [job for lane in asking for job in lane.jobs]
    try:
        results = engine.run_all(jobs, watch)
    except DetentError:
        for lane in asking:
            lane.results = _alone(lane, engine, watch)
        return
    for lane in asking:
        lane.results, results = results[: len(lane.jobs)], results[len(lane.jobs) :]


def _alone(lane: "_Piece[T]", engine: Engine, watch: Watch) -> "list[Result] | BaseException":
    try:
        return engine.run_all(lane.jobs, watch)
    except DetentError as error:
        return error
