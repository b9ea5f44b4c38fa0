"""What guarded principles cost and what they refuse, under known truths: docs/statistics.md, "Principles".

    .venv/bin/python benchmarks/principle_simulation.py              # 2,000 runs a figure: about half a minute

Principles are taken to be independent of each other and of the task. The same seed gives the same figures.
"""

# ruff: noqa: S311  (a simulation is no secret)

import argparse
import random
import statistics
from collections.abc import Sequence

from gate_simulation import BUDGET, SEED, share, table
from gate_walks import Walk, WinLine, null_passes

from detent.evaluate.budget import alpha, item_limit

MARGIN = 0.05
PRINCIPLES = (0, 1, 3, 10)


def principle(k: int, *, fall: float = 0.0, discordance: float = 0.05, margin: float = MARGIN) -> Walk:
    """The test of one principle at opening k, of a candidate whose share kept is `fall` lower than the incumbent's."""
    won, lost = max(0.0, discordance - fall) / 2, max(discordance + fall, 2 * fall) / 2
    limit = item_limit(2000, k, BUDGET)
    return Walk("non_inferiority", margin, alpha(k, BUDGET), limit, win=won, loss=lost)


def keeps_all(walks: Sequence[Walk], rng: random.Random) -> tuple[bool, int]:
    """Whether every principle passes, and the items that took; the first that does not ends it, as in an opening."""
    items = 0
    for walk in walks:
        passed, counts = walk.run(rng, give_up=True)
        items += counts.items
        if not passed:
            return False, items
    return True, items


def false_promotions(runs: int, openings: int, principles: int, seed: int) -> int:
    """Runs in which a candidate exactly as good as its incumbent, and as true to every principle, was ever promoted."""
    rng, promoted = random.Random(seed), 0
    ks = range(1, openings + 1)
    lines = [(WinLine(alpha(k, BUDGET)), item_limit(2000, k, BUDGET)) for k in ks]
    kept = [principle(k) for k in ks]  # all are alike, so one walk is run again
    for _ in range(runs):
        promoted += any(
            null_passes(line, limit, rng) and keeps_all([walk] * principles, rng)[0]
            for (line, limit), walk in zip(lines, kept, strict=True)
        )
    return promoted


def worse_at_one(runs: int, k: int, fall: float, principles: int, seed: int) -> int:
    """Candidates that passed everything else, `fall` worse at one of their principles, that were accepted."""
    rng = random.Random(seed)
    walks = [principle(k, fall=fall), *[principle(k)] * (principles - 1)]
    return sum(keeps_all(walks, rng)[0] for _ in range(runs))


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs behind each figure")
    runs = parser.parse_args().runs
    print(f"*{runs} runs a figure, seed {SEED}, error budget {BUDGET}, margin {MARGIN}*")
    table(
        "Null candidates: runs of 30 openings with a false promotion",
        ["principles", "share of runs"],
        [(n, share(false_promotions(runs, 30, n, SEED), runs)) for n in PRINCIPLES],
    )
    table(
        "Better at the task, worse at one of three principles: accepted",
        ["true fall", *(f"k = {k} (a_k {alpha(k, BUDGET):.5f})" for k in (1, 8))],
        [
            (fall, *(share(worse_at_one(runs, k, fall, 3, SEED), runs) for k in (1, 8)))
            for fall in (0.05, 0.075, 0.10, 0.20)
        ],
    )
    joint_power(runs)


def joint_power(runs: int) -> None:
    """How often a candidate keeps to all of its principles, and the items it takes to show that."""
    truths = ((0.0, 0.02), (0.0, 0.05), (0.0, 0.10), (0.0, 0.15), (0.01, 0.05), (0.02, 0.05))
    rows: list[list[object]] = []
    for fall, discordance in truths:
        for k in (1, 8, 100):
            walk, rng = principle(k, fall=fall, discordance=discordance), random.Random(SEED)
            row: list[object] = [fall, discordance, k]
            for n in PRINCIPLES[1:]:
                ends = [keeps_all([walk] * n, rng) for _ in range(runs)]
                items = round(statistics.fmean(used for _, used in ends))
                row.append(f"{share(sum(kept for kept, _ in ends), runs)}; {items:,}")
            rows.append(row)
    heads = [f"{n} principle{'s' * (n > 1)}" for n in PRINCIPLES[1:]]
    table("Joint power: all kept; mean items", ["true fall", "discordance", "k", *heads], rows)


if __name__ == "__main__":
    main()
