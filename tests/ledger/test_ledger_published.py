"""The files that a log of one size is published as are those that the writer leaves, and no others are needed."""

import hashlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detent.audit import fsck
from detent.ledger import Ledger, published_files, published_names
from detent.signing import SigningKey

SIZES = (0, 1, 2, 255, 256, 257, 700)


def entries_of(size: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() * (number % 3) for number in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_they_have_the_bytes_that_the_writer_wrote(folder: Path, key: SigningKey, size: int) -> None:
    with Ledger.create(folder, key, key.name) as ledger:
        ledger.extend(entries_of(size))
    assert {name: (folder / name).read_bytes() for name, _ in published_files(entries_of(size))} == dict(
        published_files(entries_of(size))
    )


@pytest.mark.parametrize("size", SIZES)
def test_with_the_checkpoint_they_are_a_whole_log(folder: Path, key: SigningKey, size: int) -> None:
    with Ledger.create(folder, key, key.name) as ledger:
        ledger.extend(entries_of(size))
    checkpoint = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder)
    for name, data in (*published_files(entries_of(size)), ("checkpoint", checkpoint)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    tree = fsck(folder, key.verify_key)
    assert tree.faults == ()
    assert list(tree.entries) == entries_of(size)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 70_000))
def test_their_names_are_known_from_the_size_alone(size: int) -> None:
    assert list(published_names(size)) == [name for name, _ in published_files([b""] * size)]
