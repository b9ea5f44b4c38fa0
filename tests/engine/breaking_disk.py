"""The operating system's own calls, one of them broken: for what has no seam of its own to break.

>>> with breaking(monkeypatch, at=3, way="done") as disk:
...     store.admit(staged)
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

Way = Literal["lost", "done"]
"""How a call fails.

lost: nothing happened, or half of a file's bytes were written.  done: it happened, and was reported as failed.
"""

CALLS = ("fsync", "rename", "replace", "mkdir", "symlink", "link", "unlink", "rmdir")
"""Every call that changes names or makes something durable. What is written is lost at its fsync."""


class BreakingDisk:
    """Counts calls from 0; breaks number `at` and no other."""

    def __init__(self, at: int, way: Way) -> None:
        self.at, self.way, self.step = at, way, 0

    @property
    def broke(self) -> bool:
        return self.step > self.at

    def around(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: Any, **kwargs: Any) -> object:
            step, self.step = self.step, self.step + 1
            if step != self.at:
                return real(*args, **kwargs)
            if self.way == "done":
                real(*args, **kwargs)
                raise OSError(errno.EIO, "Input/output error")
            if real.__name__ == "fsync":
                _tear(args[0])
            raise OSError(errno.ENOSPC, "No space left on device")

        return call


def _tear(handle: int) -> None:
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode):
        os.ftruncate(handle, found.st_size // 2)


@contextmanager
def breaking(monkeypatch: pytest.MonkeyPatch, at: int, way: Way) -> Iterator[BreakingDisk]:
    """Break one call within the block."""
    disk = BreakingDisk(at, way)
    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, disk.around(getattr(os, name)))
        yield disk
