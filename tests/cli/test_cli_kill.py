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
from tests.cli.conftest import Suffered
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
    assert sum(isinstance(entry, SessionStarted) for entry in entries(suffered.run)) == 4
    assert_sound(suffered.run)


def test_no_generation_is_lost_or_counted_twice(suffered: Suffered, finished: Machine) -> None:
    assert [generation for generation, _ in decisions(suffered.run)] == [0, 1]
    assert decisions(suffered.run) == decisions(finished.run)


def test_models_and_labels_are_the_same_as_without(suffered: Suffered, finished: Machine) -> None:
    assert made(suffered.run) == made(finished.run)


def test_generation_0_is_the_same_up_to_its_fresh_problems(suffered: Suffered, finished: Machine) -> None:
    fresh = kinds(finished.run).index("profile/v1/fresh")
    same = turned(entries(finished.run)[:fresh])
    assert turned(entries(suffered.run))[: len(same)] == same


def cut_after(slot: str, twin: Machine, root: Path) -> Machine:
    """What a kill after the last entry of that slot would have left of `twin`."""
    slots = kinds(twin.run)
    return twin.cut(root, len(slots) - slots[::-1].index(slot))


def tear(folder: Path, twin: Path) -> None:
    """Leave torn what a kill in the middle of a write leaves: of each file that is still to be written, a part."""
    (folder / "ledger" / ".new").write_bytes(b"\x00" * 100)
    (folder / "logs" / "worker.log").write_bytes(b"\xff\xfe torn")
    if "outcome/v1" not in kinds(folder):
        whole = folder / "answers" / outcomes(twin)[0].outcome.answers
        torn = whole.rename(whole.with_name(f".incoming-{whole.name}"))
        os.truncate(torn, 100)
        if "intent/v1" not in kinds(folder):  # nothing is asked before
            torn.unlink()
    if "candidate/v1/1" not in kinds(folder):
        for torn in (folder / "models" / ".incoming-model", folder / "staging" / "trained-0123456789ab"):
            torn.mkdir()
            (torn / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")


def test_a_cut_is_what_a_run_that_was_killed_there_has(finished: Machine, tmp_path: Path) -> None:
    """The ledger that the tests below start from is the real one's, byte for byte."""
    cut = finished.cut(tmp_path / "cut", len(kinds(finished.run)))
    assert content(cut.run / "ledger") == content(finished.run / "ledger")


def test_an_opening_that_was_cut_short_asks_the_same_problems(finished: Machine, tmp_path: Path) -> None:
    cut = cut_after("intent/v1", finished, tmp_path / "cut")
    tear(cut.run, finished.run)
    ran = cut.detent("run", cut.run)
    assert ran.returncode == 0, ran.stderr
    assert outcomes(cut.run) == outcomes(finished.run)
    assert content(cut.run / "answers") == content(finished.run / "answers")
    assert decisions(cut.run) == decisions(finished.run)
    assert made(cut.run) == made(finished.run)
    assert_sound(cut.run)


def test_a_run_killed_between_decision_and_link_mends_the_link(finished: Machine, tmp_path: Path) -> None:
    machine = finished.copy(tmp_path / "machine")
    link = machine.run / "models" / "incumbent"
    first = next(entry.digest for entry in entries(machine.run) if isinstance(entry, SubjectBuilt))
    in_force = link.readlink()
    link.unlink()
    link.symlink_to(first)
    link.with_name(".incoming-incumbent").symlink_to(in_force)
    (machine.run / "reports" / "report.html").write_text("an earlier one")
    ran = machine.detent("run", machine.run)
    assert ran.returncode == 0, ran.stderr
    assert link.readlink() == in_force
    assert "an earlier one" not in (machine.run / "reports" / "report.html").read_text("utf-8")
    assert_sound(machine.run)


@pytest.mark.long
def test_a_run_cut_after_any_entry_makes_the_same(finished: Machine, tmp_path: Path) -> None:
    """What is opened depends on when sessions began; what is labelled and trained does not."""
    whole = raw_entries(finished.run)
    first = kinds(finished.run).index("session/v1") + 1
    for size in range(first, len(whole)):
        cut = finished.cut(tmp_path / f"cut-{size}", size)
        tear(cut.run, finished.run)
        ran = cut.detent("run", cut.run)
        assert ran.returncode == 0, (size, ran.stderr)
        assert raw_entries(cut.run)[:size] == whole[:size]
        assert made(cut.run) == made(finished.run)
        assert decisions(cut.run) == decisions(finished.run)
        assert_sound(cut.run)
        shutil.rmtree(cut.root)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_again_and_again_at_random_gets_there(
    founded: Machine, finished: Machine, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  moments, not secrets
    machine = founded.copy(tmp_path / "machine")
    for _ in range(8):
        process = machine.start("run", machine.run)
        time.sleep(rng.uniform(0.2, 8.0))
        over = process.poll() is not None
        blow(signal.SIGKILL, process)
        if over:
            break
        assert gone(machine.run)
        assert verify_run(machine.run).faults == []
    last = machine.detent("run", machine.run)
    assert last.returncode == 0, last.stderr
    assert made(machine.run) == made(finished.run)
    assert decisions(machine.run) == decisions(finished.run)
    assert_sound(machine.run)


@pytest.mark.long
def test_an_impatient_second_ctrl_c_cuts_nothing_short(founded: Machine, tmp_path: Path) -> None:
    machine = founded.copy(tmp_path / "machine")
    process = machine.start("run", machine.run)
    wait_for("data/v1", machine.run, process)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "nothing is lost" in output
    assert gone(machine.run)
