"""Runs that many tests look at, and that each is made once: nobody may change them; take a copy."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.tiny_run import End, Machine, blow, gone, processes_of, wait_for

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Ended:
    """A run folder and what the program said while it ran."""

    folder: Path
    said: str


@dataclass(frozen=True)
class Suffered:
    """A run that was stopped and killed again and again, and how each session ended.

    second: a `run` beside the one that was terminated. working: processes when the kill came; `alone`: none after.
    """

    folder: Path
    interrupted: End
    second: Done
    terminated: End
    terminated_pid: int
    working: int
    killed: End
    alone: bool
    last: Done


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that has its steward's key already."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="session")
def founded(machine: Machine) -> Path:
    """A run folder that was never run."""
    return machine.found("founded")


@pytest.fixture(scope="session")
def finished(machine: Machine, founded: Path) -> Ended:
    """The same run after its one generation, undisturbed."""
    folder = machine.copy(founded, "finished")
    ran = machine.detent("run", folder, "--generations", "1")
    assert ran.returncode == 0, ran.stderr
    return Ended(folder, ran.stdout)


@pytest.fixture(scope="session")
def leased(machine: Machine, finished: Ended) -> Path:
    """The finished run with another generation granted."""
    folder = machine.copy(finished.folder, "leased")
    assert machine.detent("lease", folder, "--generations", "1").returncode == 0
    return folder


@pytest.fixture(scope="session")
def suffered(machine: Machine, founded: Path) -> Suffered:
    """The same run, stopped by Ctrl-C and SIGTERM, killed in mid-training, and run to its end."""
    folder = machine.copy(founded, "suffered")

    process = machine.start("run", folder)
    wait_for("subject/v1/0", folder, process)
    interrupted = blow(signal.SIGINT, process)

    process = machine.start("run", folder)
    wait_for("session/v1", folder, process, times=2)
    second = machine.detent("run", folder)
    pid = process.pid
    terminated = blow(signal.SIGTERM, process)

    process = machine.start("run", folder)
    wait_for("audit/v1", folder, process)
    time.sleep(0.3)  # a candidate is being trained
    working = len(processes_of(folder))
    killed = blow(signal.SIGKILL, process)
    alone = gone(folder)

    last = machine.detent("run", folder)
    return Suffered(folder, interrupted, second, terminated, pid, working, killed, alone, last)
