"""What `throughput.py` and `gpu.py` measure in: a run's folders, and the bench that a worker's process does jobs on.

>>> place = Place(Path("bench/x"), device="cpu", threads=2)
>>> place.do(AnswerJob(model=place.admit(folder), prompts=("What is one plus two?",)))
Answers(completions=('three',))
"""

import os
import platform
import random
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from detent.engine import DataStore, ModelStore, StateStore
from detent.errors import DetentError
from detent.subject.load import Subject
from detent.values import AnswerJob, AtMost, Device, Filter, Job, JobFailure, LabelJob, LabelRecipe, Rung
from detent.values.jobs import encode_line
from detent.values.wire import Wire
from detent.worker._jobs import Bench

WORDS = (
    *("red", "blue", "green", "old", "new", "small", "round", "cold", "seven", "paper", "river", "stone"),
    *("window", "garden", "quickly", "under", "between", "morning", "letter", "number", "mountain"),
)
ASKED = "Write these words again, in the same order and with nothing else:"
"""A prompt's first words; of a chat model the template's stand around it."""


class Place:
    """Models, data and staging under `root`, which must be empty."""

    def __init__(self, root: Path, *, device: Device, threads: int) -> None:
        for name in ("models", "data", "answers", "staging", "given"):
            (root / name).mkdir(parents=True)
        self.root = root
        self.device = device
        self.models = ModelStore(root / "models")
        self.data = DataStore(root / "data", root / "answers")
        self.states = StateStore(root / "states", self.models)
        self._quiet = os.open(os.devnull, os.O_RDWR)
        self.bench = Bench(
            root / "models",
            root / "data",
            root / "staging",
            threads,
            Wire(self._quiet, self._quiet),
            device,
            root / "states",
        )
        self.bench.settle()

    def do(self, job: Job) -> Any:
        """The job's result, as the worker would send it.

        Raises:
            DetentError: it failed.
        """
        for kept in (self.root / "staging").glob("resume-*"):  # or the same job would not be done twice
            shutil.rmtree(kept)
        found = self.bench.attempt(encode_line(job))
        if isinstance(found, JobFailure):
            raise DetentError(f"a finished job expected, got {found.error}: {found.message}")
        return found

    def subject(self, digest: str) -> Subject:
        """The model as jobs ask it."""
        return self.bench._shelf.subject(digest)  # noqa: SLF001  so that both sides ask the same object

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._quiet)


def word_prompts(count: int, seed: int, most: int = 24) -> list[str]:
    """Prompts of 1 to `most` words to write again: no two neighbours of one length."""
    rng = random.Random(seed)  # noqa: S311  (no secret)
    return [f"{ASKED} {' '.join(rng.choices(WORDS, k=rng.randint(1, most)))}" for _ in range(count)]


def answer_to(prompt: str) -> str:
    """What is right."""
    return prompt.removeprefix(f"{ASKED} ")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what `work()` returned: on a processor its own seconds, which other processes do not change.

    What a GPU was still doing is waited for.
    """
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    wait()
    began = clock()
    found = work()
    wait()
    return clock() - began, found


def wait() -> None:
    """Until the GPU is idle, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def machine_line(threads: int) -> str:
    """Where and when: for the docs."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return (
        f"{datetime.now(UTC).date()}, {_processor()}, {cores} cores, {threads} threads, load {load:.1f}, {gpu}, "
        f"torch {torch.__version__}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def jobs_of(model: str, prompts: Sequence[str], room: AtMost) -> tuple[LabelJob, AnswerJob]:
    """Labels, of which the filter refuses none that ended, and plain answers."""
    rung = Rung(1, len(prompts), Filter(0.0, 0.0, 0))
    label = LabelJob(
        models=(model,),
        prompts={"words": {"1": tuple(prompts)}},
        recipes={"words": LabelRecipe(frontier=1, rungs=(rung,))},
        seed=1,
        extra_tokens=room,
    )
    return label, AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=room)
