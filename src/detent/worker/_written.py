"""Answers that a job has been given already, so that one that is killed asks only what is left.

    >>> kept = Written(Path("staging/resume-label-5f0c21aa4b1d"))
    >>> answers = complete(..., kept=kept.answers(["a model", prompts, limits]))

What was asked names the file, so an answer to something else is never taken for it.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from detent.subject.generate import Completion
from detent.values import sha256_hex

T = TypeVar("T")

SECONDS = 2.0
"""Between two writes at the least: what was answered faster is asked again, which costs less than to write it down."""

COST = 0.05
"""The most of the time that goes into writing."""


class _Note(Struct, Generic[T], frozen=True, forbid_unknown_fields=True):
    found: list[T]
    drawn: bytes  # the state of the generator after them


class Written:
    """In `folder`, which need not be there; without one nothing is kept."""

    def __init__(
        self, folder: Path | None, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._clock = clock

    def answers(self, asked: list[Any]) -> "Kept[Completion]":
        """Where answers to what is asked are kept."""
        return self._kept(asked, Completion)

    def chances(self, asked: list[Any]) -> "Kept[tuple[float, ...]]":
        """Where likelihoods are."""
        return self._kept(asked, tuple[float, ...])

    def _kept(self, asked: list[Any], kind: Any) -> "Kept[Any]":
        name = sha256_hex(msgspec.json.encode(asked))
        path = None if self._folder is None else self._folder / f"{name}.json"
        return Kept(path, kind, self._seconds, self._clock)


class Kept(Generic[T]):
    """The answers to one question, in one file: `detent.subject.portions.Portions`."""

    def __init__(self, path: Path | None, kind: Any, seconds: float, clock: Callable[[], float]) -> None:
        """Keep answers of a `kind` in the file at `path`, if there is one."""
        self._path = path
        self._kind = kind
        self._seconds = seconds
        self._clock = clock
        self._due = clock() + seconds

    def restore(self) -> tuple[list[T], bytes]:
        """What is kept; nothing, where that cannot be read."""
        if self._path is None:
            return [], b""
        try:
            note = msgspec.json.decode(_whole(self._path), type=_Note[self._kind])  # type: ignore[name-defined]
        except FileNotFoundError:
            return [], b""
        except (OSError, ValueError) as error:  # msgspec's own is a ValueError
            sys.stderr.write(f"answers expected in {self._path}, got {error}; they are asked again\n")
            return [], b""
        return note.found, note.drawn

    def step(self, found: list[T], drawn: bytes) -> None:
        """Write all down, when it is time to. A disk that refuses costs what would have been kept, and not the job."""
        if self._path is None or self._clock() < self._due:
            return
        began = self._clock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            content = msgspec.json.encode(_Note(found, drawn))
            new.write_bytes(sha256_hex(content).encode() + b"\n" + content)
            new.replace(self._path)
        except OSError as error:
            sys.stderr.write(f"answers could not be kept: {error}\n")
        took = self._clock() - began
        self._due = began + took + max(self._seconds, took / COST)


def _whole(path: Path) -> bytes:
    """What follows its own digest in a file."""
    digest, _, content = path.read_bytes().partition(b"\n")
    if sha256_hex(content).encode() != digest:
        raise ValueError(f"SHA-256 {digest[:64]!r} expected, got {sha256_hex(content)}")
    return content
