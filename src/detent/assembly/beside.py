"""A program beside this one, for what is another's: it ends in time, or is ended with all that it started.

    >>> run_beside([sys.executable, "-c", "raise SystemExit('no')"], is_late=lambda: False)
    Ended(status=1, said='no')

It is asked nothing, and what it prints is not read, but for the end of its standard error: that may say why it failed.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import sleep
from typing import IO

PERIOD = 0.05
"""Seconds between two looks at whether it has ended, or is late."""

_TAIL = 1 << 16
_CHUNK = 1 << 16


class LateError(Exception):
    """It had not ended in time, and was ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. status: as in subprocess. said: the last line of its standard error."""

    status: int
    said: str


def run_beside(
    command: Sequence[str], *, is_late: Callable[[], bool], environment: Mapping[str, str] | None = None
) -> Ended:
    """Run it to its end, in a session of its own.

    Raises:
        LateError: `is_late` held before its end.
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    tail = bytearray()
    reader = threading.Thread(target=_read, args=(process.stderr, tail), daemon=True)
    reader.start()
    try:
        while not _has_ended(process.pid):
            if is_late():
                raise LateError
            sleep(PERIOD)
    finally:
        # Its number is nobody else's until it is waited for. What it left running would hold its pipe for ever.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        reader.join(1.0)
    lines = bytes(tail).decode(errors="replace").strip().splitlines()
    return Ended(status, lines[-1] if lines else "no reason given")


def _has_ended(pid: int) -> bool:
    """Whether it has, without letting go of its number."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _read(pipe: IO[bytes], tail: bytearray) -> None:
    with pipe:
        while said := os.read(pipe.fileno(), _CHUNK):
            tail += said
            del tail[:-_TAIL]
