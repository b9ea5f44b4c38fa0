"""What becomes of a worker when its overseer dies, is interrupted, or only ends a thread."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detent.engine import confinement, worker_prefix
from detent.engine._process import WorkerProcess

BUSY = """
import os, time
from detent.worker.__main__ import _end_with_parent
_end_with_parent()
os.write(1, b'{"type":"ready"}\\n')
time.sleep(60)
"""
"""A worker in a job that does not look at its pipe."""

OVERSEER = """
import sys
from pathlib import Path
from detent.engine import worker_prefix
from detent.engine._process import WorkerProcess
from detent.values import BuildJob
busy, token, log = sys.argv[1:]
prefix = worker_prefix(readable=[], writable=[], environment={})
worker = WorkerProcess([*prefix, sys.executable, "-P", "-c", busy, token], Path(log), 60)
worker.ready()
print("ready", flush=True)
worker.ask(BuildJob(seed=1), print)
"""

WAYS = {
    "bubblewrap": pytest.param(
        os.environ.get("PATH", ""),
        id="confined",
        marks=pytest.mark.skipif(not confinement().confined, reason=confinement().because or "confined"),
    ),
    "bare": pytest.param("/nowhere", id="unconfined"),
}


def processes_with(token: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and token.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("path", WAYS.values())
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda blow: blow.name)
def test_a_worker_does_not_outlive_its_overseer(path: str, blow: signal.Signals, tmp_path: Path) -> None:
    token = f"token-{os.getpid()}-{time.monotonic_ns()}"
    with subprocess.Popen(
        [sys.executable, "-c", OVERSEER, BUSY, token, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PATH": path},
    ) as overseer:
        assert overseer.stdout is not None
        assert overseer.stdout.readline() == b"ready\n"
        assert len(processes_with(token)) > 1
        overseer.send_signal(blow)
        overseer.wait(timeout=3)
    assert within(3, lambda: processes_with(token) == [])


def test_a_worker_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    """Linux ties "die with your parent" to the thread that started the child."""
    command = [*worker_prefix(readable=[], writable=[], environment={}), sys.executable, "-P", "-c", BUSY]
    started: list[WorkerProcess] = []

    def start() -> None:
        started.append(WorkerProcess(command, tmp_path / "log", 20))
        started[0].ready()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    try:
        assert not within(0.3, lambda: not started[0].alive)
    finally:
        started[0].kill()


INTERRUPTED = """
import subprocess, sys, threading
from pathlib import Path
from detent.engine._process import WorkerProcess
real = threading.Thread.start
def start(thread):
    real(thread)
    threading.Thread.start = real
    raise KeyboardInterrupt  # as Ctrl-C comes: between any two steps
threading.Thread.start = start
try:
    WorkerProcess([sys.executable, "-c", "input()"], Path(sys.argv[1]), 60)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def test_an_overseer_interrupted_while_it_starts_a_worker_ends_all_the_same(tmp_path: Path) -> None:
    """It once waited for ever for a thread that nobody knew of any more."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "logs" / "log")],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, b"stopped\n")
