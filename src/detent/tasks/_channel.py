"""A child process, lines sent to it and read from it, each before its deadline. It knows nothing of tasks."""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence

LINE_LIMIT = 1 << 20
"""Bytes a reply line may have; a child that says more is not believed."""

TAIL = 1 << 14
"""Bytes of the child's standard error that are kept."""


GRACE = 0.2
"""Seconds between a child's closed pipe and its end, before it is made to end."""


class SilenceError(Exception):
    """The deadline passed and nothing came."""


class EndedError(Exception):
    """The child closed its pipe or said what is no line. `status` as in subprocess."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Channel:
    """The process `argv`, in an empty folder, with a clean environment and a session of its own.

    Raises OSError when it cannot be started.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="detent-task-")
        try:
            self._process = _started(argv, self._folder.name)
        except OSError:
            self._folder.cleanup()
            raise
        self._in, self._out, self._err = _descriptors(self._process)
        self._waiting = b""
        self._tail = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)
        # Runs at close, when the channel is forgotten, and at exit: no process and no folder stays behind.
        self._end = weakref.finalize(self, _end, self._process, self._folder, self._selector)

    @property
    def last_words(self) -> str:
        """The end of what the child wrote to standard error."""
        return self._tail.decode("utf-8", "replace")

    def send(self, line: bytes, seconds: float) -> None:
        """Write one line.

        Raises:
            SilenceError: the child did not read it within `seconds`.
            EndedError: it is gone.
        """
        deadline = time.monotonic() + seconds
        rest = memoryview(line)
        self._selector.register(self._in, selectors.EVENT_WRITE)
        try:
            while rest:
                if self._in in self._ready(deadline):
                    rest = rest[os.write(self._in, rest) :]
        except BrokenPipeError:
            raise EndedError(self._status()) from None
        finally:
            self._selector.unregister(self._in)

    def receive(self, seconds: float) -> bytes:
        """The next line, without its newline. Raises as `send` does."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._waiting:
            if self._out in self._ready(deadline):
                self._hear()
        line, _, self._waiting = self._waiting.partition(b"\n")
        return line

    def close(self) -> None:
        """End the child, whatever it does, and wait for it. May be called twice."""
        self._end()

    def _ready(self, deadline: float) -> set[int]:
        """Descriptors that can be read or written; standard error is emptied on the way."""
        ready = {key.fd for key, _ in self._selector.select(max(0.0, deadline - time.monotonic()))}
        # A child that only floods its standard error has said nothing.
        if ready <= {self._err} and time.monotonic() >= deadline:
            raise SilenceError
        if self._err in ready and not self._listen():
            self._selector.unregister(self._err)
        return ready

    def _listen(self) -> bool:
        said = os.read(self._err, 1 << 16)
        self._tail = (self._tail + said)[-TAIL:]
        return bool(said)

    def _hear(self) -> None:
        said = os.read(self._out, 1 << 16)
        self._waiting += said
        if not said or len(self._waiting) > LINE_LIMIT:
            raise EndedError(self._status())

    def _status(self) -> int:
        """How the child ended; one that closed its pipe and lives on is killed."""
        time.sleep(GRACE)
        _kill(self._process)
        status = self._process.wait()
        os.set_blocking(self._err, False)
        with contextlib.suppress(BlockingIOError):  # a grandchild may hold the pipe open
            while self._listen():
                pass
        return status


def _started(argv: Sequence[str], folder: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=folder,
        env=_clean_environment(),
        start_new_session=True,
    )


def _descriptors(process: "subprocess.Popen[bytes]") -> tuple[int, int, int]:
    pipes = (process.stdin, process.stdout, process.stderr)
    first, second, third = (pipe.fileno() for pipe in pipes if pipe is not None)
    os.set_blocking(first, False)
    return first, second, third


def _clean_environment() -> dict[str, str]:
    """PATH, LANG and Python's own. Without a fixed hash seed: code that depends on it must show."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "LANG"} or (name.startswith("PYTHON") and name != "PYTHONHASHSEED")
    }
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the child and all it started. Before it is waited for: until then its number is nobody else's."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(
    process: "subprocess.Popen[bytes]",
    folder: "tempfile.TemporaryDirectory[str]",
    selector: selectors.BaseSelector,
) -> None:
    selector.close()
    if process.stdin is not None:
        process.stdin.close()
    _kill(process)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    folder.cleanup()
