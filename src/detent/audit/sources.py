"""Where a ledger's files are read from: a folder here; elsewhere a server (see `published`).

    >>> Folder(path).read("checkpoint", 100_000)
    b'example.com/run...'

Names are those of C2SP tlog-tiles v0.1.0, `tile/<level>/<index>[.p/<width>]`. Whoever put the files there may be
hostile: nothing is read that is no ordinary file, and of no file more than it may have.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from detent.audit.files import plain_file

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

HASH_BYTES = 32
MOST_BUNDLE = WIDTH * (2 + 65_535)
"""Bytes: 256 of the longest entries, each after its length."""

_WIDTH = re.compile(r"[1-9][0-9]{0,2}")


class Found(NamedTuple):
    """A bundle's file: its name, the number of entries that the name promises, and its bytes."""

    name: str
    width: int
    data: bytes


class Source(Protocol):
    """A published log.

    names: of every file there, or None where that cannot be known.
    """

    def names(self) -> frozenset[str] | None:
        """Every file's name, but the names of folders."""

    def has(self, name: str) -> bool:
        """Whether anything lies there under that name, whatever it is."""

    def read(self, name: str, most: int) -> bytes | None:
        """The file's bytes; None when there is none, or it is no ordinary one, or longer than `most` bytes."""

    def bundle(self, index: int, signed: int) -> Found | None:
        """The widest version of an entry bundle, in a log of which `signed` entries are signed; None for none."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A log's folder. A writer may be at work in it."""

    path: Path

    def names(self) -> frozenset[str]:
        """Links are names too, wherever they lead."""
        return frozenset(_walked(self.path))

    def has(self, name: str) -> bool:
        """See Source."""
        return os.path.lexists(self.path / name)

    def read(self, name: str, most: int) -> bytes | None:
        """See Source."""
        return plain_file(self.path / name, most)

    def bundle(self, index: int, signed: int) -> Found | None:  # noqa: ARG002  what is there is looked at
        """The full one, else the widest partial one; that goes once the full one is there."""
        name, width = self._widest(index)
        data = self.read(name, MOST_BUNDLE)
        if data is None and 0 < width < WIDTH:
            name, width = self._widest(index)
            data = self.read(name, MOST_BUNDLE)
        return Found(name, width, data or b"") if width else None

    def _widest(self, index: int) -> tuple[str, int]:
        full = tile_name("entries", index)
        if (self.path / full).is_file():
            return full, WIDTH
        partial = self.path / f"{full}.p"
        try:
            widths = [
                int(one.name) for one in partial.iterdir() if _WIDTH.fullmatch(one.name) and one.is_file()
            ]
        except OSError:
            widths = []
        return (f"{full}.p/{max(widths)}", max(widths)) if widths else (full, 0)


def _walked(folder: Path) -> Iterator[str]:
    """Names from the folder on; without recursion, since folders can lie deeper than Python calls."""
    waiting = [""]
    while waiting:
        before = waiting.pop()
        try:
            with os.scandir(folder / before) as inside:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in inside]
        except OSError:
            entries = []  # gone, or too deep for a path: no file of a log is
        for name, is_folder in entries:
            if is_folder:
                waiting.append(f"{before}{name}/")
            else:
                yield before + name


def unpacked(data: bytes) -> tuple[list[bytes], bool]:
    """The entries, each after its length in 16 bits; and whether the last one ends where the data does.

    At most one more than a bundle may have: of empty ones, 16 MB would hold eight million.
    """
    entries, at, last = list[bytes](), 0, len(data)
    while at + 2 <= last and len(entries) <= WIDTH:
        end = at + 2 + (data[at] << 8 | data[at + 1])
        if end > last:
            break
        entries.append(data[at + 2 : end])
        at = end
    return entries, at == last


def tile_name(level: str, index: int, width: int = WIDTH) -> str:
    """The name of a tile, or where the level is `entries` of a bundle."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")
