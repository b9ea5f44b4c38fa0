"""The one seam between the ledger and the disk; tests break it at every step.

Names are relative to the ledger's folder, as in the published layout.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from detent.errors import StorageError, UsageError

TEMPORARY = ".new"
"""A file being written; there is at most one, since there is one writer. Found at opening, it is torn."""


class Files:
    """Files under one folder. Whatever the disk refuses comes out as StorageError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make_root(self) -> None:
        """Make the folder itself, durably.

        Raises:
            UsageError: it exists, or the folder it should be in does not.
        """
        with _disk_errors("make", str(self.root)):
            try:
                self._make_folder(self.root)
                self._sync_folder(self.root.parent)
            except FileExistsError as error:
                raise UsageError(
                    f"a new folder expected, got {self.root}, which exists; choose another"
                ) from error
            except FileNotFoundError as error:
                raise UsageError(
                    f"a new folder in an existing one expected, got {self.root}; make its parent first"
                ) from error
            except OSError:
                with contextlib.suppress(OSError):
                    self._remove_folder(self.root)
                raise

    def read(self, name: str) -> bytes | None:
        """The whole file, or None when there is none."""
        with _disk_errors("read", name):
            try:
                return (self.root / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted; nothing when there is no such folder."""
        with _disk_errors("list", folder):
            try:
                return sorted(path.name for path in (self.root / folder).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def write_durably(self, name: str, data: bytes) -> None:
        """Put `data` under `name`, whole or not at all; when this returns, it survives a crash.

        A reader sees the old file or the new one, never a part.
        """
        with _disk_errors("write", name):
            self._ensure_folder((self.root / name).parent)
            try:
                self._write_new(self.root / TEMPORARY, data)
                self._rename(self.root / TEMPORARY, self.root / name)
            except OSError:
                self.discard(TEMPORARY)  # gives a full disk its space back
                raise
            self._sync_folder((self.root / name).parent)

    def remove(self, name: str) -> None:
        """Remove a file; that there is none is fine."""
        with _disk_errors("remove", name):
            self._unlink(self.root / name)

    def discard(self, name: str) -> None:
        """Remove a file or a folder of files if the disk lets us; nothing depends on it."""
        with contextlib.suppress(OSError, StorageError):
            for inner in self.names(name):
                self._unlink(self.root / name / inner)
            if (self.root / name).is_dir():
                self._remove_folder(self.root / name)
            else:
                self._unlink(self.root / name)

    def _ensure_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._ensure_folder(folder.parent)
            self._make_folder(folder)
            self._sync_folder(folder.parent)

    def _write_new(self, path: Path, data: bytes) -> None:
        # Unlinked, never truncated: after a power cut it may be a second name of a tile that is in force.
        self._unlink(path)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def _sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir()

    def _remove_folder(self, folder: Path) -> None:
        folder.rmdir()

    def _unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"the disk expected to {verb} {name} of the ledger, got {error}; "
            "nothing that was there is damaged: make room or repair the disk, and run again"
        ) from error
