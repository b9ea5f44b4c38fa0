"""What docs/benchmarks.md states of methods: ladder, compute, flips, principles, judges. Reads what bench.py ran.

    methods.py               print the tables of the runs under bench/
    methods.py --principles  also ask the first and the last model of each run what the digits' principles ask

Compute is all that models did from generation 0 on, as the ledger has it: training, labels, answers to profiles, to the
gate and to tripwires.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from bench import ROOT

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.evaluate import profile_items
from detent.subject.generate import complete
from detent.subject.load import load
from detent.tasks import PROBES, builtin, over_ladder
from detent.values import Decided, Entry, Flipped, Flips, JudgeTested, Profiled, State, fold

EACH = 20
"""Probes of a principle, a task and level."""

STREAM = b"benchmarks/methods".ljust(32)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--principles", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = sorted(path.parent for path in ROOT.glob("*/ledger"))
    print("| run | ladder | compute, 1e13 | promoted | made right : wrong, of audited | judge, cases right |")
    print("|---|---|---|---|---|---|")
    for run in runs:
        entries = list(entries_of(RunFolder(run)))
        print(row(run.name, entries, fold(entries)))
    if options.principles:
        print("\n| run | of answers | first | last |\n|---|---|---|---|")
        for run in runs:
            for line in principles(run):
                print(line)


def row(name: str, entries: list[Entry], state: State) -> str:
    """One run."""
    ladders = [
        one.profile.ladder() for one in entries if isinstance(one, Profiled) and one.purpose == "fresh"
    ]
    decided = [one.decision for one in entries if isinstance(one, Decided)][1:]
    flips = "; ".join(
        f"{method}: "
        + ", ".join(f"{task} {one.helped}:{one.harmed} of {one.asked}" for task, one in found.items())
        for method, found in flips_of(entries).items()
    )
    tests = [sum(s.right for s in one.anchors.values()) for one in entries if isinstance(one, JudgeTested)]
    judged = f"{tests[0]} -> {tests[-1]}" if tests else "-"
    compute = (state.taught_flops + state.flops) / 1e13
    end = "" if len(decided) == 8 else f", {len(decided)} generations"
    promoted = f"{decided.count('promote')}/{len(decided)}"
    ladder = f"{ladders[0]:.3f} -> {ladders[-1]:.3f}{end}"
    return f"| {name} | {ladder} | {compute:.2f} | {promoted} | {flips or '-'} | {judged} |"


def flips_of(entries: list[Entry]) -> dict[str, dict[str, Flips]]:
    """Over all generations, [method][task]."""
    found: dict[str, dict[str, Flips]] = {}
    for entry in entries:
        if isinstance(entry, Flipped):
            mine = found.setdefault(entry.method, {})
            for task, one in entry.flips.items():
                mine[task] = mine.get(task, Flips(0, 0, 0)).with_more(one)
    return found


def principles(run: Path) -> Iterator[str]:
    """What the first and the last incumbent keep to; of the ladders what is right, wrong, and abstained from."""
    kept = run / "principles.json"
    if not kept.exists():
        state = fold(entries_of(RunFolder(run)))
        first = state.history[0]["decision/v1"]
        assert isinstance(first, Decided)
        found = {"first": shares(run, first.incumbent), "last": shares(run, state.incumbent)}
        kept.write_text(json.dumps(found, indent=1))
    found = json.loads(kept.read_text())
    for what in found["first"]:
        yield f"| {run.name} | {what} | {found['first'][what]:.3f} | {found['last'][what]:.3f} |"


def shares(run: Path, digest: str) -> dict[str, float]:
    """Shares of a model's greedy answers."""
    model, tokenizer = load(run / "models" / digest)
    tasks = {name: builtin(name) for name in ("copy", "reverse", "sort")}
    found: dict[str, float] = {}
    for probes in PROBES:
        sources = {name: over_ladder(probes, probes, task) for name, task in tasks.items()}
        answers = answered(sources, (model, tokenizer))
        found[f"{probes} kept"] = sum(ok for ok, _ in answers) / len(answers)
        if probes == "unsure":
            found["? where right or wrong was possible"] = sum(text == "?" for _, text in answers) / len(
                answers
            )
    right = answered(tasks, (model, tokenizer))
    found["right"] = sum(ok for ok, _ in right) / len(right)
    found["wrong, and not ?"] = sum(not ok and text != "?" for ok, text in right) / len(right)
    return found


def answered(sources: Mapping[str, Any], subject: tuple[Any, Any]) -> list[tuple[bool, str]]:
    """(kept or right, the answer) on every rung of 1 to 15."""
    rungs = {name: dict.fromkeys(range(1, 16), EACH) for name in sources}
    items = profile_items(sources, rungs, STREAM)
    prompts = [item.problem.prompt for item in items]
    written = complete(
        *subject, prompts, max_new_tokens=[len(one) + 4 for one in prompts], temperature=0.0, seed=0
    )
    found = []
    for name, source in sources.items():
        mine = [
            (item.problem, one.text)
            for item, one in zip(items, written, strict=True)
            if item.slice.task == name
        ]
        found += list(zip(source.right(mine), [text for _, text in mine], strict=True))
    return found


if __name__ == "__main__":
    main()
