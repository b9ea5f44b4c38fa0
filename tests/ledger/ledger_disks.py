"""Disks that fail on purpose: at one chosen step, in every way; or by losing what was not yet durable."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from detent.ledger._files import Files

Way = Literal["lost", "done"]
"""How a step fails.

lost: nothing happened, or half of the bytes were written.  done: it happened, and was reported as failed.
"""


class BreakingFiles(Files):
    """Fails at step `at` (counted from 0) and at no other; `at` beyond the last step never fails."""

    def __init__(self, root: Path, at: int, way: Way) -> None:
        super().__init__(root)
        self.at, self.way, self.step = at, way, 0

    def at_folder(self, folder: Path) -> "BreakingFiles":
        """Itself, in the place of `Files(folder)`."""
        assert folder == self.root
        return self

    @property
    def broke(self) -> bool:
        return self.step > self.at

    def _write_new(self, path: Path, data: bytes) -> None:
        self._do(lambda: None, on_failure=lambda: path.write_bytes(data[: len(data) // 2]))  # torn
        self._do(lambda: super(BreakingFiles, self)._write_new(path, data))

    def _rename(self, old: Path, new: Path) -> None:
        self._do(lambda: super(BreakingFiles, self)._rename(old, new))

    def _sync_folder(self, folder: Path) -> None:
        self._do(lambda: super(BreakingFiles, self)._sync_folder(folder))

    def _make_folder(self, folder: Path) -> None:
        self._do(lambda: super(BreakingFiles, self)._make_folder(folder))

    def _remove_folder(self, folder: Path) -> None:
        self._do(lambda: super(BreakingFiles, self)._remove_folder(folder))

    def _unlink(self, path: Path) -> None:
        self._do(lambda: super(BreakingFiles, self)._unlink(path))

    def _do(self, act: Callable[[], None], on_failure: Callable[[], object] = lambda: None) -> None:
        step, self.step = self.step, self.step + 1
        if step != self.at:
            act()
        elif self.way == "done":
            act()
            raise OSError(errno.EIO, "Input/output error")
        else:
            on_failure()
            raise OSError(errno.ENOSPC, "No space left on device")


@dataclass
class Disk:
    """What a power cut leaves: contents by name, None for folders; and what is not durable yet, in order."""

    durable: dict[Path, bytes | None] = field(default_factory=dict)
    pending: list[tuple[Path, bytes | None, bool]] = field(default_factory=list)  # name, content, is there


class PowerCut(BaseException):
    """Not an Exception: nothing in the ledger may live through it."""


class PowerCutFiles(Files):
    """Loses the power at step `at`. What no fsync of a folder had covered survives or not, name by name."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self.at, self.step = at, 0
        self.disk = Disk({path: _content(path) for path in root.rglob("*")})

    def cut(self, chance: Random) -> None:
        """Leave on the disk what survives: all that was durable, and of the rest a random part."""
        for name, content, there in self.disk.pending:
            if chance.random() < 0.5:
                _set(self.disk.durable, name, content, there)
        shutil.rmtree(self.root)
        self.root.mkdir()
        for name, content in sorted(self.disk.durable.items()):
            if name.parent.is_dir():
                if content is None:
                    name.mkdir()
                else:
                    name.write_bytes(content)

    def _write_new(self, path: Path, data: bytes) -> None:
        super()._write_new(path, data)
        self._pend((path, data, True))

    def _rename(self, old: Path, new: Path) -> None:
        self._tick()
        data = old.read_bytes()
        super()._rename(old, new)
        # Two entries in two folders: nothing but a file system's kindness makes them one.
        self._pend((new, data, True), (old, None, False))

    def _sync_folder(self, folder: Path) -> None:
        self._tick()
        for name, content, there in self.disk.pending:
            if name.parent == folder:
                _set(self.disk.durable, name, content, there)
        self.disk.pending = [change for change in self.disk.pending if change[0].parent != folder]
        self._tick()

    def _make_folder(self, folder: Path) -> None:
        super()._make_folder(folder)
        self._pend((folder, None, True))

    def _remove_folder(self, folder: Path) -> None:
        super()._remove_folder(folder)
        self._pend((folder, None, False))

    def _unlink(self, path: Path) -> None:
        if path.exists():
            super()._unlink(path)
            self._pend((path, None, False))

    def _pend(self, *changes: tuple[Path, bytes | None, bool]) -> None:
        self.disk.pending += changes
        self._tick()

    def _tick(self) -> None:
        step, self.step = self.step, self.step + 1
        if step == self.at:
            raise PowerCut


def _set(names: dict[Path, bytes | None], name: Path, content: bytes | None, there: bool) -> None:
    if there:
        names[name] = content
    else:
        names.pop(name, None)


def _content(path: Path) -> bytes | None:
    return None if path.is_dir() else path.read_bytes()
