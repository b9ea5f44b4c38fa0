"""`make bench`: what docs/benchmarks.md states, measured here and now. Resumable by arm and seed.

    bench.py                          everything that is missing under bench/
    bench.py --arms loop --seeds 1    only that
    bench.py --table                  print what is there

Each run is a run folder of its own, bench/<arm>-<seed>, that `detent status`, `report` and `verify` read; without the
gate, `verify` alone, and it finds the first promotion.
A loop's reports/among-arms.html places it between its arms.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

from arms import ARMS, Arm

from detent import report
from detent.assembly import create_run, open_run, verify_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, signed_charter
from detent.charter import Explore, default_text
from detent.errors import DetentError
from detent.evaluate import horizons
from detent.propose import history
from detent.values import Decided, Profile, State

Found = dict[str, Any]
"""What result.json holds: see `measure_arm`."""

ROOT = Path(__file__).parent.parent / "bench"
EXAMPLES = Path(__file__).parent.parent / "examples"


def main() -> None:
    """Measure what is missing and write the reports among arms, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--commands", action="store_true", help="time detent --help and status too")
    options = parser.parse_args()
    ROOT.mkdir(exist_ok=True)
    os.environ.setdefault("DETENT_DATA", str(ROOT / "data"))
    if options.one:
        measure_arm(ARMS[options.arms], int(options.seeds))
        return
    if not options.table:
        for seed in map(int, options.seeds.split(",")):
            for name in options.arms.split(","):
                measure_apart(name, seed)
        write_reports()
    print(table())
    if options.commands:
        print(commands())


def measure_apart(name: str, seed: int) -> None:
    """Each run has a process of its own, whose memory is the run's; and no arm lifts a check in this one."""
    subprocess.run([sys.executable, __file__, "--one", "--arms", name, "--seeds", str(seed)], check=True)


def measure_arm(arm: Arm, seed: int) -> None:
    """Run one arm with one seed to its end, or go on with it; keeps what was found in result.json."""
    folder = ROOT / f"{arm.name}-{seed}"
    result = folder / "result.json"
    if result.exists():
        return
    if not folder.exists():
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as charter:
            charter.write(charter_text(arm, seed))
            charter.flush()
            create_run(folder, source=charter.name)
    print(f"{arm.name} seed {seed}", flush=True)
    peak = Peak()
    began = time.monotonic()
    say = partial(print, flush=True)
    with peak, arm.lifted(), open_run(folder, watch=lambda _: None, say=say) as run:
        stop = arm.go(run.parts, run.told)
        seconds = run.stopwatch.seconds()
    found = outcome(run.parts.book.state) | {
        "arm": arm.name,
        "seed": seed,
        "stop": stop,
        "wall": time.monotonic() - began,
        "seconds": seconds,
        "peak_mb": peak.megabytes,
        "flops": run.parts.book.state.flops + run.parts.book.state.taught_flops,
        "changes": changed(run.parts.book.state),
        "faults": len(verify_run(folder).faults),
    }
    result.write_text(json.dumps(found, indent=1))


def charter_text(arm: Arm, seed: int) -> str:
    """The default charter with this seed and the arm's changes."""
    text = (EXAMPLES / arm.start).read_text() if arm.start else default_text()
    for old, new in (("seed = 1 ", f"seed = {seed} "), *arm.charter):
        if old not in text:
            raise SystemExit(f"{old!r} expected in the default charter, which has changed: mend arms.py")
        text = text.replace(old, new)
    return text


def changed(state: State) -> list[dict[str, Any]]:
    """What was tried beside the data, and what came of it."""
    return [
        {
            "generation": one.generation,
            "by": one.change.by,
            "change": one.change.said,
            "gain": one.gain,
            "proposed": one.proposed,
            "promoted": one.promoted,
        }
        for one in history(state, Explore())
    ]


def outcome(state: State) -> Found:
    """Ladders of those that came into force, horizons and decisions of a finished run."""
    fresh = [state.history[g].get("profile/v1/fresh") for g in sorted(state.history)]
    profiles: list[Profile] = [entry.profile for entry in fresh if entry is not None]  # type: ignore[attr-defined]
    decisions = [state.history[g]["decision/v1"] for g in sorted(state.history)]
    labels = [
        {task: score.rate for task, score in slots["audit/v1"].labels.items()}  # type: ignore[attr-defined]
        for _, slots in sorted(state.history.items())
        if "audit/v1" in slots
    ]
    return {
        "ladders": [profile.ladder() for profile in profiles],
        "start": {task: h.level for task, h in horizons(profiles[0]).items()},
        "end": {task: h.level for task, h in horizons(profiles[-1]).items()},
        "decisions": [entry.decision for entry in decisions if isinstance(entry, Decided)],
        "labels": labels,
    }


class Peak:
    """The most memory that this process and its descendants held at once, by PSS, sampled."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(2.0):
            self.megabytes = max(self.megabytes, sum(map(_pss, _descendants(os.getpid()))) / 1024)


def _descendants(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found, todo = [root], [root]
    while todo:
        parent = todo.pop()
        children = [pid for pid, its in parents.items() if its == parent]
        found += children
        todo += children
    return found


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def results() -> dict[tuple[str, int], Found]:
    """What was found so far by arm and seed: arms in their order, then by seed."""
    every = [
        json.loads(path.read_text()) for name in ARMS for path in ROOT.glob(f"{name}-[0-9]*/result.json")
    ]
    every.sort(key=lambda found: (list(ARMS).index(found["arm"]), found["seed"]))
    return {(found["arm"], found["seed"]): found for found in every}


def write_reports() -> None:
    """For each seed of the loop that has arms beside it, the loop's report with its place among them.

    The arms of another charter are no arms of this loop: they have less to train, and another purpose.
    """
    found = results()
    for seed in [seed for name, seed in found if name == "loop"]:
        arms = [
            report.Arm(name, its, tuple(ladder(one)), ARMS[name].role)
            for (name, its), one in found.items()
            if its == seed and not ARMS[name].start
        ]
        if len(arms) > 1:
            try:
                write_report(RunFolder(ROOT / f"loop-{seed}"), arms)
            except DetentError as error:  # a run may be older than this version; the other seeds' are not
                print(f"loop seed {seed}: no report among arms: {error}")


def write_report(run: RunFolder, arms: list[report.Arm]) -> None:
    """The ordinary report and the arms', as reports/among-arms.html of the run."""
    charter = signed_charter(run).charter
    story = report.tell(entries_of(run), charter.name, charter.purpose, dict(charter.direction.improve))
    path = run.report.with_name("among-arms.html")
    path.write_text(report.render(story, arms), encoding="utf-8")
    print(path)


def ladder(found: Found) -> Iterator[float]:
    """Ladder of the model in force after each generation; a model is measured once, when it comes into force."""
    measured, now = iter(found["ladders"]), 0.0
    for decision in found["decisions"]:
        now = next(measured) if decision == "promote" else now
        yield now


def table() -> str:
    """All results as Markdown."""
    found = results()
    rows = [
        "| arm | seed | ladder | horizons | promoted | labels right | time | overseeing | peak | verify |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(_row, found.values()),
    ]
    rows += ["", "| arm | seeds | final ladder, median (range) |", "|---|---|---|"]
    for name in dict.fromkeys(name for name, _ in found):
        values = [one["ladders"][-1] for (its, _), one in found.items() if its == name]
        middle = f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})"
        rows.append(f"| {name} | {len(values)} | {middle} |")
    return "\n".join([*rows, *_ways(found)])


def _ways(found: dict[tuple[str, int], Found]) -> list[str]:
    """How far the loop came from its floor to its ceiling, for each seed that has all three."""
    names = ("seed-only", "loop", "truth")
    seeds = [seed for name, seed in found if name == "loop" and all((one, seed) in found for one in names)]
    rows = [_way(seed, *(found[name, seed]["ladders"][-1] for name in names)) for seed in seeds]
    head = [
        "",
        f"| seed | {' | '.join(names)} | share of the way from floor to ceiling |",
        "|---|---|---|---|---|",
    ]
    return head + rows if rows else []


def _way(seed: int, low: float, here: float, high: float) -> str:
    share = f"{(here - low) / (high - low):.0%}" if high > low else "-"
    return f"| {seed} | {low:.3f} | {here:.3f} | {high:.3f} | {share} |"


def _row(found: Found) -> str:
    seconds, decisions = found["seconds"], found["decisions"][1:]
    rates = [rate for audit in found["labels"] for rate in audit.values()]
    cells = (
        found["arm"],
        found["seed"],
        f"{found['ladders'][0]:.3f} -> {found['ladders'][-1]:.3f}",
        " ".join(f"{task} {level:.1f}->{found['end'][task]:.1f}" for task, level in found["start"].items()),
        f"{decisions.count('promote')}/{len(decisions)}" + _early(found),
        f"{statistics.fmean(rates):.2f}" if rates else "-",
        f"{seconds['total']:.0f} s",
        f"{seconds['overseeing'] / seconds['total']:.1%}",
        f"{found['peak_mb']:.0f} MB",
        "faults" if found["faults"] else "clean",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _early(found: Found) -> str:
    """Why the product went no further than it did, when that is not what it was asked for."""
    stop = found.get("stop", "enough")
    return "" if stop in {"enough", "lease_spent"} else f", then {stop}"


def commands(runs: int = 9) -> str:
    """Median seconds of the commands that must be quick."""
    folder = next(iter(sorted(ROOT.glob("loop-*"))), None)
    lines = ["| command | median of 9 |", "|---|---|"]
    calls = {"detent --help": ["--help"]} | ({"detent status": ["status", str(folder)]} if folder else {})
    for name, arguments in calls.items():
        lines.append(f"| {name} | {statistics.median(_timed(arguments) for _ in range(runs)):.2f} s |")
    return "\n".join(lines)


def _timed(arguments: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(
        [Path(sys.executable).with_name("detent"), *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
