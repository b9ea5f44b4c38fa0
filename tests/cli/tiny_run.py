"""A run so small that it takes seconds, through the real program: its charter, its machine, what it wrote.

    >>> machine = Machine(tmp_path)
    >>> folder = machine.found("run")
    >>> machine.detent("run", folder).returncode
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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, log_verify_key, signed_charter
from detent.ledger import Ledger, LedgerReader
from detent.signing import SigningKey
from detent.values import Entry, SessionStarted

CLOCK = "2026-01-31T12:00:00Z"

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


@dataclass(frozen=True)
class Machine:
    """A user's machine: a data folder with keys, and a place for run folders. The clock stands still."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DETENT_DATA": str(self.data), "DETENT_CLOCK": CLOCK}

    def detent(self, *words: str | Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            _command(words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start the program, in a session of its own."""
        return subprocess.Popen(
            _command(words),
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

    def found(self, name: str, text: str = CHARTER) -> Path:
        """A new run folder."""
        folder = self.root / name
        made = self.detent("init", folder, "--from", self.draft(text))
        assert made.returncode == 0, made.stderr
        return folder

    def copy(self, folder: Path, name: str) -> Path:
        """A second folder of the same run; keys and seal are filed under the seal's tip, so they serve both."""
        return Path(shutil.copytree(folder, self.root / name, symlinks=True))

    def secrets(self, folder: Path) -> Path:
        """Where the run's seal and log key lie."""
        return self.data / "runs" / signed_charter(RunFolder(folder)).charter.seal.tip[:16]

    def log_key(self, folder: Path) -> SigningKey:
        """The key that signs the run's ledger."""
        return SigningKey.load(self.secrets(folder) / "log.pem")

    def cut(self, folder: Path, name: str, entries: int) -> Path:
        """The folder as `kill -9` would have left it when the ledger had so many entries.

        What belongs to later entries stays: models, data and answers are stored before the ledger names them.
        """
        copy = self.copy(folder, name)
        shutil.rmtree(copy / "ledger")
        key = self.log_key(folder)
        with Ledger.create(copy / "ledger", key, key.name) as ledger:
            for entry in raw_entries(folder)[:entries]:
                ledger.append(entry)
        return copy


def _command(words: tuple[str | Path, ...]) -> list[str]:
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
    slot: str, folder: Path, process: subprocess.Popen[str], times: int = 1, seconds: float = 120
) -> None:
    """Return when the ledger has so many entries of that slot; fails when the process ends before."""
    deadline = time.monotonic() + seconds
    while kinds(folder).count(slot) < times:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, kinds(folder)
        time.sleep(0.01)


class End(NamedTuple):
    """How a process ended."""

    status: int
    output: str
    errors: str


def blow(number: signal.Signals, process: subprocess.Popen[str]) -> End:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
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


def gone(folder: Path, seconds: float = 5) -> bool:
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
