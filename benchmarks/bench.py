"""`make bench`: what docs/benchmarks.md states, measured here and now. Resumable by arm and seed.

    bench.py                          everything that is missing under bench/
    bench.py --arms loop --seeds 1    only that
    bench.py --table                  print what is there

Each run is a run folder of its own, bench/<arm>-<seed>, that `detent status`, `report` and `verify` read.
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
from pathlib import Path
from typing import Self

from arms import ARMS, Arm

from detent.assembly import create_run, open_run, verify_run
from detent.charter import default_text
from detent.evaluate import horizons
from detent.loop import cycle
from detent.values import Decided, Profile, State

ROOT = Path(__file__).parent.parent / "bench"
EXAMPLES = Path(__file__).parent.parent / "examples"
GENERATIONS = 8


def main() -> None:
    """Measure what is missing, then print the tables."""
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
    print(table())
    if options.commands:
        print(commands())


def measure_apart(name: str, seed: int) -> None:
    """Each run has a process of its own: an arm may lift a check, and it must not stay lifted for the next."""
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
    with peak, open_run(folder, watch=lambda _: None, say=lambda line: print(line, flush=True)) as run:
        parts = arm.parts(run.parts)
        state = parts.book.state
        while state.generation <= GENERATIONS:
            run.told(cycle.beginning(parts) if state.generation == 0 else arm.turn(parts))
            state = parts.book.state
        seconds = run.stopwatch.seconds()
    found = outcome(state) | {
        "arm": arm.name,
        "seed": seed,
        "wall": time.monotonic() - began,
        "seconds": seconds,
        "peak_mb": peak.megabytes,
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


def outcome(state: State) -> dict[str, object]:
    """Ladders, horizons and decisions of a finished run."""
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


def table() -> str:
    """All results as Markdown."""
    rows = [
        "| arm | seed | ladder | horizons | promoted | labels right | time | overseeing | peak | verify |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    finals: dict[str, list[float]] = {}
    for name in ARMS:
        for path in sorted(ROOT.glob(f"{name}-[0-9]*/result.json")):
            found = json.loads(path.read_text())
            finals.setdefault(name, []).append(found["ladders"][-1])
            rows.append(_row(found))
    rows += ["", "| arm | seeds | final ladder, median (range) |", "|---|---|---|"]
    rows += [
        f"| {name} | {len(values)} | {statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f}) |"
        for name, values in finals.items()
    ]
    return "\n".join(rows)


def _row(found: dict) -> str:  # type: ignore[type-arg]
    seconds, decisions = found["seconds"], found["decisions"][1:]
    rates = [rate for audit in found["labels"] for rate in audit.values()]
    cells = (
        found["arm"],
        found["seed"],
        f"{found['ladders'][0]:.3f} -> {found['ladders'][-1]:.3f}",
        " ".join(f"{task} {level:.1f}->{found['end'][task]:.1f}" for task, level in found["start"].items()),
        f"{decisions.count('promote')}/{len(decisions)}",
        f"{statistics.fmean(rates):.2f}" if rates else "-",
        f"{seconds['total']:.0f} s",
        f"{seconds['overseeing'] / seconds['total']:.1%}",
        f"{found['peak_mb']:.0f} MB",
        "faults" if found["faults"] else "clean",
    )
    return f"| {' | '.join(map(str, cells))} |"


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
