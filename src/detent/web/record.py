"""A run's ledger as pages read it: entries newest first, by kind, each checked against the signed checkpoint.

Which kind every entry is of is kept, as a number each; entries themselves are read from their tiles when asked for.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from detent.assembly.enclosing import whole_as_far_as_it_is
from detent.assembly.places import RunFolder
from detent.assembly.reading import log_verify_key
from detent.engine import DataStore
from detent.ledger import LedgerReader
from detent.report.shown import clip, plain
from detent.web.showing import lines_of

SAYS = ("because", "said", "purpose", "decision", "verdict", "order", "reason")
"""Fields of an entry that say what it is about, the best first."""

NAMES = (
    "k",
    "number",
    "version",
    "method",
    "member",
    "digest",
    "data",
    "candidate",
    "subject",
    "what",
    "model",
)
"""Fields that say which one an entry is about, where it says nothing else."""

LONGEST_SAID = 160
LONGEST_SHOWN = 200_000


class _Kind(Struct):
    kind: str = ""


class Line(Struct, frozen=True):
    """One entry in a table."""

    index: int
    at: str
    generation: int | None
    kind: str
    said: str


class Whole(Struct, frozen=True):
    """One entry as it stands on the ledger. lines: its JSON, cut. leaf: its hash in the tree, hex.

    beside: it is larger than a ledger takes, and lies beside it under its hash.
    """

    index: int
    kind: str
    lines: tuple[str, ...]
    bytes: int
    leaf: str
    size: int
    beside: bool


class Record:
    """Reads the ledger of one run; kept for as long as the run is served."""

    def __init__(self, folder: Path) -> None:
        """Raises what `LedgerReader` raises."""
        run = RunFolder(folder)
        key = log_verify_key(run)
        self._read = DataStore(run.data, run.answers).read_bytes
        self.log_key = str(key)
        self._reader = LedgerReader(run.ledger, key)
        self._kinds: dict[str, list[int]] = {}
        self._known = 0
        self._lock = Lock()
        self._decode = msgspec.json.Decoder(_Kind)

    def refresh(self) -> None:
        """Go on to the newest checkpoint."""
        with self._lock:
            self._reader.refresh()
            for data in self._reader.entries(self._known):
                self._kinds.setdefault(self._kind(self._whole(data)), []).append(self._known)
                self._known += 1

    @property
    def size(self) -> int:
        """Entries that are known."""
        return self._known

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint."""
        return self._reader.checkpoint

    @property
    def kinds(self) -> dict[str, int]:
        """How many entries of each kind there are, by name."""
        return {kind: len(found) for kind, found in sorted(self._kinds.items())}

    def total(self, kind: str) -> int:
        """How many entries of that kind there are; of all for ""."""
        return len(self._kinds.get(kind, ())) if kind else self._known

    def lines(self, kind: str, start: int, stop: int) -> list[Line]:
        """Entries from the newest on, `start` of them left out, up to `stop`."""
        if kind:
            return [self._line(index) for index in self._kinds.get(kind, [])[::-1][start:stop]]
        with self._lock:
            low, high = self._known - stop, self._known - start
            found = [line_of(index, self._whole(data)) for index, data in self._between(low, high)]
        return found[::-1]

    def entry(self, index: int) -> Whole | None:
        """The entry there; None where there is none."""
        if not 0 <= index < self._known:
            return None
        with self._lock:
            ((_, data),) = self._between(index, index + 1)
            leaf = self._reader.leaf_hash(index).hex()
        entry = self._whole(data)
        text = msgspec.json.format(entry, indent=2).decode(errors="replace")
        return Whole(
            index=index,
            kind=self._kind(entry),
            lines=tuple(lines_of(text, LONGEST_SHOWN)),
            bytes=len(entry),
            leaf=leaf,
            size=self._known,
            beside=entry != data,
        )

    def _whole(self, data: bytes) -> bytes:
        """What lies beside the ledger, in the place of the entry that stands for it there."""
        return next(whole_as_far_as_it_is([data], self._read))

    def _between(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        yield from zip(range(low, high), self._reader.entries(low), strict=False)

    def _line(self, index: int) -> Line:
        with self._lock:
            ((_, data),) = self._between(index, index + 1)
        return line_of(index, self._whole(data))

    def _kind(self, data: bytes) -> str:
        try:
            return self._decode.decode(data).kind
        except msgspec.DecodeError:
            return ""


def line_of(index: int, data: bytes) -> Line:
    """One entry, as far as it can be read."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        found = None
    entry: dict[str, Any] = found if isinstance(found, dict) else {}
    generation = entry.get("generation")
    return Line(
        index,
        clip(str(entry.get("at", "")), 40),
        generation if isinstance(generation, int) else None,
        clip(plain(str(entry.get("kind", "unreadable"))), 60),
        _said(entry),
    )


def _named(entry: dict[str, Any]) -> Iterator[str]:
    """What it is about, by numbers and digests."""
    for level in (entry, *(one for one in entry.values() if isinstance(one, dict))):
        for key in NAMES:
            value = level.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                yield f"{key} {value}"
            elif isinstance(value, str) and value:
                yield f"{key} {clip(plain(value), 16)}"


def _said(entry: dict[str, Any]) -> str:
    """What an entry says of itself; of one that holds another, what that says."""
    for level in (entry, *(one for one in entry.values() if isinstance(one, dict))):
        for key in SAYS:
            if isinstance(said := level.get(key), str) and said:
                return clip(plain(said), LONGEST_SAID)
    return ", ".join(_named(entry))
