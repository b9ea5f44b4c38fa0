"""Where a session's time went: a measuring coat around an engine.

>>> engine = TimedEngine(LocalEngine(...), stopwatch)
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detent.engine import Ask, Engine, Watch
from detent.values import AnswerJob, BuildJob, Job, LabelJob, Result, TrainJob

PHASES = {
    BuildJob: "training",
    TrainJob: "training",
    LabelJob: "labelling",
    AnswerJob: "answering",
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
        """One JSON line more in a file."""
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({name: round(spent, 3) for name, spent in self.seconds().items()}) + "\n")


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

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        """As in `Engine`."""
        with self._engine.opening() as ask:

            def timed(job: Job, watch: Watch) -> Result:
                with self._stopwatch.timing("gate and fresh answers"):
                    return ask(job, watch)

            yield timed

    def close(self) -> None:
        """As in `Engine`."""
        self._engine.close()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
