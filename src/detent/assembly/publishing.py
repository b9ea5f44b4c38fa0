"""What of a run may be shown to anybody: exactly the files that `verify` reads, but for models, and nothing else.

    >>> shelf = Shelf.of(Path("demo"))
    >>> with shelf.open("checkpoint") as file:
    ...     file.kind
    'text/plain; charset=utf-8'

A file has its name relative to the run folder, and the log stands at the root as well, as C2SP tlog-tiles v0.1.0
has it. What is not named by a pattern here is not there: no lock, no journal, no inbox, no logs, no list of names.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from detent.assembly.places import RunFolder
from detent.errors import UsageError

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"

LASTING = "public, max-age=31536000, immutable"
"""For a year, as tiles never change; so neither does what is named by its digest."""

CHANGING = "no-cache"

_TILE = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,6}[0-9]{3}"
    r"(?:\.p/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)
_FILE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}"
_OWN = re.compile(rf"tasks/(?:{_FILE}/){{0,8}}{_FILE}\.(?:py|toml|jsonl)")
_DIGESTED = re.compile(r"data/[0-9a-f]{64}\.jsonl|answers/[0-9a-f]{64}")

_OF_A_RUN = {
    "charter.toml": (TEXT, CHANGING),
    "charter.dsse": (JSON, CHANGING),
    "log.vkey": (TEXT, CHANGING),
}
_NAMED = ((_DIGESTED, (BYTES, LASTING)), (_OWN, (BYTES, CHANGING)))


@dataclass(frozen=True, slots=True)
class Shown:
    """A file that is open, its size in bytes, its content type, and how long a cache may keep it."""

    file: BinaryIO
    size: int
    kind: str
    keep: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder whose files are shown. `log` is the log's place in it: "ledger/" in a run's, "" in a log's own."""

    root: Path
    log: Literal["ledger/", ""]

    @classmethod
    def of(cls, folder: Path) -> "Shelf":
        """Of a run folder, or of a log's folder alone.

        Raises:
            UsageError: it is neither.
        """
        if (folder / "checkpoint").is_file():
            return cls(folder, "")
        RunFolder(folder).check()
        return cls(folder, "ledger/")

    @contextmanager
    def open(self, name: str) -> Iterator[Shown | None]:
        """The file of that name; None when nothing of that name is shown. No link is followed, in no part of it."""
        place = self._place(name)
        file = _opened(self.root, place[0]) if place is not None else None
        if place is None or file is None:
            yield None
            return
        with file:
            yield Shown(file, os.fstat(file.fileno()).st_size, *place[1:])

    def _place(self, name: str) -> tuple[str, str, str] | None:
        """The path below the root, the content type, and how long to keep it."""
        of_log = name.removeprefix("ledger/") if self.log else name
        if of_log == "checkpoint":
            return self.log + of_log, TEXT, CHANGING
        if _TILE.fullmatch(of_log):
            return self.log + of_log, BYTES, LASTING
        told = _OF_A_RUN.get(name) or next((how for form, how in _NAMED if form.fullmatch(name)), None)
        return (name, *told) if self.log and told else None


def _opened(root: Path, name: str) -> BinaryIO | None:
    """An ordinary file below `root`, every part of its path opened in the one before."""
    *folders, last = name.split("/")
    try:
        at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"a folder expected at {root}, got {error.strerror}; was it moved?") from error
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        # Without waiting: it may be a pipe, which nobody writes to.
        handle = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError:
        return None
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    return os.fdopen(handle, "rb")
