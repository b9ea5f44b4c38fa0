"""Every file changed, cut, exchanged or taken away by whoever holds the disk; what readers and writer say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.ledger.ledger_soundness import assert_ledger_sound

from detent.errors import TrustError, UsageError
from detent.ledger import Checkpoint, Ledger, LedgerReader, sign_note
from detent.ledger._journal import journal
from detent.ledger._merkle import leaf_hash
from detent.ledger.tiles import pack_entry
from detent.signing import SigningKey

ORIGIN = "example.com/run"
SIZE = 600


@pytest.fixture
def ledger_folder(folder: Path, key: SigningKey) -> Path:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.extend(f"entry {index}".encode() for index in range(SIZE - 2))
        ledger.append(b"the last but one")
        ledger.append(b"the last")
    return folder


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def exchange(one: Path, other: Path) -> None:
    one_data, other_data = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_data)
    other.write_bytes(one_data)


def exchange_two(folder: Path) -> None:
    exchange(folder / "tile/0/000", folder / "tile/0/001")
    exchange(folder / "tile/entries/000", folder / "tile/entries/001")


Attack = Callable[[Path], object]

AT_OPENING: dict[str, Attack] = {
    "the checkpoint cut short": lambda f: cut(f / "checkpoint", 5),
    "the checkpoint cut to its text": lambda f: cut(f / "checkpoint", 120),
    "the checkpoint emptied": lambda f: (f / "checkpoint").write_bytes(b""),
    "the checkpoint gone": lambda f: (f / "checkpoint").unlink(),
    "a bit of the checkpoint's origin flipped": lambda f: flip(f / "checkpoint", 0),
    "a bit of the checkpoint's size flipped": lambda f: flip(f / "checkpoint", len(ORIGIN) + 1),
    "a bit of the checkpoint's root flipped": lambda f: flip(f / "checkpoint", len(ORIGIN) + 8),
    "a bit of the partial tile flipped": lambda f: flip(f / "tile/0/002.p/88", 40),
    "the partial tile cut short": lambda f: cut(f / "tile/0/002.p/88", 1),
    "the partial tile cut by a hash": lambda f: cut(f / "tile/0/002.p/88", 32),
    "the partial tile emptied": lambda f: (f / "tile/0/002.p/88").write_bytes(b""),
    "the partial tile gone": lambda f: (f / "tile/0/002.p/88").unlink(),
    "a bit of the upper tile flipped": lambda f: flip(f / "tile/1/000.p/2", 3),
    "all tiles gone": lambda f: shutil.rmtree(f / "tile"),
}
AT_WRITING: dict[str, Attack] = {
    "a bit of the last entry flipped": lambda f: flip(f / "tile/entries/002.p/88", -1),
    "the last entry cut off": lambda f: cut(f / "tile/entries/002.p/88", 10),
    "the partial bundle gone": lambda f: (f / "tile/entries/002.p/88").unlink(),
    "a leftover bundle that begins with other entries": lambda f: (f / "tile/entries/002.p/89").write_bytes(
        b"\x00\x01x" * 89
    ),
    "a leftover bundle with fewer entries than its name says": lambda f: shutil.copy(
        f / "tile/entries/002.p/88", f / "tile/entries/002.p/89"
    ),
    "a leftover full bundle with other entries": lambda f: (f / "tile/entries/002").write_bytes(
        b"\x00\x01x" * 256
    ),
    "a leftover bundle and a leftover tile of another entry": lambda f: (
        (f / "tile/entries/002.p/89").write_bytes((f / "tile/entries/002.p/88").read_bytes() + b"\x00\x01x"),
        (f / "tile/0/002.p/89").write_bytes((f / "tile/0/002.p/88").read_bytes() + bytes(32)),
    ),
}
AT_READING: dict[str, Attack] = {
    "a bit of a full tile flipped": lambda f: flip(f / "tile/0/001", 77),
    "two full tiles exchanged": lambda f: exchange(f / "tile/0/000", f / "tile/0/001"),
    "a full tile cut short": lambda f: cut(f / "tile/0/000", 32),
    "a full tile gone": lambda f: (f / "tile/0/001").unlink(),
    "a bit of an entry flipped": lambda f: flip(f / "tile/entries/000", 100),
    "a bit of an entry's length flipped": lambda f: flip(f / "tile/entries/000", 1),
    "two full bundles exchanged": lambda f: exchange(f / "tile/entries/000", f / "tile/entries/001"),
    "a full bundle cut short": lambda f: cut(f / "tile/entries/001", 3),
    "a full bundle gone": lambda f: (f / "tile/entries/000").unlink(),
    "a full tile and its bundle exchanged with the next ones": exchange_two,
}


@pytest.mark.parametrize("attack", AT_OPENING)
def test_neither_reader_nor_writer_opens_with(attack: str, ledger_folder: Path, key: SigningKey) -> None:
    AT_OPENING[attack](ledger_folder)
    with pytest.raises(TrustError, match=r"expected.*got"):
        LedgerReader(ledger_folder, key.verify_key)
    with pytest.raises(TrustError, match=r"expected.*got"):
        Ledger.open(ledger_folder, key)


@pytest.mark.parametrize("attack", AT_WRITING)
def test_the_writer_does_not_open_and_signs_nothing_with(
    attack: str, ledger_folder: Path, key: SigningKey
) -> None:
    AT_WRITING[attack](ledger_folder)
    checkpoint = (ledger_folder / "checkpoint").read_bytes()
    with pytest.raises(TrustError, match=r"expected.*got"):
        Ledger.open(ledger_folder, key)
    assert (ledger_folder / "checkpoint").read_bytes() == checkpoint


@pytest.mark.parametrize("attack", AT_READING)
def test_no_entry_is_returned_that_was_not_signed_with(
    attack: str, ledger_folder: Path, key: SigningKey
) -> None:
    AT_READING[attack](ledger_folder)
    reader, returned = LedgerReader(ledger_folder, key.verify_key), list[bytes]()
    with pytest.raises(TrustError, match="restore"):
        returned.extend(reader.entries())  # keeps what came before the failure
    assert returned in [[], [f"entry {index}".encode() for index in range(256)]]


def test_a_checkpoint_set_back_over_its_last_append_leads_forward_to_the_same_ledger(
    folder: Path, key: SigningKey
) -> None:
    """As a file system that forgot a rename: the journal still announces what lies beyond."""
    Ledger.create(folder, key, ORIGIN).close()
    for size in (1, 200, 255, 256, 257, 259, 260):
        with Ledger.open(folder, key) as ledger:
            before = ledger.checkpoint
            ledger.extend(f"entry {index}".encode() for index in range(ledger.size, size))
            root = ledger.root()
        (folder / "checkpoint").write_text(before, encoding="utf-8")
        with Ledger.open(folder, key) as again:
            assert (again.size, again.root()) == (size, root)
        assert len(assert_ledger_sound(folder, key.verify_key)) == size


def test_a_checkpoint_set_back_further_is_refused(folder: Path, key: SigningKey) -> None:
    """As a restored backup of one file: what lies beyond was announced once, but not by the last append."""
    with Ledger.create(folder, key, ORIGIN) as ledger:
        first = ledger.checkpoint
        for number in range(3):
            ledger.append(f"entry {number}".encode())
    (folder / "checkpoint").write_text(first, encoding="utf-8")
    assert LedgerReader(folder, key.verify_key).size == 0
    with pytest.raises(TrustError, match="restore the ledger's folder"):
        Ledger.open(folder, key)


FOREIGN: dict[str, Callable[[Path], object]] = {
    "without any journal": lambda folder: (folder / ".journal").unlink(),
    "under a journal that another key signed": lambda folder: (folder / ".journal").write_bytes(
        journal(ORIGIN, 2, [leaf_hash(b"forged")], SigningKey.create(ORIGIN))
    ),
    "under the journal of the append before": lambda _: None,
    "under a journal that is cut short": lambda folder: (folder / ".journal").write_bytes(b"detent-journal"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_an_entry_that_somebody_else_laid_beyond_the_checkpoint_is_never_signed(
    name: str, folder: Path, key: SigningKey
) -> None:
    with Ledger.create(folder, key, ORIGIN) as ledger:
        ledger.append(b"one")
        ledger.append(b"two")
        checkpoint = ledger.checkpoint
    partials = folder / "tile/entries/000.p"
    (partials / "3").write_bytes((partials / "2").read_bytes() + pack_entry(b"forged"))
    FOREIGN[name](folder)
    with pytest.raises(TrustError, match="somebody else wrote there"):
        Ledger.open(folder, key)
    assert (folder / "checkpoint").read_text() == checkpoint


def test_the_files_of_another_size_under_a_checkpoint_are_refused(
    ledger_folder: Path, key: SigningKey
) -> None:
    ahead = Checkpoint(ORIGIN, SIZE + 1, bytes(32))
    (ledger_folder / "checkpoint").write_text(str(sign_note(ahead.text(), key)), encoding="utf-8")
    with pytest.raises(TrustError, match=r"tile/0/002\.p/89 expected"):
        Ledger.open(ledger_folder, key)


def test_a_tile_that_waits_where_the_next_one_would_go_is_never_written_over(
    ledger_folder: Path, key: SigningKey
) -> None:
    waiting = ledger_folder / "tile/0/002.p/89"
    waiting.write_bytes(bytes(32 * 89))
    with Ledger.open(ledger_folder, key) as ledger:
        with pytest.raises(TrustError, match="a written tile never changes"):
            ledger.append(b"next")
        with pytest.raises(UsageError, match="failed while appending"):
            ledger.append(b"next")
    assert waiting.read_bytes() == bytes(32 * 89)
    assert LedgerReader(ledger_folder, key.verify_key).size == SIZE


def test_names_that_are_no_widths_are_no_leftovers(ledger_folder: Path, key: SigningKey) -> None:
    for name in ("300", "256", "0", "-1", "x", "٣", "089 "):
        (ledger_folder / "tile/entries/002.p" / name).write_bytes(b"")
    with Ledger.open(ledger_folder, key) as ledger:
        assert ledger.size == SIZE
