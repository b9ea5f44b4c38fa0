"""A disk that is full, or that may only be read: a clear stop, nothing damaged, and the run goes on later."""

import os
import re
import resource
import subprocess
from pathlib import Path

import pytest
from tests.cli.tiny_run import Done, Machine, command, content, wait_for

from detent.assembly import verify_run

(DETENT,) = command()


def limited(machine: Machine, most: int, *words: str | Path) -> Done:
    """Run the program where no file may grow beyond `most` bytes: to it, that is a full disk."""
    return subprocess.run(
        [DETENT, *words],
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
    )


def assert_refused(done: Done, words: str) -> None:
    assert done.returncode == 9, (done.stdout, done.stderr)
    assert re.fullmatch(rf"detent: [^\n]*{words}[^\n]*\n", done.stderr), done.stderr


def test_a_run_without_room_for_its_data_stops_and_goes_on_later(founded: Machine, tmp_path: Path) -> None:
    machine = founded.copy(tmp_path / "machine")
    folder = machine.run
    assert_refused(limited(machine, 20_000, "run", folder), "File too large; nothing was damaged")
    assert list((folder / "data").iterdir()) == []
    assert verify_run(folder).faults == []
    process = machine.start("run", folder)
    try:
        wait_for("data/v1", folder, process)
    finally:
        process.kill()
        process.communicate()


def test_a_lease_without_room_is_not_granted_and_can_be_later(leased: Machine, tmp_path: Path) -> None:
    machine = leased.copy(tmp_path / "machine")
    folder = machine.run
    before = content(folder / "ledger")
    assert_refused(
        limited(machine, 200, "lease", folder, "--generations", "1"), "nothing that was there is damaged"
    )
    assert content(folder / "ledger") == before
    granted = machine.detent("lease", folder, "--generations", "1")
    assert granted.stdout.startswith("lease of 1 generations: on the ledger"), granted.stderr
    assert verify_run(folder).faults == []


def test_a_report_without_room_leaves_the_one_before(leased: Machine, tmp_path: Path) -> None:
    machine = leased.copy(tmp_path / "machine")
    folder = machine.run
    before = content(folder / "reports")
    assert_refused(limited(machine, 1000, "report", folder), "report.html expected")
    assert content(folder / "reports")["report.html"] == before["report.html"]


def test_init_without_room_leaves_no_folder(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert_refused(limited(machine, 1000, "init", tmp_path / "run"), "free or mend the disk")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("data", ["{root}/file", "/proc/none"], ids=["a file", "no folder"])
def test_init_without_a_data_folder_leaves_no_folder(tmp_path: Path, data: str) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [DETENT, "init", tmp_path / "run"],
        env=os.environ | {"DETENT_DATA": data.format(root=tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(done, "free or mend the disk")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_printed_needs_room_too(leased: Machine) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [DETENT, "status", leased.run],
            env=leased.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 9
    assert re.fullmatch(r"detent: [^\n]*No space left on device[^\n]*\n", done.stderr)


def apart(machine: Machine, script: str, *words: str | Path) -> Done:
    """Run a shell script that may mount what nobody else sees; $1, $2, ... are the words."""
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *words],  # noqa: S607  where it is, differs
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A place to mount a disk at."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        done = apart(Machine(tmp_path), 'mount -t tmpfs -o size=1m tmpfs "$1"', place)
    except FileNotFoundError:
        pytest.skip("unshare(1) is not installed")
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    return place


FULL = """
mount -t tmpfs -o size=64m tmpfs "$1"
cp -a "$2" "$1/run"
used=$(df --output=used "$1" | tail -1)
mount -o remount,size=$((used + $4))k "$1"
"$3" run "$1/run"; echo "run $?"
"$3" verify "$1/run" >/dev/null; echo "verify $?"
mount -o remount,size=64m "$1"
"""

GOES_ON = """
"$3" run "$1/run" >/dev/null; echo "run $?"
"$3" verify "$1/run" >/dev/null; echo "verify $?"
"""


def test_a_full_disk_stops_the_run_and_damages_nothing(founded: Machine, tmp_path: Path, disk: Path) -> None:
    machine = founded.copy(tmp_path / "machine")
    done = apart(machine, FULL, disk, machine.run, DETENT, "40")
    assert done.stdout.split("\n") == ["run 9", "verify 0", ""], done
    assert re.fullmatch(r"detent: [^\n]*No space left on device[^\n]*\n", done.stderr)


@pytest.mark.long
@pytest.mark.parametrize("kilobytes", ["20", "100", "200", "300", "500", "700"])
def test_a_disk_full_at_any_step_stops_the_run_which_then_goes_on(
    leased: Machine, tmp_path: Path, disk: Path, kilobytes: str
) -> None:
    machine = leased.copy(tmp_path / "machine")
    done = apart(machine, FULL + GOES_ON, disk, machine.run, DETENT, kilobytes)
    assert done.stdout.split("\n") == ["run 9", "verify 0", "run 0", "verify 0", ""], done
    assert re.fullmatch(r"detent: [^\n]*No space left on device[^\n]*\n", done.stderr)


READ_ONLY = """
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
"$2" run "$1"; echo "run $?"
"$2" lease "$1" --generations 1; echo "lease $?"
"$2" report "$1"; echo "report $?"
"$2" status "$1" >/dev/null; echo "status $?"
"$2" verify "$1" >/dev/null; echo "verify $?"
"""


@pytest.mark.usefixtures("disk")
def test_a_read_only_run_folder_can_be_looked_at_and_not_run(leased: Machine, tmp_path: Path) -> None:
    machine = leased.copy(tmp_path / "machine")
    done = apart(machine, READ_ONLY, machine.run, DETENT)
    assert done.stdout.split("\n") == ["run 9", "lease 9", "report 9", "status 0", "verify 0", ""], done
    assert re.fullmatch(r"(detent: [^\n]*Read-only file system[^\n]*\n){3}", done.stderr), done.stderr
    assert content(machine.run) == content(leased.run)
