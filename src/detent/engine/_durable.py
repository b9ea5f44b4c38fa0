"""Writing so that it is there after a power cut, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
    incoming = target.with_name(INCOMING + target.name)
    with storing(target):
        try:
            with incoming.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            incoming.replace(target)
            sync_folder(target.parent)
        except BaseException:
            discard(incoming)
            raise


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


def discard(path: Path) -> None:
    """Remove a file or folder if it can be; what stays is replaced by the next write of that name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return
