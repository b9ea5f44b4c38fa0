"""What looking inside a generation takes, section by section: medians over several looks, in one process.

    looking.py RUN G [--times 5] [--threads 1]

A worker's own code, without starting one: what a look takes in a run, but for loading models (said beside it).
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch

from detent.assembly.looking import inquiry_of
from detent.assembly.picking import pick
from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at, signed_charter
from detent.assembly.tasks import charter_sources
from detent.evaluate import deeper_job
from detent.interpret.look import Look
from detent.interpret.pack import SECTIONS
from detent.subject.generate import complete
from detent.subject.load import Subject
from detent.values.inside import ALWAYS, DEEPER
from detent.worker._labelling import answer_limits
from detent.worker._shelf import Shelf


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("generation", type=int)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    took: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(options.times):
        for name, seconds in looked(RunFolder(options.run), options.generation).items():
            took[name].append(seconds)
    print(f"{'':<12}{'seconds':>9}{'of processor':>14}")
    for name, each in took.items():
        wall, cpu = (statistics.median(column) for column in zip(*each, strict=True))
        print(f"{name:<12}{wall:>9.2f}{cpu:>14.2f}")


def looked(run: RunFolder, generation: int) -> dict[str, tuple[float, float]]:
    """Seconds, and seconds of processor, of each section, and of what comes before them."""
    found: dict[str, tuple[float, float]] = {}
    charter = signed_charter(run).charter
    lineage = pick(ledger_at(run).state, generation, None).lineage
    asked = inquiry_of(charter, charter_sources(charter, run.tasks), (*ALWAYS, *DEEPER))
    shelf = Shelf(run.models, run.data, room=8)

    def limits(subject: Subject, prompts: Sequence[str]) -> list[int]:
        return answer_limits(subject, tuple(prompts), charter.subject.room)

    def answer(model: str, prompts: Sequence[str]) -> list[str]:
        subject = shelf.subject(model)
        said = complete(*subject, prompts, max_new_tokens=limits(subject, prompts))
        return [one.text for one in said]

    began = (time.perf_counter(), time.process_time())
    for model in lineage.probed:
        shelf.subject(model)
    began = _note(found, "loading", began)
    job = deeper_job(lineage, asked, answer)
    began = _note(found, "answers", began)
    look = Look(job, shelf.subject, limits)
    _ = look.texts
    began = _note(found, "writing", began)
    for name in job.sections:
        SECTIONS[name](look)
        began = _note(found, name, began)
    parts = list(found.values())
    found["all"] = (sum(wall for wall, _ in parts), sum(cpu for _, cpu in parts))
    return found


def _note(
    found: dict[str, tuple[float, float]], name: str, began: tuple[float, float]
) -> tuple[float, float]:
    now = (time.perf_counter(), time.process_time())
    found[name] = (now[0] - began[0], now[1] - began[1])
    return now


if __name__ == "__main__":
    main()
