"""Run folders for the dashboard's tests: a real charter and ledger, made-up generations, no model.

>>> run = Made.new(tmp_path / "demo", generations=3)
>>> run.write(more_entries)
"""

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.report.synthetic_run import EVENTFUL, ledger

from detent.assembly import create_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import log_key, signed_charter
from detent.ledger import Ledger
from detent.signing import canonical
from detent.values import (
    CandidateTrained,
    DataMade,
    Diagnosed,
    Entry,
    LeaseGranted,
    Origin,
    Profile,
    Profiled,
    Suggested,
    Tune,
    entry_document,
    sha256_hex,
)

BEFORE = 2
"""Entries that `init` writes: the charter and the first lease."""


@dataclass(frozen=True)
class Made:
    """A run folder whose ledger a test can write on."""

    folder: Path

    @classmethod
    def new(cls, folder: Path, generations: int = 3, seed: int = EVENTFUL, trials: int = 0) -> "Made":
        """A run that was begun and went so far; in each generation so many trials, three entries each."""
        create_run(folder)
        made = cls(folder)
        entries = ledger(generations, seed)[BEFORE:]
        made.write([_lease(generations), *(tried(entries, trials) if trials else entries)])
        return made

    def write(self, entries: Iterable[Entry]) -> None:
        """Append to the ledger, as its writer would."""
        run = RunFolder(self.folder)
        with Ledger.open(run.ledger, log_key(signed_charter(run))) as writer:
            writer.extend([canonical(entry_document(entry)) for entry in entries])


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def data_folder(folder: Path) -> None:
    """Where keys of runs go that are made from here on."""
    os.environ["DETENT_DATA"] = str(folder)


def _lease(generations: int) -> LeaseGranted:
    return LeaseGranted(
        at="2026-01-01T00:00:00Z",
        number=2,
        generations=generations + 1000,
        expires="2099-01-01T00:00:00Z",
        petaflop=1e6,
        envelope="{}",
    )


def tried(entries: list[Entry], trials: int) -> Iterator[Entry]:
    """The same ledger, in each of whose generations so many changes less one were tried, and the plan as it is."""
    pattern = next(entry for entry in entries if isinstance(entry, CandidateTrained))
    profile = next(entry.profile for entry in entries if isinstance(entry, Profiled))
    for entry in entries:
        yield entry
        if isinstance(entry, Diagnosed):
            changes = tuple(
                Tune({"recipe.steps": 100 + number}, by="search", because="steps may matter")
                for number in range(1, trials)
            )
            yield Suggested(at=entry.at, generation=entry.generation, changes=changes, because="none moved")
            for number in range(trials):
                yield from _trial(entry, f"{number}.0", pattern, profile)


def _trial(entry: Entry, trial: str, pattern: CandidateTrained, profile: Profile) -> Iterator[Entry]:
    stamp: dict[str, Any] = {"at": entry.at, "generation": entry.generation, "trial": trial}
    digest = sha256_hex(f"{entry.generation} {trial}".encode())
    fields = {name: getattr(pattern, name) for name in pattern.__struct_fields__} | stamp
    counts = {task: {"6": 400, "7": 380} for task in profile.scores}
    origin = Origin("self", (pattern.parent,), "confidence .900")
    yield DataMade(**stamp, digest=digest, origin=origin, counts=counts, offered=counts, stream="05" * 32)
    yield CandidateTrained(**fields | {"member": 0, "digest": digest})
    measured = Profile(digest, profile.scores)
    yield Profiled(**stamp, purpose="visible", member=0, profile=measured, stream="05" * 32, flops=1e9)
