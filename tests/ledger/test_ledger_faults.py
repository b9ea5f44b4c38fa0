"""Every step of every write broken, in every way; the power lost at every step; and the next opening goes on.

The claim, each time: what was acknowledged is in; what was not is in whole or not at all; every checkpoint
ever signed is the beginning of what there is now; the files are sound again after the next opening.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from tests.ledger.ledger_disks import BreakingFiles, PowerCut, PowerCutFiles, Way
from tests.ledger.ledger_soundness import assert_covered_sound, assert_ledger_sound

from detent.errors import StorageError, UsageError
from detent.ledger import Checkpoint, Ledger, LedgerReader, Note, log, sign_note
from detent.ledger._files import TEMPORARY, Files
from detent.signing import SigningKey

ORIGIN = "example.com/run"
WAYS: list[Way] = ["lost", "done"]
SITUATIONS = {  # entries before, entries added at once
    "the first entry": (0, 1),
    "an entry in the middle of a tile": (7, 1),
    "the entry that fills a tile": (255, 1),
    "the entry after a full tile": (256, 1),
    "a batch within a tile": (3, 5),
    "a batch over three tiles": (250, 270),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is durable when is modelled here; the real fsync would add minutes and no case."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> list[Checkpoint]:
    """Every checkpoint that was signed, whether or not it reached the disk."""
    signed: list[Checkpoint] = []

    def recording(text: str, key: SigningKey) -> Note:
        signed.append(Checkpoint.parse(text))
        return sign_note(text, key)

    monkeypatch.setattr(log, "sign_note", recording)
    return signed


def entries(count: int) -> list[bytes]:
    return [f"entry {index}".encode() * (index % 3) for index in range(count)]


@dataclass
class Scene:
    """A ledger with some entries, and the entries about to be added, to be played again and again."""

    before: int
    added: int
    place: Path
    key: SigningKey
    signed: list[Checkpoint]

    def __post_init__(self) -> None:
        """The last partial tiles are there as single appends leave them."""
        with Ledger.create(self.place / "prepared", self.key, ORIGIN) as ledger:
            ledger.extend(entries(max(0, self.before - 2)))
            for entry in entries(self.before)[ledger.size :]:
                ledger.append(entry)

    @property
    def folder(self) -> Path:
        return self.place / "ledger"

    @property
    def wanted(self) -> list[bytes]:
        return entries(self.before + self.added)

    @property
    def new(self) -> list[bytes]:
        return self.wanted[self.before :]

    def set_up(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.signed.clear()
        return Path(shutil.copytree(self.place / "prepared", self.folder))

    def assert_goes_on(self, at_least: int) -> None:
        """Reading works at once; the next opening makes everything sound; appending goes on."""
        covered = assert_covered_sound(self.folder, self.key.verify_key)
        assert list(LedgerReader(self.folder, self.key.verify_key).entries()) == covered
        with Ledger.open(self.folder, self.key) as ledger:
            for checkpoint in self.signed:  # also those that no disk remembers: somebody may have seen them
                assert ledger.root(checkpoint.size) == checkpoint.root
            found = assert_ledger_sound(self.folder, self.key.verify_key)
            assert found == self.wanted[: len(found)]
            assert at_least <= len(found)
            ledger.extend(self.wanted[len(found) :])
            ledger.append(b"and on")
        assert assert_ledger_sound(self.folder, self.key.verify_key) == [*self.wanted, b"and on"]


@pytest.fixture(params=SITUATIONS)
def scene(request: pytest.FixtureRequest, tmp_path: Path, key: SigningKey, signed: list[Checkpoint]) -> Scene:
    return Scene(*SITUATIONS[request.param], tmp_path, key, signed)


@pytest.mark.parametrize("way", WAYS)
def test_any_failing_step_of_an_append_is_a_clear_stop_that_damages_nothing(way: Way, scene: Scene) -> None:
    at, broke = 0, True
    while broke:
        with Ledger.open(scene.set_up(), scene.key) as ledger:
            ledger._files = files = BreakingFiles(scene.folder, at, way)
            acknowledged = appended(ledger, scene)
        scene.assert_goes_on(scene.before + (scene.added if acknowledged else 0))
        at, broke = at + 1, files.broke
    assert at > 15  # bundle, tile and checkpoint are five steps each, so all of them were broken


@pytest.mark.parametrize("written", [0, 1, 2], ids=["first part", "second part", "after both"])
def test_a_batch_larger_than_a_journal_can_announce_is_finished_after_a_crash(
    tmp_path: Path, key: SigningKey, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it announced in one note of a million bytes could not be read again, once."""
    entries = [b"%d" % number for number in range(16_000)]
    Ledger.create(tmp_path / "log", key, "example.com/log").close()
    real, checkpoints = Files.write_durably, 0

    def failing(files: Files, name: str, data: bytes) -> None:
        nonlocal checkpoints
        if name == "checkpoint":
            checkpoints += 1
            if checkpoints > written:
                raise StorageError("the disk is full")
        real(files, name, data)

    monkeypatch.setattr(Files, "write_durably", failing)
    with Ledger.open(tmp_path / "log", key) as ledger:
        try:
            ledger.extend(entries)
        except StorageError:
            assert written < 2
    monkeypatch.setattr(Files, "write_durably", real)
    with Ledger.open(tmp_path / "log", key) as ledger:
        assert list(ledger.entries()) == entries[: (10_000, 16_000, 16_000)[written]]


def appended(ledger: Ledger, scene: Scene) -> bool:
    """Whether the disk let it; when it did not, the ledger takes no more."""
    try:
        ledger.extend(scene.new)
    except StorageError:
        with pytest.raises(UsageError, match="failed while appending; open it again"):
            ledger.append(b"not now")
        return False
    return True


@pytest.mark.parametrize("way", WAYS)
def test_any_failing_step_of_a_recovery_leaves_a_recovery_to_do(way: Way, scene: Scene) -> None:
    """The append is cut after its first bundle; then every step of the opening that finishes it is broken."""
    at, broke = 0, True
    while broke:
        cut_after_first_bundle(scene)
        files = BreakingFiles(scene.folder, at, way)
        try:
            Ledger.open(scene.folder, scene.key, files.at_folder).close()
        except StorageError:
            assert files.broke
        scene.assert_goes_on(scene.before + 1)
        at, broke = at + 1, files.broke
    assert at > 10  # tile and checkpoint


def cut_after_first_bundle(scene: Scene) -> None:
    class OneBundle(Files):
        def write_durably(self, name: str, data: bytes) -> None:
            super().write_durably(name, data)
            if name.startswith("tile/entries"):
                raise StorageError(f"cut after {name}")

    with Ledger.open(scene.set_up(), scene.key) as ledger:
        ledger._files = OneBundle(scene.folder)
        with pytest.raises(StorageError, match="cut after tile/entries"):
            ledger.extend(scene.new)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 10))])
def test_a_power_cut_at_any_step_loses_nothing_that_was_acknowledged(seed: int, scene: Scene) -> None:
    """Of all that no fsync had covered, a random part is lost, name by name."""
    at, cut = 0, True
    while cut:
        cut = with_power_cut(scene, at, Random(f"{seed} {at}"))  # noqa: S311  # chooses faults
        scene.assert_goes_on(scene.before + (0 if cut else scene.added))
        at += 1
    assert at > 15


def with_power_cut(scene: Scene, at: int, chance: Random) -> bool:
    with Ledger.open(scene.set_up(), scene.key) as ledger:
        ledger._files = files = PowerCutFiles(scene.folder, at)
        try:
            ledger.extend(scene.new)
            cut = False
        except PowerCut:
            cut = True
        files.cut(chance)
    return cut


@pytest.mark.parametrize("way", WAYS)
def test_a_creation_that_fails_at_any_step_leaves_no_folder(
    way: Way, tmp_path: Path, key: SigningKey
) -> None:
    folder = tmp_path / "ledger"
    at, broke = 0, True
    while broke:
        files = BreakingFiles(folder, at, way)
        try:
            Ledger.create(folder, key, ORIGIN, files.at_folder).close()
        except StorageError:
            assert not folder.exists()
        else:
            assert assert_ledger_sound(folder, key.verify_key) == []
        at, broke = at + 1, files.broke
        shutil.rmtree(folder, ignore_errors=True)
    assert at > 5


def test_a_torn_temporary_file_is_removed_at_opening(tmp_path: Path, key: SigningKey) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, key, ORIGIN).close()
    (folder / TEMPORARY).write_bytes(b"torn")
    Ledger.open(folder, key).close()
    assert not (folder / TEMPORARY).exists()


def test_a_temporary_name_that_outlived_its_rename_does_not_damage_the_tile(
    tmp_path: Path, key: SigningKey
) -> None:
    """After a power cut both names may be there; writing into the old one would write into the tile."""
    folder = tmp_path / "ledger"
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(b"one")
        (folder / TEMPORARY).hardlink_to(folder / "tile/entries/000.p/1")
        ledger.append(b"two")
    assert assert_ledger_sound(folder, key.verify_key) == [b"one", b"two"]


def test_an_interrupt_in_the_middle_leaves_a_ledger_that_refuses_and_a_folder_that_goes_on(
    tmp_path: Path, key: SigningKey
) -> None:
    class Interrupted(Files):
        def write_durably(self, name: str, data: bytes) -> None:
            super().write_durably(name, data)
            if name.startswith("tile/0"):
                raise KeyboardInterrupt

    folder = tmp_path / "ledger"
    ledger = Ledger.create(folder, key, ORIGIN)
    ledger._files = Interrupted(folder)
    with pytest.raises(KeyboardInterrupt):
        ledger.append(b"one")
    with pytest.raises(UsageError, match="failed while appending"):
        ledger.append(b"two")
    ledger.close()
    with Ledger.open(folder, key) as again:
        assert list(again.entries()) == [b"one"]


def test_a_disk_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, key: SigningKey) -> None:
    folder = tmp_path / "ledger"
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(b"one")
    (folder / "tile/0/000.p/1").unlink()
    (folder / "tile/0/000.p/1").mkdir()
    with pytest.raises(StorageError, match=r"read tile/0/000\.p/1"):
        Ledger.open(folder, key)
