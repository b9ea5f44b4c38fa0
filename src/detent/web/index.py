"""What pages list of every generation, noted once: closed generations never change, and lie packed.

>>> index.read_on(story)
>>> index.notes[-1].request.number
3
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from msgspec import Struct

from detent.report import Story
from detent.values import Answered, Entry, Requested, Watched


class Measured(NamedTuple):
    """A tripwire's reading without its sentence.."""

    wire: str
    statistic: float | None
    limit: float | None
    fired: bool


class Note(Struct, frozen=True):
    """One generation: what people were asked and answered, and what tripwires measured."""

    generation: int
    request: Requested | None
    answer: Answered | None
    measured: tuple[Measured, ...]


class Index:
    """The notes of one run."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._closed: list[Note] = []
        self._lock = Lock()

    def read_on(self, story: Story) -> tuple[Note, ...]:
        """The notes of all generations, the one in progress too, oldest first."""
        history = story.state.history
        with self._lock:
            for generation in range(len(self._closed), len(history)):
                self._closed.append(_note(generation, history[generation]))
            closed = tuple(self._closed)
        slots = story.state.slots
        return (*closed, _note(story.state.generation, slots)) if slots else closed


def _note(generation: int, slots: Mapping[str, Entry]) -> Note:
    asked, answered, watched = slots.get("request/v1"), slots.get("answer/v1"), slots.get("watch/v1")
    return Note(
        generation,
        asked if isinstance(asked, Requested) else None,
        answered if isinstance(answered, Answered) else None,
        tuple(_measured(watched)) if isinstance(watched, Watched) else (),
    )


def _measured(watched: Watched) -> Iterator[Measured]:
    for reading in watched.readings:
        yield Measured(reading.wire, reading.statistic, reading.limit, reading.fired)
