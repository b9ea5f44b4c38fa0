"""Start a sampler: take the pipes, hear which server, say ready, then ask it whatever comes.

The first line names the server and has its key: neither the command line nor the environment does, which others on the
machine may read. It ends when its pipe closes, also in the middle of a job: it says every few seconds that it lives.
"""

import argparse
import sys
import traceback
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from detent.errors import DetentError, EngineError, UsageError
from detent.values import JobFailure, Progress
from detent.values.serving import Ask, Connection, Greet, Greeted, Served, decode_ask
from detent.values.wire import Wire

_PHASES: dict[str, Literal["judge", "answer", "sample"]] = {
    "JudgeJob": "judge",
    "AnswerJob": "answer",
    "SampleJob": "sample",
}


class Tell(Protocol):
    """Told how a job goes on."""

    def __call__(self, done: int, total: int, /) -> None:
        """Say so."""


class Work(Protocol):
    """What serves: a `_jobs.Desk`, whose module takes a second to import."""

    def done(self, ask: Ask, tell: Tell) -> Served:
        """Do a job."""

    def greeted(self) -> Greeted:
        """See whether the server is there."""


def main() -> None:
    """Serve until the overseer closes the pipe or ends."""
    parser = argparse.ArgumentParser(
        prog="detent.sampler", description="Asks a model server; started by an engine."
    )
    parser.add_argument("--kept", type=Path, required=True, help="folder of answers that were paid for")
    options = parser.parse_args()
    wire = Wire.taken()
    lines = wire.lines()
    connection = decode_ask(next(lines, b""))
    if not isinstance(connection, Connection):
        sys.exit("a server on the first line expected, got a job")
    from detent.sampler._answers import Answers  # noqa: PLC0415  after the pipes are taken: libraries may print
    from detent.sampler._jobs import Desk  # noqa: PLC0415
    from detent.sampler._purse import Purse  # noqa: PLC0415

    failed: DetentError | None = None
    desk: Work | None = None
    try:
        desk = Desk(connection, Purse(options.kept, connection), Answers(options.kept))
    except DetentError as error:  # of the journal; said when a job comes, since only a job has an answer
        failed = error
    try:
        wire.ready()
        for line in lines:
            wire.send(
                _failure(failed, connection.key)
                if desk is None
                else _attempt(desk, line, wire, connection.key)
            )
    except BrokenPipeError:
        return  # the overseer is gone, and with it everyone who could be told


def _attempt(desk: Work, line: bytes, wire: Wire, key: str) -> Served | Greeted | JobFailure:
    try:
        ask = decode_ask(line)
        if isinstance(ask, Connection):
            raise UsageError("a job expected, got another server; start another sampler for it")  # noqa: TRY301
        if isinstance(ask, Greet):
            return desk.greeted()
        phase = _PHASES[type(ask.job).__name__]

        def tell(done: int, total: int, /) -> None:
            wire.send(Progress(phase=phase, done=done, total=total))

        return desk.done(ask, tell)
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001  whatever a library does, the overseer is told
        sys.stderr.write(_hidden(traceback.format_exc(), key))
        sys.stderr.flush()
        return _failure(error, key)


def _failure(error: BaseException | None, key: str) -> JobFailure:
    said = _hidden(" ".join(str(error).split()), key)
    if isinstance(error, DetentError):
        return JobFailure(error=type(error).__name__, message=said)
    if isinstance(error, msgspec.DecodeError):
        return JobFailure(error=UsageError.__name__, message=f"a job line expected, got {said}")
    wanted = f"a finished job expected from a server, got {type(error).__name__}: {said}; the log says where"
    return JobFailure(error=EngineError.__name__, message=wanted)


def _hidden(text: str, key: str) -> str:
    return text.replace(key, "[key]") if key else text


if __name__ == "__main__":
    main()
