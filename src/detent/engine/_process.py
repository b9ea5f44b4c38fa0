"""One worker process and the two pipes to it: lines go in, lines come out, silence has a limit."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import IO, NoReturn, cast

import msgspec

from detent.disk import open_log, own_folder
from detent.engine.base import Watch
from detent.errors import EngineError, StorageError
from detent.values import Job, Progress, Result
from detent.values.jobs import decode_result, encode_line

READY = b'{"type":"ready"}'
"""What a worker says when it has loaded its libraries, and a nursery after every opening too."""

_LONGEST_LINE = 1 << 28
_CHUNK = 1 << 16
_MOST_LOGGED = 16 << 20
"""Bytes of one process's standard error that are kept; what it prints beyond is read and thrown away."""
_SIGNAL_STATUS = 128  # shells and bubblewrap end with 128 + n when what they ran died of signal n

Popen = subprocess.Popen[bytes]
Start = Callable[[], Popen]


class Starter:
    """Starts every process in one thread, which lives as long as this process does.

    Linux ends a child marked "die with your parent" when the *thread* that started it ends. A pool's thread would do,
    but for Ctrl-C: a pool that is interrupted just as it makes its thread forgets it, and waits for it for ever.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Start, Future[Popen]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, start: Start) -> Popen:
        """What `start` returns, or raises."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._answer, name="detent-starter", daemon=True)
            self._thread.start()
        started: Future[Popen] = Future()
        self._asked.put((start, started))
        return started.result()

    def _answer(self) -> None:
        while True:
            start, started = self._asked.get()
            try:
                started.set_result(start())
            except BaseException as error:  # noqa: BLE001  raised again where it is waited for
                started.set_exception(error)


_starter = Starter()


class WorkerProcess:
    """A running `python -m detent.worker`, in a session of its own so that Ctrl-C is the overseer's to decide.

    Every EngineError, and every exception that leaves a job half done, ends the process.
    """

    def __init__(self, command: Sequence[str], log: Path, stall_seconds: float, first: bytes = b"") -> None:
        """Start it; what it writes on standard error goes to the end of `log`.

        first: a line that it is told before it is ready; unlike its command line, nobody else can read that.

        Raises:
            EngineError: the command cannot be started.
            StorageError: the log cannot be written.
        """
        self._log = log
        self._stall_seconds = stall_seconds
        self._process = _start(command, log)
        self._in, self._out = _pipes(self._process)
        self._logger = threading.Thread(target=_keep_log, args=(self._process.stderr, log), daemon=True)
        self._logger.start()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._unsent = memoryview(b"")
        self._heard = bytearray()
        self._deadline = 0.0
        self._first = first
        self._is_ready = False

    @property
    def pid(self) -> int:
        """Process id; under bubblewrap that of bwrap itself."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as is known."""
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait until it has said so.

        Raises:
            EngineError: it ended, or was silent for too long.
        """
        if self._is_ready:
            return
        with self._or_killed():
            if self._first:
                self._send(self._first + b"\n")
            line = self._next_line()
            if line != READY:
                self._fail(f"{READY.decode()} expected from a starting worker, got {_short(line)}")
        self._is_ready = True

    def ask(self, job: Job, watch: Watch) -> Result:
        """Send one job and wait for its result, which may be a `JobFailure`.

        Raises:
            EngineError: it ended, was silent for too long, or did not keep to the protocol.
        """
        return cast("Result", self.converse(encode_line(job), decode_result, watch))

    def converse(self, line: bytes, decode: Callable[[bytes], object], watch: Watch) -> object:
        """Send one line and wait for what answers it, as `decode` reads that; else as `ask`."""
        self.ready()
        with self._or_killed():
            self._send(line + b"\n")
            while isinstance(said := self._record(decode), Progress):
                watch(said)
            return said

    def end(self) -> None:
        """End it now, with all it started; for a thread other than the one that waits in `ask`, which hears of it.

        The pipes stay open: what waits on one that is closed under it is never woken.
        """
        if self._process.poll() is None:  # until it is waited for, its number is nobody else's
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it now, with all it started, and let go of it. May be called again."""
        self.end()
        self._process.wait()
        self._logger.join(1.0)  # what it said last is in the log; who else has the pipe is not waited for
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]  # both were asked for

    @contextlib.contextmanager
    def _or_killed(self) -> Iterator[None]:
        try:
            yield
        except BaseException:  # Ctrl-C and errors of `watch` too: a worker in mid-job cannot be given another
            self.kill()
            raise

    def _send(self, line: bytes) -> None:
        self._unsent = memoryview(line)
        self._selector.register(self._in, selectors.EVENT_WRITE)
        self._deadline = time.monotonic() + self._stall_seconds

    def _record(self, decode: Callable[[bytes], object]) -> object:
        line = self._next_line()
        try:
            return decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._fail(f"a result line expected from the worker, got {_short(line)} ({error})")

    def _next_line(self) -> bytes:
        self._deadline = time.monotonic() + self._stall_seconds
        end = self._heard.find(b"\n")
        while end < 0:
            seen = len(self._heard)
            if seen > _LONGEST_LINE:
                self._fail(
                    f"a line of at most {_LONGEST_LINE} bytes expected from the worker, got a longer one"
                )
            self._exchange()
            end = self._heard.find(b"\n", seen)
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        return line

    def _exchange(self) -> None:
        """Wait for either pipe, then write what fits and read what is there."""
        events = self._selector.select(max(0.0, self._deadline - time.monotonic()))
        if not events:
            self._lose(
                f"a word from the worker at least every {self._stall_seconds:g} s expected, got silence; "
                "it was ended: run again"
            )
        self._deadline = time.monotonic() + self._stall_seconds
        for key, _ in events:
            if key.fd == self._in:
                self._write()
            else:
                self._read()

    def _write(self) -> None:
        # A worker that is gone cannot be written to; the end of its other pipe tells, and how it ended.
        with contextlib.suppress(BrokenPipeError):
            self._unsent = self._unsent[os.write(self._in, self._unsent[:_CHUNK]) :]
            if self._unsent:
                return
        self._unsent = memoryview(b"")
        self._selector.unregister(self._in)

    def _read(self) -> None:
        said = os.read(self._out, _CHUNK)
        if not said:
            self._lose(f"a result expected from the worker, got its end: {self._ending()}")
        self._heard += said

    def _ending(self) -> str:
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it closed its pipe; it was ended: run again"
        number = -status if status < 0 else status - _SIGNAL_STATUS
        if number == signal.SIGKILL:
            return "it was killed (SIGKILL), as Linux does when memory runs out: give it less to do, then run again"
        if number in set(signal.Signals):
            return f"it died of {signal.Signals(number).name}; run again"
        return f"it ended with status {status}; run again"

    def _lose(self, sentence: str) -> NoReturn:
        error = EngineError(f"{sentence} (the worker's log: {self._log})")
        error.lost = True
        raise error

    def _fail(self, sentence: str) -> NoReturn:
        raise EngineError(f"{sentence} (the worker's log: {self._log})")


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    try:
        own_folder(log.parent)
        open_log(log).close()
    except OSError as error:
        raise StorageError(f"a log at {log} that can be written expected, got {error}; free space") from error
    try:
        # The command brings its own environment; nothing of ours is passed on.
        return _starter.start(
            lambda: subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                start_new_session=True,
            )
        )
    except OSError as error:
        raise EngineError(f"a worker that starts expected, got {error}; check {command[0]}") from error


def _keep_log(errors: IO[bytes], log: Path) -> None:
    """Append what a process writes on standard error to the log, up to an end; a full disk stops the log alone."""
    left = _MOST_LOGGED
    with errors:
        while said := os.read(errors.fileno(), _CHUNK):
            kept, left = said[:left], max(0, left - len(said))
            if kept and not left:
                kept += b"\n[what it printed beyond this is not kept]\n"
            with contextlib.suppress(OSError, StorageError), open_log(log) as file:
                file.write(kept)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise EngineError("three pipes to the worker expected, got none")
    descriptors = process.stdin.fileno(), process.stdout.fileno()
    for descriptor in descriptors:
        os.set_blocking(descriptor, False)
    return descriptors


def _short(line: bytes) -> str:
    return repr(line[:80].decode(errors="replace")) + ("..." if len(line) > 80 else "")  # noqa: PLR2004
