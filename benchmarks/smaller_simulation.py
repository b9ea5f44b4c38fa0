"""Promotions for being smaller, under known truths: prints the tables of docs/statistics.md about them as Markdown.

    .venv/bin/python benchmarks/smaller_simulation.py              # 2,000 runs a figure: about two minutes
    .venv/bin/python benchmarks/smaller_simulation.py --runs 200

A model is one number, its share right in points above or below the first model's; a candidate is compared with a
reference on items that it wins or loses with the chances that follow from their difference and their discordance.
The same seed gives the same figures. A share from n runs has a standard error of sqrt(p (1 - p) / n).
"""

# ruff: noqa: S311  (a simulation is no secret)

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from gate_walks import Walk

from detent.evaluate.budget import alpha, item_limit
from detent.evaluate.gate import Kind

BUDGET = 0.05
SEED = 20_260
MARGIN = 0.05
LIMITS = {"superiority": 4000, "non_inferiority": 2000}

Rule = Literal["incumbent", "first", "over incumbent", "over anchor"]
"""What a smaller candidate is held against beside the incumbent. incumbent: nothing. first: generation 0's model.
over incumbent: the last model that was promoted as better than its incumbent. over anchor: the last model that was
promoted as better than that same anchor; Detent's rule."""

RULES: dict[Rule, str] = {
    "incumbent": "the incumbent alone",
    "first": "and generation 0's model",
    "over incumbent": "and the last that was better than its incumbent",
    "over anchor": "and the last that was better than the anchor before it",
}


Tried = Literal["better", "smaller"]


@dataclass(slots=True)
class Run:
    """Where a run stands, in points above generation 0.

    anchor: of the model that was last promoted as better. low: the lowest that an incumbent ever stood.
    promoted: how many were.
    """

    incumbent: int = 0
    anchor: int = 0
    apart: bool = False
    low: int = 0
    promoted: int = 0

    def tested(self, rule: Rule, tried: Tried, candidate: int, k: int, rng: random.Random) -> bool:
        """Open the seal for a candidate of so many points; whether it was promoted."""
        tests = _tests(rule, self, tried, candidate)
        if not all(_passes(kind, points, k, rng) for kind, points in tests):
            return False
        if tried == "better" and rule != "first":
            self.anchor, self.apart = candidate, False
        else:
            self.apart = True
        self.incumbent, self.low = candidate, min(self.low, candidate)
        self.promoted += 1
        return True


def main() -> None:
    """Print every section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs behind each figure")
    runs = parser.parse_args().runs
    print(f"*{runs} runs a figure, seed {SEED}, error budget {BUDGET}, margin {MARGIN}*")
    sections: Sequence[Callable[[int], None]] = (drifts, worse_candidates, powers, losers)
    for section in sections:
        began = time.perf_counter()
        section(runs)
        print(f"{section.__name__}: {time.perf_counter() - began:.1f} s", file=sys.stderr)


def drifts(runs: int) -> None:
    """Chains that lose a little in every step, held against each reference."""
    few = max(20, runs // 10)
    chains: dict[str, Callable[[Rule, random.Random], Run]] = {
        "Thirty smaller candidates, each 1 point worse than the incumbent": losing,
        "Sixty openings: smaller and 3 points worse until one passes, then 2 points more until one is better": seesaw,
    }
    for title, made in chains.items():
        head = ("held against", "end, mean", "lowest incumbent of all runs", "promoted, mean")
        rows = []
        for rule, words in RULES.items():
            ends = [made(rule, random.Random(f"{SEED}/{number}")) for number in range(few)]
            mean, low = statistics.fmean(end.incumbent for end in ends), min(end.low for end in ends)
            promoted = statistics.fmean(end.promoted for end in ends)
            rows.append((words, f"{mean:+.1f}", f"{low:+d}", f"{promoted:.1f}"))
        _table(f"{title} (points, {few} runs)", head, rows)


def worse_candidates(runs: int) -> None:
    """Runs of thirty smaller candidates that are all worse than the anchor by the margin or more."""
    rows = [
        (f"-{points}", f"{sum(ever_accepted(points, 30, random.Random(SEED), runs)) / runs:.3f}")
        for points in (5, 6, 8)
    ]
    title = "Runs of 30 smaller candidates, all worse than the anchor by so much, with any accepted"
    _table(title, ("points", "share"), rows)


def powers(runs: int) -> None:
    """An equal, smaller candidate: how often it is accepted, and the items it takes."""
    rows = []
    for discordance in (0.02, 0.05, 0.10, 0.15):
        for tasks, apart in ((1, False), (3, False), (3, True)):
            row: list[object] = [discordance, tasks, "another" if apart else "the incumbent"]
            for k in (1, 8, 30):
                accepted, items = power(0.0, discordance, k, tasks * (1 + apart), runs)
                row.append(f"{accepted:.3f}; {items:,.0f}")
            rows.append(row)
    head = ("discordance", "tasks", "anchor", "k = 1", "k = 8", "k = 30")
    _table("An equal, smaller candidate: accepted; mean items of all tests", head, rows)


def losers(runs: int) -> None:
    """A smaller candidate that is in truth a little worse, at discordance .1."""
    rows = []
    for points in (0, 1, 2, 3, 4, 5):
        row: list[object] = [f"-{points}" if points else "0"]
        for k in (1, 8, 30):
            accepted, items = power(-points / 100, 0.10, k, 1, runs)
            row.append(f"{accepted:.3f}; {items:,.0f}")
        rows.append(row)
    _table("One task, discordance .1: accepted; mean items", ("points", "k = 1", "k = 8", "k = 30"), rows)


def losing(rule: Rule, rng: random.Random, openings: int = 30) -> Run:
    """Smaller candidates, each a point worse than the incumbent."""
    run = Run()
    for k in range(1, openings + 1):
        run.tested(rule, "smaller", run.incumbent - 1, k, rng)
    return run


def seesaw(rule: Rule, rng: random.Random, openings: int = 60, down: int = 3, up: int = 2) -> Run:
    """Smaller and worse until one passes, then better until one passes, and so on: less is won than was lost.

    Training goes on from a better candidate that did not pass, so the next one is better still.
    """
    run, shrinking, trained = Run(), True, 0
    for k in range(1, openings + 1):
        if shrinking:
            shrinking = not run.tested(rule, "smaller", run.incumbent - down, k, rng)
            trained = run.incumbent
        else:
            trained += up
            shrinking = run.tested(rule, "better", trained, k, rng)
    return run


def ever_accepted(points: int, openings: int, rng: random.Random, runs: int) -> list[bool]:
    """Of each run whether any of its candidates, all so many points worse than the anchor, was accepted."""
    return [
        any(_passes("non_inferiority", -points, k, rng) for k in range(1, openings + 1)) for _ in range(runs)
    ]


def power(gain: float, discordance: float, k: int, tests: int, runs: int) -> tuple[float, float]:
    """Share of candidates that pass so many independent tests of non-inferiority, and their mean number of items."""
    win, loss = (discordance + gain) / 2, (discordance - gain) / 2
    limit, rng = item_limit(LIMITS["non_inferiority"], k, BUDGET), random.Random(SEED)
    walk = Walk("non_inferiority", MARGIN, alpha(k, BUDGET), limit, win=win, loss=loss)
    accepted, items = 0, 0
    for _ in range(runs):
        for test in range(tests):
            passed, counts = walk.run(rng, give_up=True)
            items += counts.items
            if not passed:
                break
            accepted += test == tests - 1
    return accepted / runs, items / runs


def _tests(rule: Rule, run: Run, tried: Tried, candidate: int) -> Iterator[tuple[Kind, int]]:
    """The tests of an opening, each with the true difference in points."""
    to_incumbent, to_anchor = candidate - run.incumbent, candidate - run.anchor
    anchored = run.apart and rule != "incumbent"
    if tried == "better":
        yield "superiority", to_anchor if anchored and rule == "over anchor" else to_incumbent
    yield "non_inferiority", to_incumbent
    if anchored:
        yield "non_inferiority", to_anchor


def _passes(kind: Kind, points: int, k: int, rng: random.Random) -> bool:
    return _walk(kind, points, k).run(rng, give_up=True)[0]


@cache
def _walk(kind: Kind, points: int, k: int) -> Walk:
    """Discordance .1, or as much as the difference needs."""
    gain, discordance = points / 100, max(0.10, abs(points) / 100 + 0.02)
    bound = MARGIN if kind == "non_inferiority" else 0.0
    limit = item_limit(LIMITS[kind], k, BUDGET)
    win, loss = (discordance + gain) / 2, (discordance - gain) / 2
    return Walk(kind, bound, alpha(k, BUDGET), limit, win=win, loss=loss)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")


if __name__ == "__main__":
    main()
