"""Runs that many tests look at, and that each is made once: nobody may change them; take a copy."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.tiny_run import (
    Done,
    End,
    Machine,
    blow,
    gone,
    processes_of,
    standing_still,
    wait_for,
    wait_for_work,
    wait_until,
)


@dataclass(frozen=True)
class Suffered:
    """A run that was stopped and killed again and again, and how each session ended.

    second: a command beside the one that was terminated.
    working: processes when the kill came; `alone`: none after.
    """

    run: Path
    interrupted: End
    second: Done
    terminated: End
    terminated_pid: int
    working: int
    killed: End
    alone: bool
    last: Done


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with a run folder that was never run."""
    machine = Machine(tmp_path_factory.mktemp("founded"))
    machine.found()
    return machine


@pytest.fixture(scope="session")
def said(founded: Machine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, str]:
    """The same run after its one generation, undisturbed, and what it said."""
    machine = founded.copy(tmp_path_factory.mktemp("finished") / "machine")
    ran = machine.detent("run", machine.run, "--generations", "1")
    assert ran.returncode == 0, ran.stderr
    return machine, ran.stdout


@pytest.fixture(scope="session")
def finished(said: tuple[Machine, str]) -> Machine:
    """The same run after its one generation, undisturbed."""
    return said[0]


@pytest.fixture(scope="session")
def leased(finished: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The finished run with another generation granted."""
    machine = finished.copy(tmp_path_factory.mktemp("leased") / "machine")
    assert machine.detent("lease", machine.run, "--generations", "1").returncode == 0
    return machine


@pytest.fixture(scope="session")
def suffered(founded: Machine, tmp_path_factory: pytest.TempPathFactory) -> Suffered:
    """The same run, stopped by Ctrl-C and SIGTERM, killed in mid-training, and run to its end."""
    machine = founded.copy(tmp_path_factory.mktemp("suffered") / "machine")
    run = machine.run

    process = machine.start("run", run)
    wait_until(lambda: len(list((run / "models").iterdir())) >= 2, process)  # untrained ones
    wait_for_work(process)  # the first team is being trained
    interrupted = blow(signal.SIGINT, process)

    process = machine.start("run", run)
    wait_for("session/v1", run, process, times=2)
    with standing_still(process):
        second = machine.detent("run", run)
    pid = process.pid
    terminated = blow(signal.SIGTERM, process)

    process = machine.start("run", run)
    wait_for("audit/v1", run, process)
    wait_for_work(process)  # a candidate is being trained
    working = len(processes_of(run))
    killed = blow(signal.SIGKILL, process)
    alone = gone(run)

    last = machine.detent("run", run)
    return Suffered(run, interrupted, second, terminated, pid, working, killed, alone, last)
