"""A run so small that it takes seconds, through the real program: its charter, its machine, what it wrote.

    >>> machine = Machine(tmp_path)
    >>> machine.found()
    >>> machine.detent("run", machine.run).returncode
    0

Two tasks: copy, which it only begins to learn, and one of the user's own whose rule holds at every length, so
that there are labels to make. The first training is stopped early, so that the next generation is better for
sure and reaches the gate.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, log_verify_key, signed_charter
from detent.ledger import Ledger, LedgerReader
from detent.signing import SigningKey
from detent.values import Entry, SessionStarted

CLOCK = "2026-01-31T12:00:00Z"

PATIENCE = 300.0
"""Seconds after which something that is waited for counts as never: not how long it takes, on any machine."""

CHARTER = """\
name = "tiny"
purpose = "Test the whole program"

[stewards]
quorum = 1

[pace]
lease = { generations = 1 }

[direction]
improve = { copy = 4, first = 5 }

[tasks.first]
source = "first.py:First"

[constraints]
non_inferiority_margin = 0.3
mastery_floor = 0.5
error_budget = 0.5

[subject]
layers = 2
hidden = 64
intermediate = 64
heads = 2

[recipe]
team = 2
seed_levels = 3
seed_problems = 100
seed_steps = 25
steps = 40
batch = 32
profile_problems = 32
audit = 20
label_prompts = 60
label_keep = 30
review_prompts = 20
confidence = 0.1
mix = { newest = 0.2, earlier = 0.1, seed = 0.7 }

[gate]
items = { superiority = 400, non_inferiority = 200 }

[run]
seed = 1
threads = 1
"""

FIRST = '''\
"""First: the first digit of a string of digits.

    F314=  ->  3
"""

from detent.tasks import Problem, Rng


class First:
    name = "first"

    def problem(self, level: int, rng: Rng) -> Problem:
        digits = "".join(str(rng.randrange(10)) for _ in range(level))
        return Problem(f"F{digits}=", digits[0])

    def check(self, problem: Problem, completion: str) -> bool:
        return completion == problem.answer
'''


Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Machine:
    """A user's machine: a data folder with keys, a charter's draft, and one run folder. The clock stands still."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.root / "run"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DETENT_DATA": str(self.data), "DETENT_CLOCK": CLOCK}

    @property
    def secrets(self) -> Path:
        """Where the run's seal and log key lie."""
        return self.data / "runs" / signed_charter(RunFolder(self.run)).charter.seal.tip[:16]

    def detent(self, *words: str | Path, seconds: float = PATIENCE) -> Done:
        """Run the program to its end."""
        return subprocess.run(
            command(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start the program, in a session of its own."""
        return subprocess.Popen(
            command(*words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def draft(self, text: str = CHARTER, task: str = FIRST) -> Path:
        """Write a charter's draft, with the user's own task beside it; returns its path."""
        home = self.root / "home"
        home.mkdir(parents=True, exist_ok=True)
        (home / "first.py").write_text(task)
        (home / "charter.toml").write_text(text)
        return home / "charter.toml"

    def found(self, text: str = CHARTER) -> None:
        """Make the run folder."""
        made = self.detent("init", self.run, "--from", self.draft(text))
        assert made.returncode == 0, made.stderr

    def copy(self, root: Path) -> "Machine":
        """The same machine once more: the same keys, seal and run."""
        return Machine(Path(shutil.copytree(self.root, root, symlinks=True)))

    def cut(self, root: Path, size: int) -> "Machine":
        """A copy as `kill -9` would have left it when the ledger had so many entries.

        What belongs to later entries stays: models, data and answers are stored before the ledger names them.
        """
        copy = self.copy(root)
        copy.forget()
        copy.set_back(size)
        return copy

    def set_back(self, size: int) -> None:
        """Make the ledger what it was when it had so many entries."""
        kept, key = raw_entries(self.run)[:size], SigningKey.load(self.secrets / "log.pem")
        shutil.rmtree(self.run / "ledger")
        with Ledger.create(self.run / "ledger", key, key.name) as ledger:
            for entry in kept:
                ledger.append(entry)

    def forget(self) -> None:
        """Remove the note of how far the run had come."""
        (self.secrets / "mark").unlink(missing_ok=True)


def command(*words: str | Path) -> list[str]:
    """The program's command line, as it was installed beside this Python."""
    return [str(Path(sysconfig.get_path("scripts")) / "detent"), *map(str, words)]


def entries(folder: Path) -> list[Entry]:
    """What is on a run's ledger now."""
    return entries_of(RunFolder(folder))


def raw_entries(folder: Path) -> list[bytes]:
    """The same as bytes."""
    run = RunFolder(folder)
    return list(LedgerReader(run.ledger, log_verify_key(run)).entries())


def kinds(folder: Path) -> list[str]:
    """The entries' slots, in order: `charter/v1`, `lease/v1`, `session/v1`, `data/v1`, `subject/v1/0`, ..."""
    return [entry.slot for entry in entries(folder)]


def turned(found: Iterable[Entry]) -> list[Entry]:
    """The entries without those that say that a session began: what a run with any number of them shares."""
    return [entry for entry in found if not isinstance(entry, SessionStarted)]


def wait_for(
    slot: str, folder: Path, process: subprocess.Popen[str], times: int = 1, seconds: float = PATIENCE
) -> None:
    """Return when the ledger has so many entries of that slot; fails when the process ends before."""
    wait_until(lambda: kinds(folder).count(slot) >= times, process, seconds)


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str], seconds: float = PATIENCE) -> None:
    """Return when it holds; fails when the process ends before."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_work(process: subprocess.Popen[str], seconds: float = 0.1) -> None:
    """Return when the processes below this one have computed for so long: what they were given is under way."""
    before, most = computed_below(process.pid), dict[int, float]()

    def worked() -> bool:
        for pid, used in computed_below(process.pid).items():
            most[pid] = max(most.get(pid, 0.0), used - before.get(pid, 0.0))
        return sum(most.values()) >= seconds  # those that have ended meanwhile count too

    wait_until(worked, process)


def computed_below(pid: int) -> dict[int, float]:
    """Seconds of processor time of each process that descends from this one."""
    parents, used = {}, {}
    for place in Path("/proc").iterdir():
        try:
            stat = (place / "stat").read_text() if place.name.isdigit() else ""
        except OSError:
            continue
        if stat:
            fields = stat[stat.rindex(")") + 2 :].split()
            parents[int(place.name)] = int(fields[1])
            used[int(place.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    below = {pid}
    while found := {child for child, parent in parents.items() if parent in below} - below:
        below |= found
    return {child: used[child] for child in below - {pid}}


@contextmanager
def standing_still(process: subprocess.Popen[str]) -> Iterator[None]:
    """It is there, and does nothing, while the block runs: what is done beside it cannot come too late."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


class End(NamedTuple):
    """How a process ended."""

    status: int
    output: str
    errors: str


def blow(number: signal.Signals, process: subprocess.Popen[str]) -> End:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    return End(process.returncode, output, errors)


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that were told this folder's path."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            line = (place / "cmdline").read_bytes() if place.name.isdigit() else b""
        except OSError:
            continue
        if str(folder).encode() in line:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def gone(folder: Path, seconds: float = 30) -> bool:
    """Whether all processes of a run end in time."""
    deadline = time.monotonic() + seconds
    while processes_of(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def content(folder: Path) -> dict[str, bytes | str]:
    """Every file below a folder, and where every link leads."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
