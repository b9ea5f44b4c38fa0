"""`track`: a run's numbers in TensorBoard, MLflow or Weights & Biases, read off its ledger.

    >>> track(folder, "tensorboard")          # all closed generations, also of a run that never knew a tracker
    >>> report_to(folder, "mlflow", 3)        # one, from a process of its own, as `run` does it

Nothing that decides looks here. A tracker's library runs in a process of its own for at most `SECONDS`; when it fails,
hangs or is not installed, a sentence says so and the run goes on. Everything can be written again from the ledger.
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from detent.assembly.beside import LateError, run_beside
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, log_verify_key, signed_charter
from detent.assembly.samplers import environment_without_keys
from detent.assembly.storing import storing
from detent.errors import DetentError, PeerError, UsageError
from detent.report import plain, scalars

SECONDS = 60.0
"""What one generation's numbers may take."""

LONGEST = 300
"""Characters of what went wrong that are said."""


Curves = Mapping[int, Mapping[str, float]]


def track(folder: Path, name: str, generation: int | None = None) -> int:
    """Write a run's numbers for a tracker; how many generations were written.

    Args:
        folder: of the run.
        name: "tensorboard", "mlflow" or "wandb".
        generation: only this one, beside what is there; None writes all, in the place of what this wrote before.

    Raises:
        UsageError: this is no run folder, no such tracker, or its package is not installed.
        PeerError: the tracker's own library failed.
    """
    if name not in TRACKERS:
        raise UsageError(f"one of {', '.join(TRACKERS)} expected, got {name!r}; correct --to")
    run = RunFolder(folder)
    charter = signed_charter(run).charter
    curves: Curves = scalars(entries_of(run))
    if generation is not None:
        curves = {generation: curves[generation]} if generation in curves else {}
    with storing(run.trackers):
        run.trackers.mkdir(exist_ok=True)
    key = hashlib.sha256(str(log_verify_key(run)).encode()).hexdigest()[:16]
    try:
        TRACKERS[name](run.trackers, key, charter.name, curves, generation is None)
    except DetentError:
        raise
    except Exception as error:  # another's library: its errors share no root
        raise PeerError(
            f"numbers in {name} expected, got {type(error).__name__}: {str(error)[:LONGEST]}; the run is not "
            f"concerned: mend it, then: detent track {folder} --to {name}"
        ) from error
    return len(curves)


def report_to(folder: Path, name: str, generation: int) -> str:
    """Write one generation from a process of its own; what went wrong, as a sentence, "" for nothing. Never raises."""
    command = [sys.executable, "-P", "-m", "detent.assembly.tracking", str(folder), name, str(generation)]
    until = time.monotonic() + SECONDS
    try:
        done = run_beside(
            command,
            is_late=lambda: time.monotonic() >= until,
            environment=environment_without_keys(folder),
        )
    except LateError:
        return f"tracker {name}: no answer within {SECONDS:g} s; the run goes on"
    except (OSError, ValueError) as error:
        return f"tracker {name}: {plain(str(error))[:LONGEST]}; the run goes on"
    if done.status == 0:
        return ""
    return f"tracker {name}: {plain(done.said)[:LONGEST]}; the run goes on"


def _tensorboard(folder: Path, key: str, _name: str, curves: Curves, anew: bool) -> None:
    writer_of = _library("tensorboardX", "tensorboard").SummaryWriter
    place = folder / "tensorboard" / key
    if anew:
        shutil.rmtree(place, ignore_errors=True)
    writer = writer_of(logdir=str(place))
    try:
        for generation, named in curves.items():
            for name, value in named.items():
                writer.add_scalar(name, value, generation)
    finally:
        writer.close()


def _mlflow(folder: Path, key: str, name: str, curves: Curves, _anew: bool) -> None:
    """A run with the log's key as its tag; steps that it has already are left alone."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = _library("mlflow", "mlflow")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or (folder / "mlruns").absolute().as_uri()
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name("detent")
    experiment = found.experiment_id if found else client.create_experiment("detent")
    runs = client.search_runs([experiment], f"tags.`detent.log` = '{key}'", max_results=1)
    one = runs[0] if runs else client.create_run(experiment, run_name=plain(name), tags={"detent.log": key})
    seen = {metric.step for metric in client.get_metric_history(one.info.run_id, "decision")}
    for generation, named in curves.items():
        if generation not in seen:
            for metric, value in named.items():
                client.log_metric(one.info.run_id, metric, value, step=generation)


def _wandb(folder: Path, key: str, name: str, curves: Curves, _anew: bool) -> None:
    """Offline unless WANDB_MODE says otherwise; the log's key is the run's id, so that what is sent later goes on."""
    wandb = _library("wandb", "wandb")
    settings = wandb.Settings(console="off", silent=True, init_timeout=SECONDS / 2)
    one = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "detent"),
        id=key,
        name=plain(name),
        dir=str(folder),
        mode=os.environ.get("WANDB_MODE", "offline"),
        resume="allow",
        settings=settings,
    )
    for generation, named in curves.items():
        one.log({"generation": generation, **named}, step=generation)
    one.finish()


TRACKERS: dict[str, Callable[[Path, str, str, Curves, bool], None]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}
"""By the names that Hugging Face's `report_to` has."""


def _library(package: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise UsageError(
            f"the package {package} expected, got none ({error}); install it with: pip install 'detent[{extra}]'"
        ) from error


def main(words: list[str]) -> int:
    """`python -m detent.assembly.tracking DIR TRACKER GENERATION`."""
    folder, name, generation = words
    try:
        track(Path(folder), name, int(generation))
    except DetentError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
