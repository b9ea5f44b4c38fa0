"""`inspect-task`: any Inspect AI task on a generation's model; the log's digest and totals go onto the ledger.

    >>> inspect_task(folder, 3, "safety.py@refusals", limit=20).scores
    {'match/accuracy': 0.85}

Inspect and the task's own code run in a process of their own, as you, with the network and with whatever they ask for:
look at a task before you run it. The model's answers are made by the ordinary workers. Nothing in a run looks at what
comes of it: the entry says what was asked of which weights and what the log's bytes were, and steers nothing.

Needs inspect-ai: `pip install 'detent[inspect]'`.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct

from detent.assembly.beside import LateError, run_beside
from detent.assembly.office import open_office
from detent.assembly.places import RunFolder
from detent.assembly.reading import ledger_at
from detent.assembly.samplers import environment_without_keys
from detent.engine import DataStore, ModelStore
from detent.errors import EngineError, UsageError
from detent.values import Decided, Inspected, State

SUMMARY = "summary.json"
MOST_SCORES, LONGEST_NAME = 200, 200
LARGEST_LOG = 1 << 29
"""Bytes of a log that are kept."""

HEARD = "heard"
"""The file that is touched with each answer of the model."""

SILENCE = 1800.0
"""Seconds from one answer of the model to the next, or to the end, after which Inspect's process is ended. It may build
sandboxes and have others judge meanwhile."""


class Summary(Struct, frozen=True, forbid_unknown_fields=True):
    """What the process says of its log, which is a file beside it."""

    task: str
    version: str
    samples: int
    scores: dict[str, float]
    log: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was written on the ledger. log: the file in the run folder."""

    entry: Inspected
    log: Path


def inspect_task(
    folder: Path, generation: int, task: str, *, limit: int = 0, arguments: Mapping[str, str] | None = None
) -> Inspection:
    """Run an Inspect task on the model of a closed generation, and write down what came of it.

    Args:
        folder: of the run, which must not be at work when the task has ended.
        generation: which closed one; of a promotion the model that it put in force, else its candidate.
        task: `file.py@name`, or `package/name`, as Inspect takes it.
        limit: samples at the most; 0 is all.
        arguments: of the task.

    Raises:
        UsageError: no such generation, or inspect-ai is not installed.
        EngineError: the process failed, or its log is none.
        BusyError: a process runs the loop; the log stays where the message says.
        TrustError: the model's files are not those of its digest.
    """
    if find_spec("inspect_ai") is None:
        raise UsageError(
            "the package inspect-ai expected, got none; install it with: pip install 'detent[inspect]'"
        )
    run = RunFolder(folder)
    run.check()
    digest = _model(ledger_at(run).state, generation, folder)
    ModelStore(run.models).path(digest)
    with TemporaryDirectory(prefix="detent-inspect-") as place:
        asked = {
            "run": str(run.root.absolute()),
            "model": f"detent/{digest}",
            "task": task,
            "limit": limit,
            "arguments": dict(arguments or {}),
        }
        _evaluate(asked, Path(place))
        summary, content = _read(Path(place))
    kept = DataStore(run.data, run.answers).put_bytes(content)
    entry = Inspected(
        model=digest,
        of=generation,
        task=summary.task,
        version=summary.version,
        log=kept,
        samples=summary.samples,
        scores=summary.scores,
    )
    with open_office(folder) as office:
        office.book.write(entry)
    return Inspection(entry, run.answers / kept)


def _model(state: State, generation: int, folder: Path) -> str:
    decided = state.history[generation].get("decision/v1") if generation in state.history else None
    if not isinstance(decided, Decided) or not decided.candidate:
        raise UsageError(
            f"a closed generation that made a model expected, got {generation}; see: detent status {folder}"
        )
    return decided.candidate


def _evaluate(asked: Mapping[str, Any], place: Path) -> None:
    """In a process of its own. Where this user's keys lie it is not told, nor a server's key."""
    command = [sys.executable, "-P", "-m", "detent.assembly.inspecting", json.dumps(asked), str(place)]
    environment = environment_without_keys(Path(asked["run"]))
    try:
        done = run_beside(command, environment=environment, is_late=_Silence(place / HEARD))
    except LateError as error:
        raise EngineError(
            f"a question of {asked['task']} to the model at least every {SILENCE:g} s expected, got silence; it was "
            "ended: mend the task, then try again"
        ) from error
    if done.status != 0:
        raise EngineError(
            f"a log of {asked['task']} expected from Inspect, got: {done.said[:300]}; mend the task, then try again"
        )


class _Silence:
    """Says when a file has not been touched for too long."""

    def __init__(self, heard: Path) -> None:
        self._heard = heard
        self._last = 0
        self._since = time.monotonic()

    def __call__(self) -> bool:
        touched = self._heard.stat().st_mtime_ns if self._heard.exists() else 0
        if touched != self._last:
            self._last, self._since = touched, time.monotonic()
        return time.monotonic() - self._since >= SILENCE


def _read(place: Path) -> tuple[Summary, bytes]:
    """The summary and the log, of which only the size is believed: it goes by its digest."""
    try:
        summary = msgspec.json.decode((place / SUMMARY).read_bytes(), type=Summary)
        log = place / Path(summary.log).name
        if log.stat().st_size > LARGEST_LOG:
            raise EngineError(
                f"a log of at most {LARGEST_LOG:,} bytes expected, got {log.stat().st_size:,}; set --limit"
            )
        content = log.read_bytes()
    except (OSError, msgspec.DecodeError) as error:
        raise EngineError(
            f"a log and its summary expected from Inspect, got none: {error}; try again"
        ) from error
    names = (summary.task, summary.version, *summary.scores)
    if len(summary.scores) > MOST_SCORES or max(map(len, names)) > LONGEST_NAME or summary.samples < 0:
        raise EngineError(
            f"at most {MOST_SCORES} scores with short names expected, got more; choose another task"
        )
    if not all(map(isfinite, summary.scores.values())):
        raise EngineError("finite scores expected from Inspect, got others; look at the task's metrics")
    return summary, content


def main(words: list[str]) -> int:
    """`python -m detent.assembly.inspecting ASKED PLACE`: run the task, leave its log and a summary in `PLACE`."""
    from inspect_ai import eval as evaluate  # noqa: PLC0415

    import detent.assembly.inspect_provider  # noqa: F401, PLC0415  registers the provider, also where no entry point is

    asked, place = json.loads(words[0]), Path(words[1])
    (log,) = evaluate(
        asked["task"],
        model=asked["model"],
        model_args={"run": asked["run"], "heard": str(place / HEARD)},
        task_args=asked["arguments"],
        limit=asked["limit"] or None,
        log_dir=str(place),
        log_format="eval",
        display="none",
        max_tasks=1,
    )
    if log.status != "success":
        sys.stderr.write(f"{log.error.message if log.error else log.status}\n")
        return 1
    (place / SUMMARY).write_bytes(msgspec.json.encode(summary_of(log)))
    return 0


def summary_of(log: Any) -> Summary:
    """Totals alone: no sample leaves the log."""
    results = log.results
    scores = {
        f"{score.name}/{metric.name}": float(metric.value)
        for score in (results.scores if results else ())
        for metric in score.metrics.values()
    }
    samples = results.completed_samples if results else 0
    name = Path(str(log.location)).name
    return Summary(str(log.eval.task), str(log.eval.task_version), samples, scores, name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
