"""Walks of a test's three counts under known truths: `gate_simulation.py` and the tests run thousands.

The arithmetic is the package's own (`Process.log_e`, `hopeless`); only the items are drawn here, by Python's
Mersenne Twister. Between two items that matter only the same thing happens, so a walk jumps from event to
event and stays exact: counts at the first crossing are those of a walk that looks after every item.
"""

# ruff: noqa: S311  (a simulation is no secret)

import random
from collections.abc import Callable, Sequence
from functools import cache
from math import inf, log, log1p

from detent.evaluate.budget import alpha, item_limit
from detent.evaluate.gate import Kind, process, threshold
from detent.evaluate.opening import FIRST_BATCH, hopeless
from detent.values import Counts, Target


class Walk:
    """One test on items that win with probability `win`, lose with `loss` and else are ties.

    Wins and losses are events; between two of them there are only ties. Against a floor the events are wrong
    answers, and between two of them there are only right ones.
    """

    def __init__(
        self, kind: Kind, bound: float, level: float, limit: int, *, win: float, loss: float
    ) -> None:
        """Prepare; `needed` remembers what it works out, so one walk object is run many times."""
        self.kind, self.limit, self.level = kind, limit, level
        self._target = Target("T", kind, (), (), bound, limit)
        self._test = process(kind, bound)
        self._line = threshold(level)
        self._event = loss if kind == "floor" else win + loss
        self._win = 0.0 if kind == "floor" or not self._event else win / self._event
        self._needed = cache(self._items_between_needed)

    def run(self, rng: random.Random, *, give_up: bool = False) -> tuple[bool, Counts]:
        """Whether it passed, and the counts where it ended; `give_up` as openings do when it is hopeless."""
        state = (0, 0, 0)
        stop = FIRST_BATCH if give_up else self.limit
        while True:
            passed, state = self._until(min(stop, self.limit), state, rng)
            counts = self._counts(*state)
            if passed or stop >= self.limit or hopeless(self._target, counts, self.level):
                return passed, counts
            stop += max(FIRST_BATCH, stop // 2)

    def _until(
        self, stop: int, state: tuple[int, int, int], rng: random.Random
    ) -> tuple[bool, tuple[int, int, int]]:
        wins, losses, between = state
        while True:
            gap = min(self._gap(rng), stop - wins - losses - between)
            needed = self._needed(wins, losses)
            if needed <= between + gap:
                return True, (wins, losses, max(between, int(needed)))
            between += gap
            if wins + losses + between >= stop:
                return False, (wins, losses, between)
            won = rng.random() < self._win
            wins, losses = wins + won, losses + (not won)

    def _gap(self, rng: random.Random) -> int:
        """Items until the next event."""
        return int(log(1 - rng.random()) / log1p(-self._event)) if 0 < self._event < 1 else self.limit

    def _counts(self, wins: int, losses: int, between: int) -> Counts:
        return Counts(between, losses, 0) if self.kind == "floor" else Counts(wins, losses, between)

    def _items_between_needed(self, wins: int, losses: int) -> float:
        """Items between events with which so many events pass; inf when the limit allows no such number."""

        def passes(between: int) -> bool:
            counts = self._counts(wins, losses, between)
            return self._test.log_e(counts.wins, counts.losses, counts.ties) >= self._line

        low, high = -1, max(0, self.limit - wins - losses)
        if not passes(high):
            return inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if passes(middle) else (middle, high)
        return high


class WinLine:
    """Superiority: how many wins pass with so many losses. Ties do not matter there."""

    def __init__(self, level: float) -> None:
        """Nothing is worked out yet."""
        self._test = process("superiority", 0.0)
        self._line = threshold(level)
        self._wins: list[int] = []

    def __call__(self, losses: int) -> int:
        """Wins needed; they grow with the losses."""
        while len(self._wins) <= losses:
            self._wins.append(self._next())
        return self._wins[losses]

    def _next(self) -> int:
        wins = self._wins[-1] if self._wins else 0
        while self._test.log_e(wins, len(self._wins), 0) < self._line:
            wins += 1
        return wins


def null_passes(line: WinLine, limit: int, rng: random.Random) -> bool:
    """Whether a candidate exactly as good as the incumbent is accepted within `limit` items.

    Discordance .25; on discordant items it wins with 1/2. While n more wins in a row could not pass, n of
    them are drawn at once, as the number of ones in n random bits.
    """
    left = (rng.getrandbits(limit) & rng.getrandbits(limit)).bit_count()
    wins = losses = 0
    while left > 0:
        distance = line(losses) - wins
        if distance <= 0:
            return True
        stride = min(left, max(1, distance - 1))
        ones = rng.getrandbits(stride).bit_count()
        wins, losses, left = wins + ones, losses + stride - ones, left - stride
    return wins >= line(losses)


def false_promotions(
    runs: int, openings: int, budget: float, seed: int, first_limit: int = 4000
) -> list[int]:
    """For each run, the opening k at which a null candidate was first promoted; 0 for never."""
    rng = random.Random(seed)
    gates = [(WinLine(alpha(k, budget)), item_limit(first_limit, k, budget)) for k in range(1, openings + 1)]
    return [
        next((k for k, (line, limit) in enumerate(gates, 1) if null_passes(line, limit, rng)), 0)
        for _ in range(runs)
    ]


Feed = Callable[[random.Random, float, Sequence[list[int]]], int]
"""(rng, share of the items used, [net wins, items] of each slice) -> the slice of the next item."""


def random_slice(rng: random.Random, used: float, seen: Sequence[list[int]]) -> int:
    """As the gate does."""
    del used
    return rng.randrange(len(seen))


def ordered_slice(rng: random.Random, used: float, seen: Sequence[list[int]]) -> int:
    """One slice after the other, as when the easiest come first."""
    del rng
    return int(used * len(seen))


def best_slice(rng: random.Random, used: float, seen: Sequence[list[int]]) -> int:
    """Every other item, on average, to the slice that looks best so far."""
    del used
    if rng.random() < 0.5:
        return rng.randrange(len(seen))
    return max(range(len(seen)), key=lambda place: seen[place][0] / (seen[place][1] + 10))


def sliced_null_share(feed: Feed, runs: int, seed: int, slices: int = 12, limit: int = 4000) -> float:
    """Share of null candidates that pass at level .05 when `feed` picks the slices.

    The candidate gains 10 points on the first slice, loses 10 on the last, evenly in between: 0 on average.
    Discordance .2 everywhere.
    """
    rng = random.Random(seed)
    line = WinLine(0.05)
    effects = [0.1 * (1 - 2 * place / (slices - 1)) for place in range(slices)]
    return sum(_sliced_null_passes(feed, effects, limit, line, rng) for _ in range(runs)) / runs


def _sliced_null_passes(
    feed: Feed, effects: Sequence[float], limit: int, line: WinLine, rng: random.Random
) -> bool:
    wins = losses = 0
    seen = [[0, 0] for _ in effects]
    for item in range(limit):
        slice_seen = seen[place := feed(rng, item / limit, seen)]
        slice_seen[1] += 1
        draw = rng.random()
        if draw < (0.2 + effects[place]) / 2:
            wins += 1
            slice_seen[0] += 1
            if wins >= line(losses):
                return True
        elif draw < 0.2:
            losses += 1
            slice_seen[0] -= 1
    return False
