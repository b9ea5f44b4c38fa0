"""Proofs from a ledger on disk, under the head that others cosigned where it reaches far enough."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledger.policy_people import AT, LOG, OTHER_LOG, POLICY, cosigned, policy

from detent.audit import fsck
from detent.errors import TrustError, UsageError
from detent.ledger import (
    COSIGNED,
    Checkpoint,
    Ledger,
    Note,
    cosigned_head,
    heads,
    prove_entry,
    sign_note,
    verify_entry,
)
from detent.ledger._files import Files
from detent.ledger._merkle import EMPTY_ROOT

ENTRIES = [f"entry {number}".encode() for number in range(400)]
ANYBODY = policy("quorum none\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heads") / "ledger"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        with Ledger.create(folder, LOG, LOG.name) as ledger:
            ledger.extend(ENTRIES)
    return folder


def head(folder: Path) -> Checkpoint:
    return Checkpoint.parse((folder / "checkpoint").read_text().partition("\n\n")[0] + "\n")


def older(folder: Path, size: int) -> Checkpoint:
    tree = fsck(folder, LOG.verify_key)
    return Checkpoint(LOG.name, size, tree.roots[size])


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    """The ledger, whose cosigned head a test may leave there."""
    yield made
    (made / COSIGNED).unlink(missing_ok=True)


def keep(folder: Path, note: Note | bytes) -> None:
    (folder / COSIGNED).write_bytes(note if isinstance(note, bytes) else str(note).encode())


def test_without_a_cosigned_head_the_checkpoint_proves_every_entry(folder: Path) -> None:
    assert cosigned_head(folder, LOG.verify_key) is None
    for index in (0, 1, 255, 256, 299, 300, 399):
        entry, proof = prove_entry(folder, LOG.verify_key, index)
        assert entry == ENTRIES[index]
        assert verify_entry(proof, entry, ANYBODY).checkpoint == head(folder)


def test_a_cosigned_head_is_what_an_entry_below_it_is_proven_under(folder: Path) -> None:
    keep(folder, cosigned("lab-a", "lab-b", "agency", checkpoint=older(folder, 300)))
    entry, proof = prove_entry(folder, LOG.verify_key, 299)
    proven = verify_entry(proof, entry, POLICY)
    assert (proven.index, proven.checkpoint.size, proven.cosigned["lab-a"]) == (299, 300, AT)


def test_an_entry_beyond_the_cosigned_head_is_proven_under_the_checkpoint(folder: Path) -> None:
    keep(folder, cosigned("lab-a", "lab-b", "agency", checkpoint=older(folder, 300)))
    entry, proof = prove_entry(folder, LOG.verify_key, 300)
    assert verify_entry(proof, entry, ANYBODY).checkpoint.size == 400
    with pytest.raises(TrustError, match="2 of group both"):
        verify_entry(proof, entry, POLICY)


def test_a_ledger_with_a_cosigned_head_is_as_sound_as_one_without(folder: Path) -> None:
    keep(folder, cosigned("lab-a", checkpoint=older(folder, 300)))
    assert fsck(folder, LOG.verify_key).faults == ()


BAD: dict[str, Callable[[Path], Note | bytes]] = {
    "another root, signed by the log": lambda at: cosigned(
        "lab-a", checkpoint=replace(older(at, 300), root=bytes(32))
    ),
    "more entries than there are": lambda at: cosigned(checkpoint=replace(older(at, 300), size=401)),
    "another log's": lambda _: sign_note(Checkpoint(OTHER_LOG.name, 0, EMPTY_ROOT).text(), OTHER_LOG),
    "not signed by the log": lambda at: Note(
        older(at, 300).text(), cosigned("lab-a", checkpoint=older(at, 300)).signatures[1:]
    ),
    "signed over another head": lambda at: Note(
        older(at, 300).text(), cosigned(checkpoint=older(at, 299)).signatures
    ),
    "of another origin, signed by the log's key": lambda at: cosigned(
        checkpoint=replace(older(at, 300), origin="example.com/x")
    ),
    "an empty file": lambda _: b"",
    "no UTF-8": lambda _: b"\xff",
    "a hello": lambda _: b"hello\n\n",
}


@pytest.mark.parametrize("made_up", BAD.values(), ids=BAD.keys())
def test_a_cosigned_head_stops_proofs_and_is_a_fault_when_it_is(
    folder: Path, made_up: Callable[[Path], Note | bytes]
) -> None:
    keep(folder, made_up(folder))
    with pytest.raises(TrustError, match="expected, got"):
        prove_entry(folder, LOG.verify_key, 5)
    faults = fsck(folder, LOG.verify_key).faults
    assert faults
    assert all(fault.startswith("cosigned: ") for fault in faults)


def test_an_entry_that_is_not_there_is_refused(folder: Path) -> None:
    for index in (-1, 400, 10**18):
        with pytest.raises(UsageError, match="from 0 to 399 expected"):
            prove_entry(folder, LOG.verify_key, index)


class Racing(Files):
    """A disk on which a run appends and has the new head cosigned, once a reader has looked at its first file."""

    folder = Path()
    looked = False

    def read(self, name: str) -> bytes | None:
        data = super().read(name)
        if self.root == Racing.folder and not Racing.looked:
            Racing.looked = True
            with Ledger.open(self.root, LOG) as ledger:
                ledger.append(b"one more")
            note = Note.parse((self.root / "checkpoint").read_bytes())
            keep(self.root, cosigned("lab-a", checkpoint=Checkpoint.parse(note.text)))
        return data


def test_a_run_at_work_is_no_fork(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "ledger"))
    keep(folder, cosigned("lab-a", checkpoint=older(folder, 300)))
    monkeypatch.setattr(Racing, "folder", folder)
    monkeypatch.setattr(heads, "Files", Racing)
    entry, proof = prove_entry(folder, LOG.verify_key, 350)
    assert Racing.looked
    assert verify_entry(proof, entry, ANYBODY).checkpoint.size == 401
    assert fsck(folder, LOG.verify_key).faults == ()
