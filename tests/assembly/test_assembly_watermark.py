"""A run folder that was set back is noticed by the user who ran it further."""

import shutil
from pathlib import Path

import pytest

from detent.assembly.watermark import Watermarked
from detent.errors import TrustError
from detent.ledger import Ledger
from detent.signing import SigningKey

KEY = SigningKey.from_seed("detent/marked", b"m" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Ledger.create(tmp_path / "ledger", KEY, KEY.name) as ledger:
        Watermarked(ledger, tmp_path / "mark").append(b"one")
    return tmp_path


def append(folder: Path, entry: bytes, name: str = "ledger") -> None:
    with Ledger.open(folder / name, KEY) as ledger:
        Watermarked(ledger, folder / "mark").append(entry)


def test_a_ledger_that_goes_on_is_opened_again(folder: Path) -> None:
    append(folder, b"two")
    append(folder, b"three")


def test_a_copy_from_before_is_refused(folder: Path) -> None:
    shutil.copytree(folder / "ledger", folder / "copy")
    append(folder, b"two")
    with pytest.raises(TrustError, match="the run folder was set back"):
        append(folder, b"two again", "copy")


def test_another_ledger_of_the_same_length_is_refused(folder: Path) -> None:
    with Ledger.create(folder / "other", KEY, KEY.name) as other:
        other.append(b"uno")
    with pytest.raises(TrustError, match="the run folder was set back"):
        append(folder, b"two", "other")


def test_a_ledger_without_a_mark_gets_one(folder: Path) -> None:
    (folder / "mark").unlink()
    append(folder, b"two")
    assert (folder / "mark").read_text().startswith("2 ")


UNREADABLE = {
    "nothing": b"",
    "a line of another file": b'{"total": 1.0}\n',
    "a mark with a line more": b"1 " + b"a" * 64 + b'\n{"total": 1.0}\n',
    "bytes that are no text": b"\xff\xfe",
    "a size that is none": b"-1 " + b"a" * 64,
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_mark_that_cannot_be_read_is_not_taken_for_none(folder: Path, what: str) -> None:
    (folder / "mark").write_bytes(UNREADABLE[what])
    with pytest.raises(TrustError, match=r"a mark .* expected at .*, got one that cannot be read"):
        append(folder, b"two")
    assert (folder / "mark").read_bytes() == UNREADABLE[what]


def test_a_folder_where_the_mark_belongs_is_not_taken_for_none(folder: Path) -> None:
    (folder / "mark").unlink()
    (folder / "mark").mkdir()
    with pytest.raises(TrustError, match="got one that cannot be read"):
        append(folder, b"two")


def test_what_lies_where_the_mark_is_drafted_is_not_written_through(folder: Path) -> None:
    (folder / "victim").write_text("keep me")
    (folder / "mark.new").symlink_to(folder / "victim")
    append(folder, b"two")
    assert (folder / "victim").read_text() == "keep me"
    assert (folder / "mark").read_text().startswith("2 ")
    assert not (folder / "mark").is_symlink()
