"""What a witness remembers survives what disks, crashes and restored copies do to it, or the witness does not start."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coordinate.witness_world import LOG_KEY, NOW, ORIGIN, WITNESS_KEY, Log, times_in, witness_in

from detent.coordinate import Witness
from detent.errors import BusyError, StorageError, TrustError, UsageError
from detent.ledger import CosigningKey
from detent.signing import SigningKey
from detent.values import sha256_hex

LOG = Log.of(12)
PATH = sha256_hex(ORIGIN.encode())


def stood(folder: Path, *sizes: int) -> bytes:
    """A witness stood at these sizes, one after the other, and ended; its last answer."""
    witness = witness_in(folder)
    at, answer = 0, b""
    for size in sizes:
        answer = witness.add_checkpoint(LOG.request(at, size), NOW).body
        at = size
    witness.close()
    return answer


def test_it_goes_on_where_it_stood_and_repeats_what_it_signed(tmp_path: Path) -> None:
    first = stood(tmp_path, 5, 8)
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(LOG.request(0, 12), NOW).body == b"8\n"
    assert witness.add_checkpoint(LOG.request(8, 8), NOW + 99).body == first
    assert witness.checkpoint(PATH).body == str(LOG.note(8)).encode() + first


def test_a_second_process_or_opening_is_refused(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    with pytest.raises(BusyError, match=f"process {os.getpid()}"):
        witness_in(tmp_path)
    witness.close()
    witness_in(tmp_path)


def edited(change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    """The state with another content under its right checksum, as somebody with an editor leaves it."""

    def act(folder: Path) -> None:
        content = json.loads((folder / "state").read_bytes().partition(b"\n")[2])
        change(content)
        raw(folder, json.dumps(content, ensure_ascii=False).encode())

    return act


def raw(folder: Path, body: bytes) -> None:
    (folder / "state").write_bytes(f"detent witness state/v1 sha256:{sha256_hex(body)}\n".encode() + body)


def other_note(size: int, key: CosigningKey = WITNESS_KEY) -> Callable[[dict[str, object]], object]:
    line = key.cosign(LOG.checkpoint(size), NOW)
    return lambda content: content.update(logs={ORIGIN: f"{LOG.note(size)}{line}"})


def at_least(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def changed(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "state").write_text(at_least((folder / "state").read_text(), old, new))


STRANGER = CosigningKey.create(WITNESS_KEY.name)
UNBELIEVABLE: dict[str, Callable[[Path], object]] = {
    "the state was cut": lambda folder: os.truncate(folder / "state", 300),
    "the state is empty": lambda folder: (folder / "state").write_bytes(b""),
    "a byte of the state has changed": changed(f'"time": {NOW}', f'"time": {NOW - 1}'),
    "the state is some other file": lambda folder: (folder / "state").write_bytes(os.urandom(5_000)),
    "the state is gone": lambda folder: (folder / "state").unlink(),
    "the mark is no number": lambda folder: (folder / "mark").write_text("many\n"),
    "the mark is a number that Python reads": lambda folder: (folder / "mark").write_text("1_0\n"),
    "the mark is empty": lambda folder: (folder / "mark").write_bytes(b""),
    "the mark is gone": lambda folder: (folder / "mark").unlink(),
    "the mark was set back": lambda folder: (folder / "mark").write_text("0\n"),
    "a state of later than the mark": lambda folder: (folder / "mark").write_text("99\n"),
    "a field too many": edited(lambda content: content.update(more=1)),
    "a field too few": edited(lambda content: content.pop("time")),
    "a count below zero": edited(lambda content: content.update(count=-1)),
    "a log is gone, and its checksum mended": edited(
        lambda content: content.update(count=0, logs={}),
    ),
    "a checkpoint that another key cosigned": edited(other_note(7, STRANGER)),
    "a checkpoint that nobody cosigned": edited(
        lambda content: content.update(logs={ORIGIN: str(LOG.note(7))})
    ),
    "a cosignature of later than the last time": edited(lambda content: content.update(time=NOW - 1)),
    "a checkpoint under another log's name": edited(
        lambda content: content.update(logs={"example.com/x": f"{LOG.note(8)}"})
    ),
    "a note that is none": edited(lambda content: content.update(logs={ORIGIN: "hello"})),
    "a note with bytes that are no text": lambda folder: raw(
        folder, b'{"count":2,"time":1,"keys":[],"logs":{"x":"\xff"}}'
    ),
    "a very deep document": lambda folder: raw(folder, b'{"count":' + b"[" * 100_000),
    "a key that is not given any more": edited(
        lambda content: content.update(keys=[str(STRANGER.verify_key), str(WITNESS_KEY.verify_key)])
    ),
}


@pytest.mark.parametrize("what", UNBELIEVABLE)
def test_it_does_not_start_when(tmp_path: Path, what: str) -> None:
    stood(tmp_path, 5, 8)
    UNBELIEVABLE[what](tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "state.lock"}
    with pytest.raises(TrustError, match=r"expected.*got"):
        witness_in(tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "state.lock"}
    assert before == after


def test_it_does_not_start_from_an_older_copy_of_its_state(tmp_path: Path) -> None:
    stood(tmp_path, 5)
    shutil.copy(tmp_path / "state", tmp_path / "copy")
    witness = witness_in(tmp_path)
    witness.add_checkpoint(LOG.request(5, 8), NOW)
    witness.close()
    (tmp_path / "copy").rename(tmp_path / "state")
    with pytest.raises(TrustError, match="set back"):
        witness_in(tmp_path)


def test_it_does_not_start_with_another_witnesss_state(tmp_path: Path) -> None:
    stood(tmp_path, 5)
    with pytest.raises(TrustError, match=WITNESS_KEY.name):
        witness_in(tmp_path, CosigningKey.create("witness.example.com/w2"))


def test_a_state_moved_to_another_machine_with_its_mark_goes_on(tmp_path: Path) -> None:
    stood(tmp_path, 5)
    (tmp_path / "there").mkdir()
    for name in ("state", "mark"):
        (tmp_path / name).rename(tmp_path / "there" / name)
    assert witness_in(tmp_path / "there").add_checkpoint(LOG.request(0, 8), NOW).body == b"5\n"


def test_a_log_that_is_left_out_for_a_while_is_not_forgotten(tmp_path: Path) -> None:
    first = stood(tmp_path, 5)
    other = SigningKey.create("example.com/other")
    witness = witness_in(tmp_path, logs=[other])
    assert witness.add_checkpoint(LOG.request(5, 8), NOW).status == 404
    witness.close()
    assert witness_in(tmp_path).add_checkpoint(LOG.request(5, 5), NOW + 1).body == first


def test_a_key_beside_the_first_can_be_added_later_and_not_left_out_again(tmp_path: Path) -> None:
    first = stood(tmp_path, 5)
    quantum = CosigningKey.create(WITNESS_KEY.name, "ml-dsa-44")
    witness = witness_in(tmp_path, WITNESS_KEY, quantum)
    assert witness.add_checkpoint(LOG.request(5, 5), NOW).body == first
    assert witness.add_checkpoint(LOG.request(5, 8), NOW).body.count(b"\n") == 2
    witness.close()
    with pytest.raises(TrustError, match="--key"):
        witness_in(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3_000), st.integers(0, 255))
def test_no_single_changed_byte_of_the_state_passes(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    folder = tmp_path_factory.mktemp("state")
    data = bytearray(good_state())
    at %= len(data)
    changes = data[at] != byte
    data[at] = byte
    (folder / "state").write_bytes(data)
    (folder / "mark").write_text("1\n")
    if changes:
        with pytest.raises(TrustError):
            witness_in(folder)
    else:
        witness_in(folder).close()


@cache
def good_state() -> bytes:
    with TemporaryDirectory() as folder:
        stood(Path(folder), 5)
        return (Path(folder) / "state").read_bytes()


Way = Literal["lost", "done"]


class Breaks:
    """The disk fails at one step: a file's or a folder's fsync, or a rename; before it was done, or after."""

    def __init__(self, at: int, way: Way) -> None:
        self.at, self.way, self.step = at, way, 0

    def wrap(self, act: Callable[..., object]) -> Callable[..., object]:
        def tried(*args: object) -> object:
            step, self.step = self.step, self.step + 1
            if step != self.at:
                return act(*args)
            if self.way == "done":
                act(*args)
            raise OSError(errno.ENOSPC, "No space left on device")

        return tried


@contextmanager
def broken(at: int, way: Way) -> Iterator[Breaks]:
    breaks = Breaks(at, way)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", breaks.wrap(os.fsync))
        patch.setattr(Path, "replace", breaks.wrap(Path.replace))
        yield breaks


@pytest.mark.parametrize("way", ["lost", "done"])
@pytest.mark.parametrize("restart", [False, True], ids=["the same process goes on", "another one starts"])
def test_whatever_write_fails_nothing_is_signed_twice_and_the_next_request_finds_out(
    tmp_path: Path, way: Way, restart: bool
) -> None:
    """Each step of a write in turn: state and mark, fsync, rename and the folder's fsync."""
    steps = 0
    for at in range(20):
        folder = tmp_path / str(at)
        folder.mkdir()
        said: list[str] = []
        witness = witness_in(folder, say=said.append)
        first = witness.add_checkpoint(LOG.request(0, 5), NOW)
        with broken(at, way) as breaks:
            failed = witness.add_checkpoint(LOG.request(5, 8), NOW + 1)
        if breaks.step <= at:
            assert failed.status == 200
            break
        steps += 1
        assert (failed.status, b"\xe2" in failed.body) == (500, False)
        assert "No space left" in said[0]
        assert str(folder) not in failed.body.decode()
        if restart:
            witness.close()
            witness = witness_in(folder)
        size = int(witness.add_checkpoint(LOG.request(0, 8), NOW + 2).body)
        assert size in {5, 8}
        again = witness.add_checkpoint(LOG.request(size, size), NOW + 3)
        assert again == first if size == 5 else times_in(again.body, LOG.checkpoint(8)) == NOW + 1
        assert witness.add_checkpoint(LOG.request(size, 8), NOW + 4).status == 200
        witness.close()
        witness_in(folder).close()
    assert steps == 6


def test_a_disk_that_stays_full_signs_nothing_and_answers_500(tmp_path: Path) -> None:
    witness = witness_in(tmp_path, say=lambda _: None)
    first = witness.add_checkpoint(LOG.request(0, 5), NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", always_full)
        for size in (8, 12, 8):
            assert witness.add_checkpoint(LOG.request(5, size), NOW).status == 500
        assert witness.checkpoint(PATH).body.endswith(first.body)
    assert witness.add_checkpoint(LOG.request(5, 12), NOW).status == 200


def always_full(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_two_roots_of_one_size_are_kept_as_proof_once(tmp_path: Path) -> None:
    said: list[str] = []
    witness = witness_in(tmp_path, say=said.append)
    answer = witness.add_checkpoint(LOG.request(0, 12), NOW)
    for fork in (Log.of(12, differs_from=3), Log.of(12, differs_from=4)):
        assert witness.add_checkpoint(fork.request(12, 12), NOW).status == 422
    assert (
        witness.add_checkpoint(Log.of(12, differs_from=3).request(12, 12, proof=[b"x" * 32]), NOW).status
        == 422
    )
    ours, theirs = sorted(tmp_path.glob("state.split-*"))
    assert ours.read_bytes() == str(LOG.note()).encode() + answer.body
    assert theirs.read_text() == str(Log.of(12, differs_from=3).note())
    assert len(said) == 3
    assert all(str(path) in said[0] for path in (ours, theirs))
    growing = Log.of(14, differs_from=3)
    assert witness.add_checkpoint(growing.request(12, 14), NOW).status == 422  # proves nothing to others
    assert len(said) == 3


def test_a_proof_that_finds_no_room_changes_no_answer(tmp_path: Path) -> None:
    said: list[str] = []
    witness = witness_in(tmp_path, say=said.append)
    witness.add_checkpoint(LOG.request(0, 12), NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", always_full)
        assert witness.add_checkpoint(Log.of(12, differs_from=3).request(12, 12), NOW).status == 422
    assert "could not be kept" in said[0]
    assert witness.add_checkpoint(LOG.request(12, 12), NOW).status == 200


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="got"):
        Witness.open([WITNESS_KEY], [LOG_KEY.verify_key], tmp_path / "no" / "state", tmp_path / "mark", print)
    (tmp_path / "state").mkdir()
    with pytest.raises((StorageError, UsageError), match="directory"):
        witness_in(tmp_path)


SIGNER = """
import sys
from pathlib import Path
from tests.coordinate.witness_world import LOG_KEY, Log, NOW
from detent.coordinate import Witness
from detent.ledger import CosigningKey
folder = Path(sys.argv[1])
log = Log.of(400)
witness = Witness.open([CosigningKey.load(folder / "key")], [LOG_KEY.verify_key], folder / "state", folder / "mark")
at = int(witness.add_checkpoint(log.request(400, 400), NOW).body) if sys.argv[2] != "0" else 0
print("ready", flush=True)
for size in range(at + 1, 400):
    line = witness.add_checkpoint(log.request(size - 1, size), NOW + size).body
    sys.stdout.buffer.write(b"%d " % size + line)
    sys.stdout.flush()
"""


def killed_after(seconds: float, folder: Path, round_: int) -> dict[int, bytes]:
    """A witness at work, killed; what it had answered by then, by size."""
    command = [sys.executable, "-c", SIGNER, str(folder), str(round_)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        lines = [line for line in (first, *process.stdout) if line.endswith(b"\n")]
    return {int(line.partition(b" ")[0]): line.partition(b" ")[2] for line in lines}


def kill_rounds(folder: Path, rounds: int) -> None:
    WITNESS_KEY.save(folder / "key")
    log, answered, chance = Log.of(400), dict[int, bytes](), Random(3)  # noqa: S311  chooses moments
    for round_ in range(rounds):
        answered |= killed_after(chance.uniform(0, 0.05), folder, round_)
        witness = witness_in(folder)
        size = int(witness.add_checkpoint(log.request(400, 400), NOW).body)
        again = witness.add_checkpoint(log.request(size, size), NOW + 999).body
        witness.close()
        newest = max(answered)
        assert newest <= size <= newest + 1  # one may have been written down and not answered
        assert again == answered.get(size, again)
        assert times_in(again, log.checkpoint(size)) == NOW + size


def test_a_killed_witness_stands_by_all_that_it_answered(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 3)


@pytest.mark.long
def test_a_witness_killed_forty_times_stands_by_all_that_it_answered(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 40)
