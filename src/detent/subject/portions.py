"""A long question in batches, of which some may have been answered before: only what is left is asked.

    >>> in_portions(batches, ask, kept, noise)          # what `ask` answers to each batch, one after another

A batch is never cut, and where answers are drawn, the generator is put where it stood: so the answers are those of a
question that was asked in one go, bit for bit.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
Batch = list[int]  # places in what was asked
Progress = Callable[[int, int], None]  # (done, of how many)


class Portions(Protocol[T]):
    """Where answers are kept until all have come."""

    def restore(self) -> tuple[list[T], bytes]:
        """What was answered, in the order of the batches, and the state of the generator after it."""

    def step(self, found: list[T], drawn: bytes) -> None:
        """Keep all of them, when it is time to."""


def in_portions(
    batches: Sequence[Batch],
    ask: Callable[[Batch], list[T]],
    kept: Portions[T] | None,
    noise: torch.Generator | None = None,
    on_progress: Progress | None = None,
) -> list[T]:
    """One answer for each place, in the order in which the batches name them."""
    total = sum(map(len, batches))
    found = _restored(batches, kept, noise)
    done = 0
    for batch in batches:
        done += len(batch)
        if done <= len(found):
            continue
        found += ask(batch)
        if on_progress is not None:
            on_progress(done, total)
        if kept is not None:
            kept.step(found, b"" if noise is None else noise.get_state().numpy().tobytes())
    return found


def _restored(batches: Sequence[Batch], kept: Portions[T] | None, noise: torch.Generator | None) -> list[T]:
    """What was answered already: whole batches, or nothing."""
    found, drawn = ([], b"") if kept is None else kept.restore()
    ends, end = set[int](), 0
    for batch in batches:
        end += len(batch)
        ends.add(end)
    if len(found) not in ends or (noise is not None and len(drawn) != noise.get_state().numel()):
        return []
    if noise is not None:
        noise.set_state(torch.frombuffer(bytearray(drawn), dtype=torch.uint8))
    return found


def in_their_order(batches: Sequence[Batch], found: Sequence[T]) -> list[T]:
    """Answers in the order of what was asked."""
    places = [place for batch in batches for place in batch]
    by_place = dict(zip(places, found, strict=True))
    return [by_place[place] for place in range(len(places))]
