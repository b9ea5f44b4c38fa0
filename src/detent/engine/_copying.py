"""How a folder that a worker left is taken over: its regular files are copied, durably, and nothing is followed."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from detent.disk import discard, storing, sync_folder
from detent.errors import SubjectError, TrustError
from detent.values.folder import folder_digest
from detent.values.weights import HEADER

DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


def copied(
    staged: Path, incoming: Path, most_bytes: int, check: Callable[[Sequence[str], Path], None]
) -> None:
    """Copy a folder of files to the new folder `incoming`, where `check(names, staged)` finds nothing wrong.

    It is copied, not moved: a worker that still holds a file open could write into a moved one.

    Raises:
        SubjectError: something that is not a regular file lies in it, or it is too large.
        StorageError: the disk refuses.
    """
    with storing(incoming):
        incoming.mkdir()
    left = most_bytes
    with _opened_folder(staged) as source:
        names = sorted(os.listdir(source))  # noqa: PTH208  Path knows no descriptors
        check(names, staged)
        for name in names:
            left -= _copy_file(name, source, incoming, left)
    with storing(incoming):
        sync_folder(incoming)


def placed(incoming: Path, store: Path, digest: str) -> None:
    """Give a folder in `store` whose content has that digest its name; a damaged one of that name is replaced.

    Raises:
        StorageError: the disk refuses.
    """
    final = store / digest
    if final.is_dir() and folder_digest(final) == digest:
        return
    with storing(final):
        discard(final)  # a damaged copy of what is at hand whole
        incoming.rename(final)
        sync_folder(store)


def digest_name(digest: str) -> str:
    """The digest, which is the name of a file or folder; raises TrustError when it could be any other name."""
    if not DIGEST.fullmatch(digest):
        raise TrustError(
            f"a digest of 64 lower-case hex digits expected, got {digest!r}; the record is damaged"
        )
    return digest


@contextmanager
def _opened_folder(folder: Path) -> Iterator[int]:
    """A descriptor of the folder itself: a link put in its place is not followed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise SubjectError(
            f"a folder with a model expected, got {folder}: {error.strerror}; run again"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_file(name: str, source: int, target: Path, most_bytes: int) -> int:
    """Copy one regular file durably; returns its size."""
    with _opened_file(name, source) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise SubjectError(
                f"a model of fewer bytes expected, got {size} in {name} alone; make a smaller one"
            )
        if name.endswith(".safetensors"):
            _check_header(name, file)
        with storing(target / name), (target / name).open("xb") as copy:
            while chunk := file.read(min(_CHUNK, size - copy.tell())):  # no more than there was: it may grow
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    return size


@contextmanager
def _opened_file(name: str, folder: int) -> Iterator[BinaryIO]:
    try:
        # Neither a link nor a pipe that would never say anything.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        raise SubjectError(
            f"a regular file {name} expected, got a link or nothing: {error.strerror}"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SubjectError(f"a regular file {name} expected, got a folder or special file; remove it")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _check_header(name: str, file: BinaryIO) -> None:
    """A safetensors file begins with its header's length and a JSON object; a pickle or zip does not."""
    start = file.read(HEADER + 1)
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(start[:HEADER], "little")
    if start[HEADER:] != b"{" or length > size - HEADER:
        raise SubjectError(
            f"a safetensors file expected, got {name}, which is something else; convert the weights"
        )
    file.seek(0)
