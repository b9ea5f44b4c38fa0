"""Whatever lies where a file is to be written: it is not written through."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from detent.disk import open_log, replace_file, write_file


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("keep me")


PLANTED: dict[str, Callable[[Path], object]] = {
    "a link to a file of theirs": lambda path: path.symlink_to(path.with_name("victim")),
    "a second name of a file of theirs": lambda path: path.hardlink_to(path.with_name("victim")),
    "a link that leads nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a pipe that nobody reads": os.mkfifo,
    "a folder": folder,
}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("keep me")
    return path


@pytest.mark.parametrize("what", PLANTED)
def test_a_draft_is_written_anew_whatever_lies_at_its_name(tmp_path: Path, victim: Path, what: str) -> None:
    made = tmp_path / "made"
    PLANTED[what](tmp_path / ".incoming-made")
    write_file(made, b"new")
    assert made.read_bytes() == b"new"
    PLANTED[what](tmp_path / "draft")
    replace_file(made, tmp_path / "draft", b"newer")
    assert made.read_bytes() == b"newer"
    assert not any(os.path.lexists(tmp_path / name) for name in (".incoming-made", "draft"))
    assert victim.read_text() == "keep me"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("what", PLANTED)
def test_a_log_is_begun_anew_and_what_lay_there_is_moved_aside(
    tmp_path: Path, victim: Path, what: str
) -> None:
    log = tmp_path / "log"
    PLANTED[what](log)
    for word in (b"one ", b"two"):
        with open_log(log) as file:
            file.write(word)
    assert log.read_bytes() == b"one two"
    assert os.path.lexists(tmp_path / "log.moved-aside-1")
    assert victim.read_text() == "keep me"
    assert not (tmp_path / "nowhere").exists()
