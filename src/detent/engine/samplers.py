"""The overseer's end of a sampler: a job goes to a model server by way of a process that has nothing to betray.

    >>> with_server = ServerSampler(connection, kept=run / "served" / "wise", log=log)
    >>> with_server.ask(JudgeJob(model="server:wise", ...), "generation 3", watch).report.abstained
    0

What comes back is held against its job as a worker's result is. A sampler may say that a server does not answer, or
that the budget is spent; it cannot say that the record or a task is at fault.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from detent.engine._process import WorkerProcess
from detent.engine.base import Watch, believed
from detent.engine.confinement import sampler_prefix
from detent.errors import CharterError, DetentError, EngineError, PeerError, StorageError, UsageError
from detent.values import AnswerJob, JobFailure, JudgeJob, SampleJob
from detent.values.jobs import encode_line
from detent.values.serving import Ask, Connection, Greet, Greeted, Report, Served, decode_served

LIBRARIES = ("openai", "httpx2")
"""What a sampler imports; the extra `server` brings them."""

STALL_SECONDS = 60.0
"""Silence after which a sampler is ended: one that waits for a server says so every two seconds."""

_BLAMED: dict[str, type[DetentError]] = {
    error.__name__: error for error in (PeerError, CharterError, UsageError, StorageError, EngineError)
}
_MOST_NAMES = 16
_LONGEST_NAME = 500


def check_server_libraries() -> None:
    """Return when a sampler has what it imports; it is looked for, and not loaded.

    Raises:
        UsageError: something is missing.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the extra detent[server] expected where a charter names a server, got an install without "
            f"{', '.join(missing)}; pip install 'detent[server]'"
        )


class ServerSampler:
    """One server's sampler, started when it is first asked."""

    def __init__(
        self, connection: Connection, *, kept: Path, log: Path, stall_seconds: float = STALL_SECONDS
    ) -> None:
        """Start nothing yet.

        Args:
            connection: the server, with its key.
            kept: folder of answers that were paid for, and of the journal of what was spent; made when missing.
            log: file to which the sampler's standard error is appended.
            stall_seconds: silence after which it is ended.
        """
        self._connection, self._kept, self._log = connection, kept.absolute(), log.absolute()
        self._stall_seconds = stall_seconds
        self._process: WorkerProcess | None = None

    def ask(self, job: JudgeJob | AnswerJob | SampleJob, turn: str, watch: Watch) -> Served:
        """The server's answers to a job, and what came of its questions.

        Raises:
            PeerError: the server does not answer, not in time, or something else.
            CharterError: the budget does not reach.
            UsageError: the server refuses the key or the question.
            EngineError: the sampler died, was silent, or said what is not so.
            StorageError: the disk refuses.
        """
        process = self._running()
        said = process.converse(encode_line(Ask(job=job, turn=turn)), decode_served, watch)
        if isinstance(said, JobFailure):
            raise _BLAMED.get(said.error, EngineError)(f"{said.message} (the sampler's log: {self._log})")
        if not isinstance(said, Served):
            process.kill()
            _disbelieve("answers of a server", type(said).__name__)
        try:
            believed(job, said.result)
            _believe_report(said.report)
        except BaseException:
            process.kill()
            raise
        return said

    def greet(self) -> None:
        """Return when the server is there and takes the key, before anything else is spent on a run that needs it.

        Raises:
            PeerError: nobody answers there, or somebody who serves no models.
            UsageError: it refuses the key.
            EngineError: the sampler died, was silent, or said what is not so.
        """
        said = self._running().converse(encode_line(Greet()), decode_served, lambda _: None)
        if isinstance(said, JobFailure):
            raise _BLAMED.get(said.error, EngineError)(f"{said.message} (the sampler's log: {self._log})")
        if not isinstance(said, Greeted):
            self.close()
            _disbelieve("a greeting", type(said).__name__)

    def close(self) -> None:
        """End it. May be called again."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _running(self) -> WorkerProcess:
        if self._process is not None and self._process.alive:
            return self._process
        self.close()
        check_server_libraries()
        try:
            self._kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"a folder {self._kept} expected, got: {error}; free space") from error
        first = encode_line(self._connection)
        self._process = WorkerProcess(self._command(), self._log, self._stall_seconds, first)
        return self._process

    def _command(self) -> list[str]:
        # -P: nothing that a sampler can write to is on the import path.
        module = [sys.executable, "-P", "-m", "detent.sampler", "--kept", str(self._kept)]
        return [*sampler_prefix(self._kept), *module]


def _believe_report(report: Report) -> None:
    """Counts that a job can have; what they stand for is the server's word."""
    counts = (report.asked, report.kept, report.abstained, report.read, report.written)
    if min(counts) < 0 or report.kept > report.asked or report.abstained > report.asked:
        _disbelieve("counts of questions and tokens", str(counts))
    names = report.reported
    if len(names) > _MOST_NAMES or not all(len(one) <= _LONGEST_NAME and one.isprintable() for one in names):
        _disbelieve(f"at most {_MOST_NAMES} short names of what answered", str(list(names)[:3])[:200])
    if sum(names.values()) != report.asked or min(names.values(), default=0) < 0:
        _disbelieve(f"{report.asked} answers by those names", str(sum(names.values())))


def _disbelieve(wanted: str, got: str) -> NoReturn:
    raise EngineError(f"{wanted} expected from a sampler, got {got}; its result is not used: run again")
