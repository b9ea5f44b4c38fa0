"""What the gate and its neighbours do under known truths: prints docs/statistics.md's tables as Markdown.

    .venv/bin/python benchmarks/gate_simulation.py              # 2,000 runs a figure: about a minute
    .venv/bin/python benchmarks/gate_simulation.py --runs 200

The same seed gives the same figures. A share from n runs has a standard error of sqrt(p (1 - p) / n).
"""

# ruff: noqa: S311  (a simulation is no secret)

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache

from gate_walks import (
    Walk,
    WinLine,
    best_slice,
    false_promotions,
    null_passes,
    ordered_slice,
    random_slice,
    sliced_null_share,
)

from detent.evaluate.budget import alpha, item_limit, items_to_expect
from detent.evaluate.confidence import ConfidenceSequence
from detent.evaluate.mastery import PROBLEMS, is_mastered
from detent.evaluate.opening import FIRST_BATCH
from detent.tripwires.label_avalanche import Limits, State, read, step
from detent.values import Score

BUDGET = 0.05
SEED = 20_260
MANY = 1_000_000
"""A limit that no walk here reaches."""


def main() -> None:
    """Print every section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs behind each figure")
    runs = parser.parse_args().runs
    sections: Sequence[Callable[[int], None]] = (
        null_runs,
        null_tests,
        orders,
        items_for_gains,
        non_inferiority_power,
        floor_items,
        giving_up,
        stopped_means,
        drift,
        mastery_power,
        alarms,
    )
    print(f"*{runs} runs a figure, seed {SEED}, error budget {BUDGET}*")
    for section in sections:
        began = time.perf_counter()
        section(runs)
        print(f"{section.__name__}: {time.perf_counter() - began:.1f} s", file=sys.stderr)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print one table."""
    print(f"\n**{title}**\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")


def share(count: int, of: int) -> str:
    """Three digits."""
    return f"{count / of:.3f}"


def null_runs(runs: int) -> None:
    """Whole runs of nothing but null candidates."""
    first = false_promotions(runs, 100, BUDGET, SEED)
    rows = [(upto, share(sum(0 < k <= upto for k in first), runs)) for upto in (1, 8, 30, 100)]
    table(
        f"Runs of null candidates with any false promotion, of {runs} (budget {BUDGET}, discordance .25)",
        ("openings", "share"),
        rows,
    )
    rng, line = random.Random(SEED), WinLine(BUDGET)
    careless = sum(any(null_passes(line, 4000, rng) for _ in range(30)) for _ in range(runs))
    print(f"\nEach of 30 tested at the whole budget instead: {share(careless, runs)} of the runs")
    rng, line = random.Random(SEED), WinLine(alpha(1, BUDGET))
    single = sum(null_passes(line, 4000, rng) for _ in range(10 * runs)) / (10 * runs)
    rows = [(tries, f"{1 - (1 - single) ** tries:.2f}") for tries in (1, 20, 100)]
    table(
        "Grinding in mode (a): null candidates tried at a_1 until one passes, discordance .25",
        ("tries", "share"),
        rows,
    )


def null_tests(runs: int) -> None:
    """Each kind of test exactly at its null, opening 1."""
    level = alpha(1, BUDGET)
    walks = {
        "S, gain 0, discordance .2": Walk("superiority", 0.0, level, 4000, win=0.1, loss=0.1),
        "L, margin .05, true loss .05, discordance .1": Walk(
            "non_inferiority", 0.05, level, 4000, win=0.025, loss=0.075
        ),
        "L, margin .03, true loss .03, discordance .05": Walk(
            "non_inferiority", 0.03, level, 4000, win=0.01, loss=0.04
        ),
        "R, floor .94, true share .94": Walk("floor", 0.94, level, 4000, win=0.94, loss=0.06),
    }
    rows = []
    for name, walk in walks.items():
        rng = random.Random(SEED)
        rows.append((name, share(sum(walk.run(rng)[0] for _ in range(runs)), runs)))
    table(f"One test at its null, 4,000 items (a_1 = {level:.3f})", ("test", "false accepts"), rows)


def orders(runs: int) -> None:
    """The same null candidate, its slices fed in three ways."""
    feeds = {
        "drawn at random (the gate)": random_slice,
        "ordered, improved slices first": ordered_slice,
        "half of the items to the best-looking slice": best_slice,
    }
    rows = [(name, f"{sliced_null_share(feed, runs, SEED):.3f}") for name, feed in feeds.items()]
    table(
        "A null candidate, +10 points on its best slice, -10 on its worst, at level .05",
        ("slices", "false accepts"),
        rows,
    )


def items_for_gains(runs: int) -> None:
    """Items a superiority test needs, against the forecast that status shows."""
    rows = []
    for k in (1, 8, 100, 1000):
        row: list[object] = [k]
        for gain in (0.05, 0.10):
            rng = random.Random(SEED)
            level = alpha(k, BUDGET)
            walk = Walk("superiority", 0.0, level, MANY, win=(0.2 + gain) / 2, loss=(0.2 - gain) / 2)
            items = sorted(walk.run(rng)[1].items for _ in range(runs))
            expected = items_to_expect(gain, level)
            row += [f"{items[runs // 2]} ({items[runs * 9 // 10]})", f"{expected.median} ({expected.ninety})"]
        rows.append(row)
    table(
        "Items of S, discordance .2: median (90 %)",
        ("k", "5 points", "forecast", "10 points", "forecast"),
        rows,
    )


def non_inferiority_power(runs: int) -> None:
    """Power of L at true difference 0, at 2,000 items and at the limit of that opening."""
    rows = []
    for margin in (0.03, 0.05):
        for discordance in (0.02, 0.05, 0.10):
            row: list[object] = [margin, discordance]
            for k in (8, 100, 1000):
                row += _power_at(margin, discordance, k, runs)
            rows.append(row)
    head = ["margin", "discordance"]
    for k in (8, 100, 1000):
        head += [f"k = {k}: power, 2,000 items", "at n_max(k)", "median items"]
    table("Non-inferiority, true difference 0", head, rows)


def _power_at(margin: float, discordance: float, k: int, runs: int) -> list[str]:
    level, half = alpha(k, BUDGET), discordance / 2
    powers, median = [], ""
    for limit in (2000, item_limit(2000, k, BUDGET)):
        rng = random.Random(SEED)
        walk = Walk("non_inferiority", margin, level, limit, win=half, loss=half)
        ends = [walk.run(rng) for _ in range(runs)]
        powers.append(share(sum(passed for passed, _ in ends), runs))
        median = str(statistics.median_low(counts.items if passed else MANY for passed, counts in ends))
    return [*powers, "more" if median == str(MANY) else median]


def floor_items(runs: int) -> None:
    """Items of R."""
    rows = []
    for rate in (0.96, 0.98, 0.99):
        row: list[object] = [rate]
        for k in (8, 100, 1000):
            rng = random.Random(SEED)
            limit = item_limit(2000, k, BUDGET)
            walk = Walk("floor", 0.94, alpha(k, BUDGET), limit, win=rate, loss=1 - rate)
            ends = [walk.run(rng) for _ in range(runs)]
            items = statistics.median_low(counts.items for _, counts in ends)
            row += [share(sum(passed for passed, _ in ends), runs), items]
        rows.append(row)
    head = ["true share"]
    for k in (8, 100, 1000):
        head += [f"k = {k}: power at n_max(k)", "median items"]
    table("Floor .94", head, rows)


def giving_up(runs: int) -> None:
    """What stopping hopeless tests costs in power and saves in items."""
    rows = []
    for gain in (0.0, 0.01, 0.02, 0.03, 0.05):
        row: list[object] = [gain]
        for give_up in (False, True):
            rng = random.Random(SEED)
            limit = item_limit(4000, 8, BUDGET)
            win, loss = (0.2 + gain) / 2, (0.2 - gain) / 2
            walk = Walk("superiority", 0.0, alpha(8, BUDGET), limit, win=win, loss=loss)
            ends = [walk.run(rng, give_up=give_up) for _ in range(runs)]
            items = statistics.fmean(counts.items for _, counts in ends)
            row += [share(sum(passed for passed, _ in ends), runs), f"{items:.0f}"]
        rows.append(row)
    head = ("true gain", "power to the limit", "mean items", "power when given up", "mean items")
    table("S at k = 8, discordance .2: the price of giving up what is hopeless", head, rows)


def stopped_means(runs: int) -> None:
    """The mean of D where the test stopped, and the reported gain."""
    rows = []
    for k in (1, 8):
        for gain in (0.05, 0.10):
            rng = random.Random(SEED)
            means, lows, highs = zip(*(_stopped(gain, k, rng) for _ in range(runs)), strict=True)
            covered = sum(low <= gain <= high for low, high in zip(lows, highs, strict=True))
            interval = f"{statistics.fmean(lows):.3f} to {statistics.fmean(highs):.3f}"
            rows.append((k, gain, f"{statistics.fmean(means):.3f}", interval, share(covered, runs)))
    head = ("k", "true gain", "mean of D at the stop", "reported gain, mean of the ends", "covers the truth")
    table("S, discordance .2, stopped when it passed", head, rows)


def _stopped(gain: float, k: int, rng: random.Random) -> tuple[float, float, float]:
    """Mean of D where the test passed, and the interval at the end of that batch."""
    line, sequence = _line(k), ConfidenceSequence()
    wins = losses = 0
    mean, batch_end = 0.0, FIRST_BATCH
    while not mean or sequence.count < batch_end:
        if sequence.count == batch_end:
            batch_end += max(FIRST_BATCH, batch_end // 2)
        draw = rng.random()
        won, lost = draw < (0.2 + gain) / 2, draw >= 1 - (0.2 - gain) / 2
        wins, losses = wins + won, losses + lost
        sequence.add((1 + won - lost) / 2)
        if won and not mean and wins >= line(losses):
            mean = (wins - losses) / sequence.count
    low, high = sequence.interval()
    return mean, 2 * low - 1, 2 * high - 1


@cache
def _line(k: int) -> WinLine:
    return WinLine(alpha(k, BUDGET))


def drift(runs: int) -> None:
    """Thirty candidates, each one point worse on what was mastered: with and without the floor."""
    few = max(20, runs // 10)
    rows = []
    for name, guarded in (("L alone, margin .05", False), ("L and R, floor .94", True)):
        rng = random.Random(SEED)
        ends = [_drifted(guarded, rng) for _ in range(few)]
        rows.append((name, f"{statistics.fmean(ends):.3f}", f"{min(ends):.2f}"))
    title = f"Share right on mastered levels after 30 steps of -1 point from .98 ({few} runs)"
    table(title, ("tests", "mean", "least"), rows)


def _drifted(guarded: bool, rng: random.Random) -> float:
    points = 98
    for k in range(1, 31):
        keeps = _ladder_walk(k).run(rng)[0]
        if keeps and guarded:
            keeps = _floor_walk(k, points - 1).run(rng)[0]
        points -= keeps
    return points / 100


@cache
def _ladder_walk(k: int) -> Walk:
    return Walk("non_inferiority", 0.05, alpha(k, BUDGET), item_limit(2000, k, BUDGET), win=0.005, loss=0.015)


@cache
def _floor_walk(k: int, points: int) -> Walk:
    rate = points / 100
    return Walk("floor", 0.94, alpha(k, BUDGET), item_limit(2000, k, BUDGET), win=rate, loss=1 - rate)


def mastery_power(runs: int) -> None:
    """How often a rung counts as mastered."""
    rows = []
    for rate in (0.95, 0.97, 0.98, 0.99, 0.995, 1.0):
        rng = random.Random(SEED)
        rights = [sum(rng.random() < rate for _ in range(PROBLEMS)) for _ in range(runs)]
        rows.append((rate, share(sum(is_mastered(Score(right, PROBLEMS)) for right in rights), runs)))
    table(f"Mastery, {PROBLEMS} problems a rung", ("true share", "mastered"), rows)


def alarms(runs: int) -> None:
    """Label avalanche, one audit at a time: alpha 1e-5, tolerated .05."""
    few = max(50, runs // 10)
    rows = []
    for wrong in (0.10, 0.15, 0.30, 0.45):
        rng = random.Random(SEED)
        rows.append((wrong, _delay(wrong, ("a",), few, rng), _delay(wrong, ("a", "b", "c"), few, rng)))
    head = ("true share wrong", "audits, one task", "audits, one of three tasks (others at .05)")
    table(f"Label avalanche: median audits of the task to the alarm ({few} runs)", head, rows)
    rng = random.Random(SEED)
    false = sum(_audits_until(0.05, ("a",), 1e-3, rng, most=200) <= 200 for _ in range(few * 2))
    rate = share(false, few * 2)
    print(f"\nFalse alarms within 200 audits at alpha 1e-3, exactly the tolerated share wrong: {rate}")


def _delay(wrong: float, tasks: Sequence[str], runs: int, rng: random.Random) -> int:
    return statistics.median_low(_audits_until(wrong, tasks, 1e-5, rng, most=20_000) for _ in range(runs))


def _audits_until(wrong: float, tasks: Sequence[str], alpha: float, rng: random.Random, most: int) -> int:
    """Audits of the first task until the alarm; the other tasks stay at the tolerated share."""
    state, limits = State(), Limits(tolerated=0.05)
    for audit in range(1, most + 1):
        rates = {task: wrong if place == 0 else 0.05 for place, task in enumerate(tasks)}
        scores = {task: Score(int(rng.random() >= rate), 1) for task, rate in rates.items()}
        state = step(state, scores, limits)
        if read(state, scores, limits, alpha=alpha).fired:
            return audit
    return most + 1


if __name__ == "__main__":
    main()
