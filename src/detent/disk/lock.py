"""The writer's lock: held by the kernel for a living process, so that no crash leaves it behind.

What the file says (process id, since when) only names the holder to others; the lock is the kernel's (flock).
"""

import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from detent.errors import BusyError, StorageError

_LARGEST_HOLDER = 200
_TRIES = 20
_PAUSE = 0.01  # seconds; `holder` asks for far less than that


class WriterLock:
    """Exclusive until `release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the lock at once or not at all.

        Raises:
            BusyError: another process, or another opening in this one, holds it; says which and since when.
            StorageError: the file system cannot lock.
        """
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _no_lock(path, error) from error
        try:
            _lock(handle)
            _sign_in(handle)
        except BlockingIOError as error:
            said = _said(handle)
            os.close(handle)
            raise BusyError(
                f"to be the only writer of {path.parent} expected, got a writer there already: "
                f"{said or 'it has just started'}; wait until it has ended, or stop it"
            ) from error
        except OSError as error:
            os.close(handle)
            raise _no_lock(path, error) from error
        return cls(handle)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1


def holder(path: Path) -> str:
    """Who holds the lock, such as `process 7 since 2031-01-01T00:00:00Z`; "" when nobody does.

    The kernel is asked, not the text: that outlives a killed process, whose number may be another's by now.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(handle) or "a process that has just started"
    except OSError:
        return ""
    else:
        return ""
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Whoever asks with `holder` is in the way for an instant; a writer stays."""
    for _ in range(_TRIES - 1):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sign_in(handle: int) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"process {os.getpid()} since {since}\n".encode(), 0)


def _said(handle: int) -> str:
    return os.pread(handle, _LARGEST_HOLDER, 0).decode("utf-8", "replace").strip()


def _no_lock(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"a file system with room and locks expected for {path}, got {error}; nothing was written: "
        "make room, or move the folder to a local disk"
    )
