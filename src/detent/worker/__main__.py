"""Start a worker: take the pipes, load the libraries, say ready, then serve.

With `--nursery` instead of `--staging` it never runs a job itself: it forks a child for each opening, a worker
that has run no job before. An empty line ends an opening, and is answered with ready.
"""

import argparse
import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from detent.values import Result
from detent.values.wire import Wire

_SIGNAL_STATUS = 128
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36


class Work(Protocol):
    """What serves: in earnest a `_jobs.Bench`, whose module takes seconds to import."""

    def settle(self) -> None:
        """Get ready, in the process that will do the jobs."""

    def attempt(self, line: bytes) -> Result:
        """Do the job of one line; never raises."""


def main() -> None:
    """Serve until the overseer closes the pipe or ends."""
    options = _options()
    wire = Wire.taken()
    _end_with_parent()
    # Temporary files go to staging, which is swept. In a nursery nothing is writable, and yet a library that TRL brings
    # (dill) asks for a folder when it is imported: it gets a name.
    tempfile.tempdir = str(options.staging or "/tmp")  # noqa: S108
    from detent.worker._jobs import Bench  # noqa: PLC0415  seconds; and what it prints goes to the log only now

    bench = Bench(
        options.models, options.data, options.staging, options.threads, wire, options.device, options.states
    )
    try:
        wire.ready()
        if options.nursery:
            nurse(bench, wire)
        else:
            serve(bench, wire, wire.lines())
    except BrokenPipeError:
        return  # the overseer is gone, and with it everyone who could be told


def serve(work: Work, wire: Wire, lines: Iterable[bytes]) -> None:
    """Answer each job line, up to an empty one."""
    work.settle()
    for line in lines:
        if not line:
            return
        wire.send(work.attempt(line))


def nurse(work: Work, wire: Wire) -> None:
    """Fork a child for each opening and wait for it; end when it did not end well or left anything running."""
    _on_this_process(_PR_SET_CHILD_SUBREAPER, 1)
    lines = wire.lines()
    for first in lines:
        if not first:  # an opening in which nothing was asked
            wire.ready()
            continue
        child = os.fork()
        if child == 0:
            _as_child(work, wire, first)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            sys.exit(code if code > 0 else _SIGNAL_STATUS - code)
        if not _alone():
            sys.exit("no process left behind by an opening expected, got one; it could reach into the next")
        wire.ready()


def _as_child(work: Work, wire: Wire, first: bytes) -> None:
    """Serve one opening, and never come back."""
    status = 1
    try:
        _end_with_parent()
        serve(work, wire, _after(first, wire.lines()))
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _alone() -> bool:
    """Whether no child is left; children of children are this process's once their parent is gone."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _after(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


def _end_with_parent() -> None:
    """On Linux, be killed when the process that started this one ends; elsewhere the closed pipe has to do."""
    _on_this_process(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _on_this_process(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="detent.worker", description="Runs jobs; started by an engine.")
    parser.add_argument("--models", type=Path, required=True, help="folder of <digest>/")
    parser.add_argument("--data", type=Path, required=True, help="folder of <digest>.jsonl")
    parser.add_argument("--states", type=Path, help="folder of <digest>/ with what optimizers remember")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="what computes")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--staging", type=Path, help="folder for what is made")
    kind.add_argument("--nursery", action="store_true", help="a fresh worker for each opening")
    return parser.parse_args()


if __name__ == "__main__":
    main()
