"""A cluster in memory, event by event: jobs take free places in turn, and fetch through a store that they share.

    >>> simulated(placed).seconds
    27.0

It knows no formula: a job waits for a place, starts, fetches at a rate that changes whenever another begins or ends to
fetch, and computes. `slower` makes jobs unlike, as machines do; the next phase waits for the last of them.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from detent.sizing.scale import Placed

CLOSE = 1e-9  # bytes, and share of those that are left, that are none


class Simulated(NamedTuple):
    """Seconds until the last job was over, and GPU-seconds in which jobs held GPUs."""

    seconds: float
    worked: float


def simulated(placed: Placed, slower: Callable[[int], float] = lambda _: 1.0) -> Simulated:
    """Run one phase. slower: by what job number i's computing takes longer."""
    waiting = list(range(placed.jobs))[::-1]
    timers: list[tuple[float, int, str]] = []  # when, job, what ends then
    fetching: dict[int, float] = {}  # bytes that are left
    began: dict[int, float] = {}
    now = worked = 0.0
    while waiting or timers or fetching:
        while waiting and len(began) < placed.abreast:
            job = waiting.pop()
            began[job] = now
            heappush(timers, (now + placed.start, job, "started"))
        rate = min(placed.reader, placed.store / len(fetching)) if fetching else 1.0
        fetched = now + min(fetching.values()) / rate if fetching else inf
        until = min(fetched, timers[0][0] if timers else inf)
        done = _whole(fetching) if fetched <= until else []
        fetching = {
            job: max(0.0, left - rate * (until - now)) for job, left in fetching.items() if job not in done
        }
        now = until
        for job in done:
            heappush(timers, (now + placed.computing * slower(job), job, "computed"))
        while timers and timers[0][0] <= now:
            _, job, ended = heappop(timers)
            if ended == "started":
                fetching[job] = placed.fetched
            else:
                worked += placed.span * (now - began.pop(job))
    return Simulated(now, worked)


def _whole(fetching: dict[int, float]) -> list[int]:
    """Those that end now: with the least left, but for what floats lose."""
    least = min(fetching.values())
    return [job for job, left in fetching.items() if left <= least * (1 + CLOSE) + CLOSE]


def simulated_in_order(phases: Sequence[Placed], slower: Callable[[int], float] = lambda _: 1.0) -> Simulated:
    """One phase after the other, each when the last job of the one before is over."""
    ends = [simulated(placed, slower) for placed in phases]
    return Simulated(sum(end.seconds for end in ends), sum(end.worked for end in ends))
