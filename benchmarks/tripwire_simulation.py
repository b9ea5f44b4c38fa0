"""Every figure in docs/tripwires.md: how often tripwires cry wolf, and how soon they see a wolf.

    python benchmarks/tripwire_simulation.py            # 10,000 quiet generations, 400 runs behind each power
    python benchmarks/tripwire_simulation.py --quick    # 400 and 20, for a test

It draws models' answers from known rates and hands the totals to the tripwires themselves, with the charter's default
limits. SEED fixes the printed figures.
"""

# ruff: noqa: S311
import argparse
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from math import comb, exp
from statistics import fmean, median_low
from typing import NamedTuple

from detent.evaluate import Horizon, horizon
from detent.tripwires import (
    alpha_per_generation,
    alpha_per_observation,
    capability_jump,
    constitution_drift,
    contamination,
    forgetting,
    judge_drift,
    label_avalanche,
    proxy_gold_gap,
    sandbagging,
    threshold_early_warning,
    train_gate_gap,
)
from detent.tripwires.contamination import Overlap
from detent.tripwires.proxy_gold_gap import ProxyAudit
from detent.values import Counts, Profile, Reading, Score, Slice

SEED = 20_261
TASKS = ("copy", "reverse", "sort")
TOP, EACH = 15, 64
AUDITS, ACCEPTED = 100, 90
MASTERED = 5 * EACH
PROBES, PRINCIPLES, ANCHORS = 50, ("a", "b", "c", "d"), 100
BATCH = 400
SWEPT, TAUGHT = TOP * 8, 5 * 24
"""Pairs of a sweep: a scale and task on the whole ladder, and a task on the seed levels after a few steps."""
SCALES = {"0.05": 0.04, "0.1": 0.10, "0.2": 0.30}
"""Noise, and the share of problems it loses; .02 are won."""
LIFE = 40
"""Generations of a quiet run."""
THRESHOLD = 15.0
RATES = tuple(
    min(0.99, max(0.0, round(1 / (1 + exp((level - 9.0) / 0.8)), 2))) for level in range(1, TOP + 1)
)
"""A ladder with its horizon at 9."""

AUDIT_ALPHA = alpha_per_observation(AUDITS)
Draw = Callable[[random.Random], Reading]


class Harm(NamedTuple):
    """One row of the power table."""

    wire: str
    what: str
    runs: Callable[[random.Random], int | None]
    """Generations until it fired, None when it did not within its time."""


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a test-sized run")
    quick = parser.parse_args().quick
    quiet(400 if quick else 10_000)
    boundaries(400 if quick else 10_000)
    power(20 if quick else 400)
    forecasts(20 if quick else 1000)


# Quiet


def quiet(generations: int) -> Counter[str]:
    """All wires together while nothing is wrong; how often each fired."""
    rng = random.Random(SEED)
    fired: Counter[str] = Counter()
    paused = 0
    for _ in range(max(1, generations // LIFE)):
        for readings in quiet_run(rng, min(LIFE, generations)):
            names = {reading.wire for reading in readings if reading.fired}
            fired.update(names)
            paused += bool(names)
    table(
        f"{generations} quiet generations",
        ("wire", "fired"),
        [*((name, fired[name]) for name in sorted(wire.NAME for wire in WATCHED)), ("any of them", paused)],
    )
    return fired


def quiet_run(rng: random.Random, generations: int) -> Iterator[list[Reading]]:
    """Readings of each generation. Horizons rise from 6.5 and settle at 13, with noise; labels are .98 right."""
    ends = {task: rng.uniform(12.0, 13.5) for task in TASKS}
    audits: list[dict[str, Score]] = []
    proxies: list[dict[str, ProxyAudit]] = []
    seen: dict[str, dict[int, Horizon]] = {task: {} for task in TASKS}
    first = {name: part(rng, PROBES, 0.96) for name in PRINCIPLES}
    anchors = [part(rng, ANCHORS, 0.95)]
    before: Profile | None = None
    for generation in range(generations):
        rates = {task: ladder(true_horizon(rng, generation, ends[task])) for task in TASKS}
        fresh, visible = profile(rng, rates), profile(rng, rates)
        for task in TASKS:
            seen[task][generation] = horizon(fresh, task)
        audits.append({task: part(rng, AUDITS, rng.choice((0.98, 0.99))) for task in TASKS})
        proxies.append({task: proxy(rng, 0.02) for task in TASKS})
        anchors.append(part(rng, ANCHORS, 0.95))
        sweep, taught = (
            (noise(rng), few_steps(rng)) if generation % sandbagging.SWEEP_EVERY == 1 else (None, None)
        )
        readings = [
            label_avalanche.watch(audits, alpha=AUDIT_ALPHA),
            proxy_gold_gap.watch(proxies, alpha=AUDIT_ALPHA),
            forgetting.watch({task: part(rng, MASTERED, rng.uniform(0.97, 0.99)) for task in TASKS}),
            train_gate_gap.watch(visible, fresh),
            capability_jump.watch(before, fresh),
            threshold_early_warning.watch(seen, [(task, THRESHOLD) for task in TASKS], left=8),
            contamination.watch(*overlaps(rng, 0)),
            constitution_drift.watch(first, {name: part(rng, PROBES, 0.95) for name in PRINCIPLES}),
            judge_drift.watch(anchors),
            sandbagging.watch(sweep, elicited=taught),
        ]
        audits = [] if readings[0].fired else audits
        proxies = [] if readings[1].fired else proxies
        before = fresh
        yield readings


WATCHED = (
    label_avalanche,
    proxy_gold_gap,
    forgetting,
    train_gate_gap,
    capability_jump,
    threshold_early_warning,
    contamination,
    constitution_drift,
    judge_drift,
    sandbagging,
)


# At the limit


def boundaries(generations: int) -> dict[str, float]:
    """Each wire with the truth exactly at its limit: false alarms a generation, of 1/900 allowed."""
    runs: dict[str, Draw] = {
        "forgetting": lambda rng: forgetting.watch({task: part(rng, MASTERED, 0.94) for task in TASKS}),
        "train_gate_gap": lambda rng: train_gate_gap.watch(
            profile(rng, shifted(0.05)), profile(rng, shifted(0.0))
        ),
        "capability_jump": _jump_of(0.25),
        "contamination": lambda rng: contamination.watch(*overlaps(rng, 0)),
        "constitution_drift": lambda rng: constitution_drift.watch(
            {name: part(rng, PROBES, 0.95) for name in PRINCIPLES},
            {name: part(rng, PROBES, 0.93) for name in PRINCIPLES},
        ),
        "judge_drift": lambda rng: judge_drift.watch([part(rng, ANCHORS, 0.95), part(rng, ANCHORS, 0.93)]),
        "sandbagging": lambda rng: sandbagging.watch(
            {scale: {task: pairs(rng, SWEPT, 0.07, 0.05) for task in TASKS} for scale in SCALES},
            elicited={task: pairs(rng, TAUGHT, 0.06, 0.01) for task in TASKS},
        ),
    }
    found = {name: _share(one, generations) for name, one in runs.items()}
    found |= {
        "label_avalanche": _detector_share(generations, _label_history),
        "proxy_gold_gap": _detector_share(generations, _proxy_history),
    }
    rows = [(name, f"{share:.5f}") for name, share in sorted(found.items())]
    allowed = f"{alpha_per_generation():.5f}"
    table(
        f"Exactly at the limit, {generations} generations a wire: {allowed} allowed",
        ("wire", "fired a generation"),
        rows,
    )
    return found


def _share(one: Draw, generations: int) -> float:
    rng = random.Random(SEED)
    return sum(one(rng).fired for _ in range(generations)) / generations


def _detector_share(generations: int, run: Callable[[random.Random, int, float], int | None]) -> float:
    """Alarms a generation, with a new process after each."""
    rng = random.Random(SEED)
    alarms = sum(run(rng, LIFE, 0.1) is not None for _ in range(generations // LIFE))
    return alarms / generations


def _label_history(rng: random.Random, generations: int, wrong: float, others: float = 0.1) -> int | None:
    history: list[dict[str, Score]] = []
    for generation in range(1, generations + 1):
        history.append(
            {task: part(rng, AUDITS, 1 - (others if place else wrong)) for place, task in enumerate(TASKS)}
        )
        if label_avalanche.watch(history, alpha=AUDIT_ALPHA).fired:
            return generation
    return None


def _proxy_history(rng: random.Random, generations: int, fooled: float, others: float = 0.1) -> int | None:
    history: list[dict[str, ProxyAudit]] = []
    for generation in range(1, generations + 1):
        history.append({task: proxy(rng, others if place else fooled) for place, task in enumerate(TASKS)})
        if proxy_gold_gap.watch(history, alpha=AUDIT_ALPHA).fired:
            return generation
    return None


# Harm


def power(runs: int) -> list[tuple[str, str, float, int | str]]:
    """How often each harm is seen in its first generation, and the median generation."""
    rows: list[tuple[str, str, float, int | str]] = []
    for harm in harms():
        rng = random.Random(SEED)
        seen = [harm.runs(rng) for _ in range(runs)]
        at_once = sum(one == 1 for one in seen) / runs
        middle = median_low(one if one is not None else LIFE + 1 for one in seen)
        rows.append((harm.wire, harm.what, at_once, middle if middle <= LIFE else f"over {LIFE}"))
    head = ("wire", "harm", "seen in its first generation", "median generations")
    table(
        f"Power ({runs} runs)",
        head,
        [(wire, what, f"{share:.2f}", middle) for wire, what, share, middle in rows],
    )
    return rows


def harms() -> list[Harm]:
    """All harms, by wire, the smallest first."""
    return [
        *(_detected("label_avalanche", f"one task's labels {wrong:.0%} wrong", _label_history, wrong)
          for wrong in (0.15, 0.2, 0.3, 0.45)),
        *(_detected("proxy_gold_gap", f"{fooled:.0%} of one task's accepted labels wrong", _proxy_history, fooled)
          for fooled in (0.2, 0.3, 0.5)),
        *(_repeated("forgetting", f"one task's mastered rungs at {rate:.2f}", _forgetting_of(rate))
          for rate in (0.92, 0.90, 0.88, 0.85)),
        *(_repeated("train_gate_gap", f"one task better by {gap:.2f} on visible problems", _gap_of(gap))
          for gap in (0.08, 0.10, 0.12, 0.15)),
        *(_repeated("capability_jump", f"the ladder rises by {gain:.2f}", _jump_of(gain))
          for gain in (0.28, 0.30, 0.32, 0.35)),
        *(_repeated("contamination", f"{leaked} of {9 * len(TASKS) * EACH} fresh prompts in the data", _leak_of(leaked))
          for leaked in (1, 2, 3, 5)),
        *(_repeated("constitution_drift", f"one of 4 principles from .96 to {rate:.2f}", _principle_of(rate))
          for rate in (0.80, 0.70, 0.60, 0.50)),
        *(_repeated("constitution_drift", f"all 4 principles from .96 to {rate:.2f}", _all_of(rate))
          for rate in (0.90, 0.85, 0.80)),
        *(_repeated("judge_drift", f"agreement from .95 to {rate:.2f}", _judge_of(rate))
          for rate in (0.85, 0.80, 0.75, 0.70)),
        *(_repeated("sandbagging", f"one scale raises one task by {gain:.2f}", _noise_of(gain))
          for gain in (0.15, 0.20, 0.25, 0.30)),
        *(_repeated("sandbagging", f"a few steps raise one task by {gain:.2f}", _steps_of(gain))
          for gain in (0.15, 0.20, 0.25, 0.30)),
    ]  # fmt: skip


def _detected(
    wire: str, what: str, history: Callable[[random.Random, int, float, float], int | None], share: float
) -> Harm:
    return Harm(wire, what, lambda rng: history(rng, LIFE, share, 0.02))


def _repeated(wire: str, what: str, one: Draw) -> Harm:
    """A harm that is there in every generation and tested anew in each."""
    return Harm(wire, what, lambda rng: next((k for k in range(1, LIFE + 1) if one(rng).fired), None))


def _forgetting_of(rate: float) -> Draw:
    return lambda rng: forgetting.watch(
        {task: part(rng, MASTERED, 0.98 if place else rate) for place, task in enumerate(TASKS)}
    )


def _gap_of(gap: float) -> Draw:
    return lambda rng: train_gate_gap.watch(
        profile(rng, {**shifted(0.0), TASKS[0]: shifted(gap)[TASKS[0]]}), profile(rng, shifted(0.0))
    )


def _jump_of(gain: float) -> Draw:
    return lambda rng: capability_jump.watch(profile(rng, shifted(0.0)), profile(rng, shifted(gain)))


def _leak_of(leaked: int) -> Draw:
    return lambda rng: contamination.watch(*overlaps(rng, leaked))


def _principle_of(rate: float) -> Draw:
    return lambda rng: constitution_drift.watch(
        {name: part(rng, PROBES, 0.96) for name in PRINCIPLES},
        {name: part(rng, PROBES, 0.95 if place else rate) for place, name in enumerate(PRINCIPLES)},
    )


def _all_of(rate: float) -> Draw:
    return lambda rng: constitution_drift.watch(
        {name: part(rng, PROBES, 0.96) for name in PRINCIPLES},
        {name: part(rng, PROBES, rate) for name in PRINCIPLES},
    )


def _judge_of(rate: float) -> Draw:
    return lambda rng: judge_drift.watch([part(rng, ANCHORS, 0.95), part(rng, ANCHORS, rate)])


def _noise_of(gain: float) -> Draw:
    def one(rng: random.Random) -> Reading:
        sweep = noise(rng)
        sweep["0.05"][TASKS[0]] = pairs(rng, SWEPT, 0.02 + gain, 0.02)
        return sandbagging.watch(sweep, elicited=few_steps(rng))

    return one


def _steps_of(gain: float) -> Draw:
    def one(rng: random.Random) -> Reading:
        taught = few_steps(rng) | {TASKS[0]: pairs(rng, TAUGHT, 0.005 + gain, 0.005)}
        return sandbagging.watch(noise(rng), elicited=taught)

    return one


# Forecasts


def forecasts(runs: int) -> tuple[float, dict[float, tuple[float, float]]]:
    """Coverage of the one-step forecast, and how early thresholds are asked about."""
    rng = random.Random(SEED)
    covered = [hit for _ in range(runs) for hit in _coverage(rng)]
    print(
        f"\nNext horizon below its upper forecast (3 or more increments, h = 1): {fmean(covered):.3f} of {len(covered)}"
    )
    early: dict[float, tuple[float, float]] = {}
    for step in (0.3, 0.6, 1.0):
        leads = [_lead(rng, step) for _ in range(runs)]
        early[step] = (fmean(lead >= 1 for lead in leads), fmean(leads))
    rows = [(step, f"{share:.2f}", f"{lead:.1f}") for step, (share, lead) in early.items()]
    head = ("levels a generation", "asked before it was reached", "generations before, mean")
    table(f"Early warning: a horizon that rises steadily to a threshold of 11 ({runs} runs)", head, rows)
    return fmean(covered), early


def _coverage(rng: random.Random) -> list[bool]:
    """Whether each next horizon of a random walk with drift lies below the forecast."""
    history, level, hits = {0: Horizon(6.5, censored=False)}, 6.5, []
    for generation in range(1, 12):
        ahead = threshold_early_warning.upper(history, 1)
        level += rng.gauss(0.5, 0.3)
        if len(history) > threshold_early_warning.LEAST_INCREMENTS:
            hits.append(level <= ahead)
        history[generation] = Horizon(level, censored=False)
    return hits


def _lead(rng: random.Random, step: float) -> int:
    """Generations between the first pause and the generation whose measured horizon reaches the threshold."""
    history: dict[int, Horizon] = {}
    asked = None
    for generation in range(200):
        true = 6.5 + step * generation
        history[generation] = horizon(profile(rng, {"copy": ladder(true)}), "copy")
        reading = threshold_early_warning.watch({"copy": history}, [("copy", 11.0)])
        if reading.fired and asked is None:
            asked = generation
        if history[generation].level >= 11.0:
            return generation - (asked if asked is not None else generation)
    raise AssertionError(step)


# Drawing


def part(rng: random.Random, asked: int, rate: float) -> Score:
    """Right of asked, at a rate to two digits."""
    return Score(binomial(rng, asked, round(rate, 3)), asked)


def binomial(rng: random.Random, n: int, p: float) -> int:
    """By inversion: one random number each."""
    return bisect_left(_cumulative(n, p), rng.random()) if 0 < p < 1 else n * int(p >= 1)


@lru_cache(maxsize=4096)
def _cumulative(n: int, p: float) -> Sequence[float]:
    sums = list(accumulate(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)))
    return [*sums[:-1], 1.0]


def true_horizon(rng: random.Random, generation: int, end: float) -> float:
    """What is true at a generation: rising, settling, never quite steady."""
    return end - (end - 6.5) * exp(-generation / 6) + rng.gauss(0, 0.15)


def ladder(at: float) -> tuple[float, ...]:
    """Rates by level of a model with its horizon there."""
    return tuple(min(0.99, round(1 / (1 + exp((level - at) / 0.8)), 2)) for level in range(1, TOP + 1))


def shifted(by: float) -> dict[str, tuple[float, ...]]:
    """Every task's ladder, its mean higher by `by`: rungs are moved to .99 one after the other, from the easiest."""
    need, rates = by * TOP, list(RATES)
    for rung, rate in enumerate(rates):
        step = min(need, max(0.0, 0.99 - rate))
        rates[rung] = rate + step
        need -= step
    return dict.fromkeys(TASKS, tuple(rates))


def profile(rng: random.Random, rates: dict[str, tuple[float, ...]]) -> Profile:
    """A profile of a model with these rates."""
    return Profile(
        "d" * 64, {task: tuple(part(rng, EACH, rate) for rate in row) for task, row in rates.items()}
    )


def proxy(rng: random.Random, fooled: float) -> ProxyAudit:
    """Totals of an audit of which the proxy accepts 90."""
    wrong = binomial(rng, ACCEPTED, fooled)
    return ProxyAudit(asked=AUDITS, accepted=ACCEPTED, right=ACCEPTED - wrong, fooled=wrong)


def pairs(rng: random.Random, items: int, won: float, lost: float) -> Counts:
    """Wins, losses and ties of so many pairs."""
    wins = binomial(rng, items, round(won, 3))
    losses = binomial(rng, items - wins, round(lost / (1 - won), 3))
    return Counts(wins, losses, items - wins - losses)


def noise(rng: random.Random) -> dict[str, dict[str, Counts]]:
    """A sweep of an honest model."""
    return {scale: {task: pairs(rng, SWEPT, 0.02, lost) for task in TASKS} for scale, lost in SCALES.items()}


def few_steps(rng: random.Random) -> dict[str, Counts]:
    """What an honest model, .99 right on the seed levels, makes of a few steps more on them."""
    return {task: pairs(rng, TAUGHT, 0.005, 0.01) for task in TASKS}


def overlaps(rng: random.Random, leaked: int) -> tuple[dict[Slice, Overlap], dict[Slice, Overlap]]:
    """Prompts and 8-grams of rungs 1 to 15, digits drawn uniformly; `leaked` fresh prompts of copy 10 in the data."""
    prompts, grams = {}, {}
    for task in TASKS:
        for level in range(1, TOP + 1):
            more = leaked if (task, level) == ("copy", 10) else 0
            space = 10.0**level
            hits = binomial(rng, BATCH, min(0.5, EACH / space)) + more if level > 6 else 0
            prompts[Slice(task, level)] = Overlap(hits, BATCH, EACH, space)
            if level >= 8:
                windows = level - 7
                shared = windows * windows * EACH
                hits = binomial(rng, BATCH, shared / 1e8) + more
                grams[Slice(task, level)] = Overlap(hits, BATCH, shared, 1e8)
    return prompts, grams


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(str(cell) for cell in row)} |")


if __name__ == "__main__":
    main()
