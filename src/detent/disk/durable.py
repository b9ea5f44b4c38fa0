"""Writing so that it is there after a power cut, or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from itertools import count
from pathlib import Path

from detent.errors import StorageError

INCOMING = ".incoming-"
"""Begins the name of what is not yet whole; such leftovers of a crash are replaced by the next write."""


@contextmanager
def storing(what: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a StorageError that names `what`."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{what} to be written expected, got {error.strerror or error}; nothing was damaged: "
            "free space or make the folder writable, then run again"
        ) from error


def write_file(target: Path, content: bytes) -> None:
    """Give `target` this content durably; readers see the old file or the new one, never a part.

    Raises:
        StorageError: it cannot be written; `target` is as it was.
    """
    with storing(target):
        replace_file(target, target.with_name(INCOMING + target.name), content)
        sync_folder(target.parent)


def replace_file(target: Path, draft: Path, content: bytes) -> None:
    """Write `draft`, which lies beside `target`, and put it in its place, whole or not at all.

    What lies at the draft's name is removed: a link that somebody put there is not followed.

    Raises:
        OSError: it cannot be written; `target` is as it was.
    """
    discard(draft)
    try:
        made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with os.fdopen(made, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        discard(draft)
        raise


def open_log(path: Path) -> FileIO:
    """A file to append to, made where there is none.

    What lies there and is no regular file of that one name is moved aside: a link is not followed, and nobody waits
    for a pipe's reader.

    Raises:
        OSError, StorageError: the disk refuses, or somebody puts something there at this very moment.
    """
    if os.path.lexists(path) and not _ordinary(os.lstat(path)):
        move_aside(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    if not _ordinary(os.fstat(descriptor)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return FileIO(descriptor, "a")


def _ordinary(of: os.stat_result) -> bool:
    return stat.S_ISREG(of.st_mode) and of.st_nlink <= 1


def sync_folder(folder: Path) -> None:
    """Make durable which names are in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_aside(path: Path) -> Path:
    """Give what lies at `path`, whatever it is, a name beside it that is free and says so; returns that.

    Raises:
        StorageError: the disk refuses.
    """
    names = (path.with_name(f"{path.name}.moved-aside-{number}") for number in count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    with storing(path):
        path.rename(aside)
    return aside


def own_folder(path: Path) -> Path | None:
    """See that `path` is a folder; what lies there and is none, or leads to one elsewhere, is moved aside.

    Returns where to; None when nothing was in the way.

    Raises:
        OSError, StorageError: the disk refuses.
    """
    in_the_way = os.path.lexists(path) and (path.is_symlink() or not path.is_dir())
    aside = move_aside(path) if in_the_way else None
    path.mkdir(parents=True, exist_ok=True)
    return aside


def discard(path: Path) -> None:
    """Remove a file or folder if it can be; what stays is replaced by the next write of that name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return
