"""Where a session's time went: a measuring coat around an engine.

>>> engine = TimedEngine(LocalEngine(...), stopwatch)
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from detent.engine import Ask, Engine, ServerSampler, Watch, open_log, own_folder
from detent.errors import StorageError
from detent.values import (
    AnswerJob,
    BuildJob,
    ElicitJob,
    InterpretJob,
    Job,
    JudgeJob,
    LabelJob,
    MergeJob,
    PreferJob,
    ReinforceJob,
    ReshapeJob,
    Result,
    ReviseJob,
    SampleJob,
    ScoreJob,
    Served,
    SuggestJob,
    TrainJob,
)

SERVED = "waiting for servers"
OPENING = "gate and fresh answers"
LOOKING = "looking inside"

PHASES = {
    BuildJob: "training",
    ReshapeJob: "training",
    TrainJob: "training",
    LabelJob: "labelling",
    AnswerJob: "answering",
    InterpretJob: LOOKING,
    ElicitJob: "eliciting",
    MergeJob: "merging",
    ScoreJob: "judging",
    SampleJob: "sampling",
    ReviseJob: "revising",
    JudgeJob: "judging",
    PreferJob: "training",
    ReinforceJob: "training",
    SuggestJob: "searching",
}


class Stopwatch:
    """Seconds by what they were spent on, since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._spent: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        """Count the block's seconds to `phase`."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent[phase] += time.monotonic() - began

    def seconds(self) -> dict[str, float]:
        """Seconds by phase; `overseeing` is all that was neither training nor generation."""
        total = time.monotonic() - self._began
        return {**self._spent, "overseeing": total - sum(self._spent.values()), "total": total}

    def sentence(self) -> str:
        """The same for a person."""
        seconds = self.seconds()
        total = seconds.pop("total")
        parts = [f"{name} {_minutes(spent)}" for name, spent in seconds.items()]
        return f"took {_minutes(total)}: {', '.join(parts)} ({seconds['overseeing'] / total:.1%})"

    def append_to(self, path: Path) -> None:
        """One JSON line more in a file.

        Raises:
            StorageError: the disk refuses.
        """
        line = json.dumps({name: round(spent, 3) for name, spent in self.seconds().items()})
        try:
            own_folder(path.parent)
            with open_log(path) as file:
                file.write(f"{line}\n".encode())
        except OSError as error:
            raise StorageError(
                f"a line more in {path} expected, got: {error}; the ledger is whole: free or mend the disk"
            ) from error


class TimedEngine:
    """An `Engine` that counts its jobs' seconds on a stopwatch."""

    def __init__(self, engine: Engine, stopwatch: Stopwatch) -> None:
        self._engine = engine
        self._stopwatch = stopwatch

    @property
    def confined(self) -> bool:
        """As in `Engine`."""
        return self._engine.confined

    @property
    def unconfined_because(self) -> str:
        """As in `Engine`."""
        return self._engine.unconfined_because

    def run(self, job: Job, watch: Watch) -> Result:
        """As in `Engine`."""
        with self._stopwatch.timing(PHASES[type(job)]):
            return self._engine.run(job, watch)

    @property
    def width(self) -> int:
        """As in `Engine`."""
        return self._engine.width

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """As in `Engine`."""
        if not jobs:
            return []
        with self._stopwatch.timing(PHASES[type(jobs[0])]):
            return self._engine.run_all(jobs, watch)

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        """As in `Engine`; waiting for a fresh worker counts as its answers do."""
        with ExitStack() as stack:
            with self._stopwatch.timing(OPENING):
                ask = stack.enter_context(self._engine.opening())

            def timed(job: Job, watch: Watch) -> Result:
                with self._stopwatch.timing(LOOKING if isinstance(job, InterpretJob) else OPENING):
                    return ask(job, watch)

            yield timed

    def close(self) -> None:
        """As in `Engine`."""
        self._engine.close()


class TimedServer:
    """A server's sampler, its seconds on a stopwatch."""

    def __init__(self, sampler: ServerSampler, stopwatch: Stopwatch) -> None:
        self._sampler = sampler
        self._stopwatch = stopwatch

    def ask(self, job: JudgeJob | AnswerJob | SampleJob, turn: str, watch: Watch) -> Served:
        """As the sampler."""
        with self._stopwatch.timing(SERVED):
            return self._sampler.ask(job, turn, watch)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
