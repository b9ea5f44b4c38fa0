import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import SubjectError
from detent.testing.models import write_model
from detent.values.folder import folder_digest, folder_listing

KNOWN = "00f8bcf2da3d4ea8f44c310e2bafeff7e49d522993ed600cdb76820fa797c4cd"


def test_a_known_folder_has_a_known_digest(tmp_path: Path) -> None:
    """It names models on ledgers that were written before; it must not change."""
    assert folder_digest(write_model(tmp_path / "model")) == KNOWN


def test_dates_modes_and_the_folders_name_do_not_count(tmp_path: Path) -> None:
    other = write_model(tmp_path / "another name")
    os.utime(other / "config.json", (1, 1))
    (other / "config.json").chmod(0o600)
    assert folder_digest(other) == KNOWN


def renamed(folder: Path) -> None:
    (folder / "config.json").rename(folder / "Config.json")


def swapped(folder: Path) -> None:
    first, second = folder / "config.json", folder / "model.safetensors"
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])


def moved_down(folder: Path) -> None:
    (folder / "down").mkdir()
    (folder / "config.json").rename(folder / "down" / "config.json")


CHANGES: dict[str, Callable[[Path], object]] = {
    "one byte more": lambda folder: os.truncate(folder / "config.json", 24),
    "a file more": lambda folder: (folder / "empty").touch(),
    "a file less": lambda folder: (folder / "config.json").unlink(),
    "a file renamed": renamed,
    "two files' contents exchanged": swapped,
    "a file moved into a folder": moved_down,
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_content_or_name_counts(change: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    CHANGES[change](folder)
    assert folder_digest(folder) != KNOWN


names = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="/\0"), min_size=1, max_size=20)


@given(
    st.dictionaries(names.filter(lambda name: name not in {".", ".."}), st.binary(max_size=20), max_size=5)
)
def test_the_order_of_writing_does_not_count(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folders = [tmp_path_factory.mktemp("model") for _ in range(2)]
    for folder, items in zip(folders, (list(files.items()), reversed(files.items())), strict=True):
        for name, content in items:
            (folder / name).write_bytes(content)
    assert folder_digest(folders[0]) == folder_digest(folders[1])
    assert [name for name, _, _ in folder_listing(folders[0])] == sorted(files)


def linked(folder: Path) -> Path:
    (write_model(folder) / "link").symlink_to("config.json")
    return folder


def piped(folder: Path) -> Path:
    os.mkfifo(write_model(folder) / "pipe")
    return folder


def file(folder: Path) -> Path:
    folder.touch()
    return folder


REFUSED: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda folder: folder,
    "a file": file,
    "a folder with a link in it": linked,
    "a folder with a pipe in it": piped,
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_no_folder_of_files_has_no_digest(refused: str, tmp_path: Path) -> None:
    folder = REFUSED[refused](tmp_path / "model")
    with pytest.raises(SubjectError, match="expected"):
        folder_digest(folder)
