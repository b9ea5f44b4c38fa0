"""A run that is stopped, killed or torn goes on as if nothing had happened: what it makes is the same.

The twin is a run of the same folder, keys and seal that nothing disturbed. Entries that say when a session
began apart, both write the same up to the first opening; from there on the ledger's own hashes, which sessions
are part of, decide the problems.
"""

import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Suffered
from tests.cli.tiny_run import (
    Machine,
    blow,
    content,
    entries,
    gone,
    kinds,
    raw_entries,
    turned,
    wait_for,
)

from detent.assembly import verify_run
from detent.values import (
    CandidateTrained,
    DataMade,
    Decided,
    OutcomeWritten,
    SessionStarted,
    SubjectBuilt,
)

MADE = (SubjectBuilt, CandidateTrained, DataMade)
"""Entries whose digests name what was trained and labelled."""


def made(folder: Path) -> list[str]:
    """Digests of all models and data, in order."""
    return [entry.digest for entry in entries(folder) if isinstance(entry, MADE)]


def decisions(folder: Path) -> list[tuple[int, str]]:
    return [(entry.generation, entry.decision) for entry in entries(folder) if isinstance(entry, Decided)]


def outcomes(folder: Path) -> list[OutcomeWritten]:
    return [entry for entry in entries(folder) if isinstance(entry, OutcomeWritten)]


def assert_sound(folder: Path) -> None:
    """`verify` finds nothing, and nothing half done or running is left."""
    assert verify_run(folder).faults == []
    assert gone(folder)
    assert sorted(path.name for path in (folder / "staging").iterdir()) == []
    assert [path for path in folder.rglob("*") if path.name.startswith((".incoming-", ".new"))] == []
    assert not (folder / "reports" / "report.partial").exists()


def test_ctrl_c_stops_cleanly(suffered: Suffered) -> None:
    status, output, errors = suffered.interrupted
    assert (status, errors) == (130, "")
    assert re.fullmatch(r"stopped; nothing is lost. Go on with: detent run \S+\n", output)


def test_sigterm_stops_cleanly(suffered: Suffered) -> None:
    assert (suffered.terminated.status, suffered.terminated.errors) == (130, "")


def test_a_second_run_is_refused_and_told_who_holds_the_folder(suffered: Suffered) -> None:
    assert suffered.second.returncode == 8
    assert re.fullmatch(rf"detent: .* process {suffered.terminated_pid} since .*\n", suffered.second.stderr)


def test_kill_9_leaves_no_worker_behind(suffered: Suffered) -> None:
    assert suffered.killed.status == -signal.SIGKILL
    assert suffered.working > 1
    assert suffered.alone


def test_a_run_goes_on_after_each_end(suffered: Suffered) -> None:
    assert suffered.last.returncode == 0, suffered.last.stderr
    assert sum(isinstance(entry, SessionStarted) for entry in entries(suffered.folder)) == 4
    assert_sound(suffered.folder)


def test_no_generation_is_lost_or_counted_twice(suffered: Suffered, finished: Ended) -> None:
    assert [generation for generation, _ in decisions(suffered.folder)] == [0, 1]
    assert decisions(suffered.folder) == decisions(finished.folder)


def test_models_and_labels_are_the_same_as_without(suffered: Suffered, finished: Ended) -> None:
    assert made(suffered.folder) == made(finished.folder)


def test_generation_0_is_the_same_up_to_its_fresh_problems(suffered: Suffered, finished: Ended) -> None:
    fresh = kinds(finished.folder).index("profile/v1/fresh")
    same = turned(entries(finished.folder)[:fresh])
    assert turned(entries(suffered.folder))[: len(same)] == same


def cut_after(slot: str, machine: Machine, twin: Path, name: str) -> Path:
    """What a kill after the last entry of that slot would have left of `twin`."""
    slots = kinds(twin)
    return machine.cut(twin, name, len(slots) - slots[::-1].index(slot))


def tear(folder: Path, twin: Path) -> None:
    """Leave torn what a kill in the middle of a write leaves: of each file that is still to be written, a part."""
    (folder / "ledger" / ".new").write_bytes(b"\x00" * 100)
    (folder / "reports" / "report.partial").write_text("<html")
    (folder / "logs" / "worker.log").write_bytes(b"\xff\xfe torn")
    if "outcome/v1" not in kinds(folder):
        answers = outcomes(twin)[0].outcome.answers
        (folder / "answers" / answers).rename(folder / "answers" / f".incoming-{answers}")
        os.truncate(folder / "answers" / f".incoming-{answers}", 100)
    if "candidate/v1/1" not in kinds(folder):
        for torn in (folder / "models" / ".incoming-model", folder / "staging" / "trained-0123456789ab"):
            torn.mkdir()
            (torn / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")


def test_a_cut_is_what_a_run_that_was_killed_there_has(machine: Machine, finished: Ended) -> None:
    """The ledger that the tests below start from is the real one's, byte for byte."""
    cut = machine.cut(finished.folder, "cut-nowhere", len(kinds(finished.folder)))
    assert content(cut / "ledger") == content(finished.folder / "ledger")


def test_an_opening_that_was_cut_short_asks_the_same_problems(machine: Machine, finished: Ended) -> None:
    folder = cut_after("intent/v1", machine, finished.folder, "cut-opening")
    tear(folder, finished.folder)
    ran = machine.detent("run", folder)
    assert ran.returncode == 0, ran.stderr
    assert outcomes(folder) == outcomes(finished.folder)
    assert content(folder / "answers") == content(finished.folder / "answers")
    assert decisions(folder) == decisions(finished.folder)
    assert made(folder) == made(finished.folder)
    assert_sound(folder)


def test_a_run_killed_between_decision_and_link_mends_the_link(machine: Machine, finished: Ended) -> None:
    folder = cut_after("decision/v1", machine, finished.folder, "cut-link")
    link = folder / "models" / "incumbent"
    first = next(entry.digest for entry in entries(folder) if isinstance(entry, SubjectBuilt))
    in_force = link.readlink()
    link.unlink()
    link.symlink_to(first)
    link.with_name(".incoming-incumbent").symlink_to(in_force)
    (folder / "reports" / "report.html").write_text("an earlier one")
    ran = machine.detent("run", folder)
    assert ran.returncode == 0, ran.stderr
    assert link.readlink() == in_force
    assert "an earlier one" not in (folder / "reports" / "report.html").read_text("utf-8")
    assert_sound(folder)


@pytest.mark.long
def test_a_run_cut_after_any_entry_makes_the_same(machine: Machine, finished: Ended) -> None:
    """Up to the intent all else is the same too, sessions apart."""
    whole = raw_entries(finished.folder)
    first = kinds(finished.folder).index("session/v1") + 1
    for size in range(first, len(whole)):
        folder = machine.cut(finished.folder, f"cut-{size}", size)
        tear(folder, finished.folder)
        ran = machine.detent("run", folder)
        assert ran.returncode == 0, (size, ran.stderr)
        assert raw_entries(folder)[:size] == whole[:size]
        assert made(folder) == made(finished.folder)
        assert decisions(folder) == decisions(finished.folder)
        assert_sound(folder)
        shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_again_and_again_at_random_gets_there(
    machine: Machine, founded: Path, finished: Ended, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  moments, not secrets
    folder = machine.copy(founded, f"killed-{seed}")
    for _ in range(12):
        process = machine.start("run", folder)
        time.sleep(rng.uniform(0.2, 9.0))
        if process.poll() is not None:
            break
        blow(signal.SIGKILL, process)
        assert gone(folder)
        assert verify_run(folder).faults == []
    last = machine.detent("run", folder)
    assert last.returncode == 0, last.stderr
    assert made(folder) == made(finished.folder)
    assert decisions(folder) == decisions(finished.folder)
    assert_sound(folder)


@pytest.mark.long
def test_an_impatient_second_ctrl_c_cuts_nothing_short(machine: Machine, founded: Path) -> None:
    folder = machine.copy(founded, "impatient")
    process = machine.start("run", folder)
    wait_for("data/v1", folder, process)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "")
    assert "nothing is lost" in output
    assert gone(folder)
