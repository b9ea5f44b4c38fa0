"""What generations of a run really took, as its ledger tells: operations, seconds, and the speed that follows.

>>> measured(entries)[1].flops
2792000000000.0
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from detent.sizing.machine import Speed
from detent.values import CandidateTrained, Decided, Entry, Profiled, SessionStarted, SubjectBuilt

LEAST_SECONDS = 5.0
"""Of work, from which a speed is taken: the ledger's times are whole seconds."""


class Taken(Struct, frozen=True):
    """One closed generation. seconds: between its entries, without those in which no session ran."""

    generation: int
    flops: float
    seconds: float


def measured(entries: Sequence[Entry]) -> tuple[Taken, ...]:
    """Every closed generation, in order; one that a rollback closed too."""
    flops: dict[int, float] = {}
    seconds: dict[int, float] = {}
    closed: list[int] = []
    for before, entry in pairwise([*entries[:1], *entries]):
        generation = entry.generation
        flops[generation] = flops.get(generation, 0.0) + float(getattr(entry, "flops", 0.0))
        if not isinstance(entry, SessionStarted):  # before a session began, nobody worked
            seconds[generation] = seconds.get(generation, 0.0) + _between(before, entry)
        if isinstance(entry, Decided):
            closed.append(generation)
    return tuple(Taken(one, flops[one], seconds[one]) for one in closed)


def measured_speed(entries: Sequence[Entry]) -> Speed | None:
    """Of this run's training and answers so far; None where too little was done to tell.

    Members that are trained side by side are counted together: their entries follow each other at once.
    """
    work = {"training": [0.0, 0.0], "answering": [0.0, 0.0]}
    for before, entry in pairwise(entries):
        kind = (
            "training"
            if isinstance(entry, SubjectBuilt | CandidateTrained)
            else "answering"
            if isinstance(entry, Profiled)
            else ""
        )
        if kind and not isinstance(before, SessionStarted):
            work[kind][0] += float(getattr(entry, "flops", 0.0))
            work[kind][1] += _between(before, entry)
    if min(seconds for _, seconds in work.values()) < LEAST_SECONDS:
        return None
    training, answering = (flops / seconds for flops, seconds in work.values())
    return Speed(training, answering, "measured in this run")


def _between(before: Entry, entry: Entry) -> float:
    try:
        passed = datetime.fromisoformat(entry.at) - datetime.fromisoformat(before.at)
    except ValueError:
        return 0.0
    return max(0.0, passed.total_seconds())
