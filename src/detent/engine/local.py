"""Workers on this machine: long-lived ones for profile, labelling and training, and a nursery for openings.

Jobs for several models run side by side, each worker with few threads: measured on 2 cores, two trainings with a
thread each take 57 ms for a step of either, one after the other with two threads 71 to 80 ms. Small products leave
threads waiting for each other, and threads that spin while they wait are slow next to any other busy process.

The nursery is another process that loads its libraries while those work, runs no job, and forks a child for one
opening: a worker that has run no job before is there in 20 ms instead of seconds. It ends with its opening, and
shares nothing with the others that either can write.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count, pairwise
from pathlib import Path

from detent.engine._process import WorkerProcess
from detent.engine._together import Together
from detent.engine.base import Ask, Watch, believed, only_answers, refuse_looks
from detent.engine.confinement import Limits, confinement, gpu_devices, worker_prefix
from detent.errors import StorageError, UsageError
from detent.values import (
    AnswerJob,
    BuildJob,
    Device,
    Job,
    JobFailure,
    JudgeJob,
    LabelJob,
    PreferJob,
    ReinforceJob,
    ReshapeJob,
    Result,
    SampleJob,
    TrainJob,
)

LIBRARIES = ("torch", "transformers", "safetensors", "accelerate", "datasets", "trl", "peft")
"""What workers import and this side does not; the extra `train` brings them."""

_WORKER_MADE = re.compile(
    r"(state-of-)?(built|merged|reshaped|trained|preferred|reinforced)-[0-9a-f]{12}|lesson-\w{8}"
)
"""Names of models and states in staging, and of what a training needs meanwhile."""

_RESUMED = re.compile(r"resume-(trained|preferred|reinforced|label|answer|sample|judge)-[0-9a-f]{12}")
"""Names of what a job that was killed goes on from."""

_ANSWERED = re.compile(r"resume-(answer|sample|judge)-[0-9a-f]{12}")
"""Those of jobs that leave nothing but answers."""


def check_libraries() -> None:
    """Return when workers have what they import; it is looked for, and not loaded.

    Raises:
        UsageError: something is missing: this is the small install, which checks and steers runs.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the extra detent[train] expected where models run, got an install without {', '.join(missing)}; "
            "pip install 'detent[train]'"
        )


class LocalEngine:
    """An `Engine` of processes that are confined where bubblewrap is permitted.

    Models that a killed run left in `staging` are removed before the first is made.
    """

    def __init__(
        self,
        *,
        models: Path,
        data: Path,
        staging: Path,
        log: Path,
        threads: int,
        workers: int = 1,
        device: Device = "cpu",
        states: Path | None = None,
        stall_seconds: float = 120.0,
        limits: Limits | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            models: folder of `<digest>/`, read by workers.
            data: folder of `<digest>.jsonl`, read by workers.
            staging: folder in which workers leave models; made when missing.
            log: file to which workers' standard error is appended.
            threads: CPU threads in all; a worker has its even share, an opening as many as one worker.
                Results depend on both numbers.
            workers: long-lived workers that `run_all` uses side by side, started when needed.
            device: what they compute on; all of them on the same.
            states: folder of `<digest>/` with what optimizers remember, read by the workers that train; made when
                missing. None: no training carries any on.
            stall_seconds: silence after which a worker is ended.
            limits: what a worker may use.
        """
        self._models, self._data, self._staging, self._log = (
            path.absolute() for path in (models, data, staging, log)
        )
        self._states = states.absolute() if states is not None else None
        self._threads = threads
        self._device = device
        self._on_gpus = count()  # processes so far
        self._stall_seconds = stall_seconds
        self._limits = limits
        self._width = workers
        self._workers: list[WorkerProcess | None] = [None] * (workers + 1)  # see `rounds`
        self._nursery: WorkerProcess | None = None
        self._swept = self._open = self._closed = False

    @property
    def confined(self) -> bool:
        """As in `Engine`."""
        return confinement().confined

    @property
    def unconfined_because(self) -> str:
        """As in `Engine`."""
        return confinement().because

    def run(self, job: Job, watch: Watch) -> Result:
        """As in `Engine`."""
        return self.run_all([job], watch)[0]

    @property
    def width(self) -> int:
        """As in `Engine`."""
        return self._width

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """As in `Engine`."""
        refuse_looks(jobs)
        together = Together(watch, len(jobs))
        results: list[Result] = []
        for start, end in rounds(len(jobs), self.width):
            results += self._side_by_side(jobs[start:end], together, start)
        if any(isinstance(job, TrainJob | LabelJob | PreferJob | ReinforceJob) for job in jobs):
            self._sweep(_RESUMED)  # all are done: none will be gone on with
        elif any(isinstance(job, AnswerJob | SampleJob | JudgeJob) for job in jobs):
            self._sweep(_ANSWERED)  # and not what a training of another engine's is to go on from
        return results

    def _side_by_side(self, jobs: Sequence[Job], together: Together, start: int) -> list[Result]:
        workers = [self._at(place) for place in range(len(jobs))]
        for worker in workers:
            worker.ready()
        if any(isinstance(job, BuildJob | ReshapeJob | TrainJob | PreferJob | ReinforceJob) for job in jobs):
            # Before the first is made; not at the start, since an engine that only answers may be a second one.
            if not self._swept:
                self._sweep(_WORKER_MADE)
            self._swept = True
        if any(isinstance(job, TrainJob | LabelJob | PreferJob | ReinforceJob) for job in jobs):
            # An opening will follow; its libraries load meanwhile.
            self._nursery = self._running(self._nursery, fresh=True)
        if len(jobs) == 1:
            return [self._asked(workers[0], jobs[0], together.watch(start))]
        with ThreadPoolExecutor(len(jobs)) as pool:
            try:
                futures = [
                    pool.submit(self._asked, worker, job, together.watch(start + place))
                    for place, (worker, job) in enumerate(zip(workers, jobs, strict=True))
                ]
                wait(futures)
            except BaseException:  # an interrupt: end what runs, or the pool would wait for it
                for worker in workers:
                    worker.end()
                raise
        return [future.result() for future in futures]

    def _at(self, place: int) -> WorkerProcess:
        worker = self._workers[place] = self._running(self._workers[place], fresh=False)
        return worker

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        """As in `Engine`."""
        if self._open:
            raise UsageError("one opening at a time expected, got a second; end the first before")
        nursery = self._nursery = self._running(self._nursery, fresh=True)
        nursery.ready()
        self._open = live = True

        def ask(job: Job, watch: Watch) -> Result:
            if not live:
                raise UsageError("a job inside an opening expected, got one after its end; open another")
            return self._asked(nursery, only_answers(job), watch)

        try:
            yield ask
        finally:
            self._open = live = False
            # The next opening gets another nursery: this one's child spoke on its pipes and could write to its memory.
            nursery.kill()
            self._nursery = None

    def close(self) -> None:
        """As in `Engine`."""
        self._closed = True
        for process in (*self._workers, self._nursery):
            if process is not None:
                process.kill()

    def _asked(self, process: WorkerProcess, job: Job, watch: Watch) -> Result:
        result = process.ask(job, watch)
        try:
            return believed(job, result, self._log)
        except BaseException:
            if not isinstance(result, JobFailure):  # it said what is not so: not to be asked again
                process.kill()
            raise

    def _running(self, process: WorkerProcess | None, *, fresh: bool) -> WorkerProcess:
        if self._closed:
            raise UsageError("an open engine expected, got a closed one; make another")
        if process is not None and process.alive:
            return process
        if process is not None:
            process.kill()
        self._prepare()
        return WorkerProcess(self._command(fresh=fresh), self._log, self._stall_seconds)

    def _prepare(self) -> None:
        for folder in (self._models, self._data):
            if not folder.is_dir():
                raise UsageError(f"the folder {folder} expected, got none; is this a run folder?")
        for folder in (self._staging, *self._remembered):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"a writable {folder} expected, got {error}; free space") from error

    @property
    def _remembered(self) -> tuple[Path, ...]:
        return () if self._states is None else (self._states,)

    def _sweep(self, made: re.Pattern[str]) -> None:
        for left in self._staging.iterdir():
            if made.fullmatch(left.name) and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)

    def _command(self, *, fresh: bool) -> list[str]:
        writable = () if fresh else (self._staging,)
        threads = max(1, self._threads // self._width)
        hidden = self._device == "cpu" or os.environ.get("CUDA_VISIBLE_DEVICES") == ""  # as CUDA takes it
        devices = [] if hidden else gpu_devices()
        prefix = worker_prefix(
            # An opening only answers: what trainings remember is nothing to it.
            readable=(self._models, self._data, *(() if fresh else self._remembered)),
            writable=writable,
            limits=self._limits,
            environment=_environment(threads) | (self._gpu_environment(devices) if devices else {}),
            devices=devices,
        )
        # -P: no folder a worker can write to is ever on the import path.
        command = [*prefix, sys.executable, "-P", "-m", "detent.worker", "--threads", str(threads)]
        command += ["--models", str(self._models), "--data", str(self._data), "--device", self._device]
        command += [] if fresh or self._states is None else ["--states", str(self._states)]
        return command + (["--nursery"] if fresh else ["--staging", str(self._staging)])

    def _gpu_environment(self, devices: Sequence[Path]) -> dict[str, str]:
        """One GPU for each process, in turn: of those that the operator chose, or of all.

        A process with several would spread a training over them by itself, and its results would depend on how many.
        """
        every = [path.name.removeprefix("nvidia") for path in devices if path.name[-1:].isdigit()]
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        gpus = [one for one in chosen if one] or every or ["0"]
        return {
            "CUDA_VISIBLE_DEVICES": gpus[next(self._on_gpus) % len(gpus)],
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as the files in /dev are numbered
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # the same bits for the same job
            "CUDA_CACHE_PATH": "/tmp",  # noqa: S108  a private one
        }


def rounds(count: int, width: int) -> list[tuple[int, int]]:
    """Which of `count` jobs go side by side, `width` at a time: (first, one past the last) of each round.

    A last one that would be alone goes with those before it. Where a judge is trained beside a team of two on two
    processors, three share them, and none is idle for the third of the time that the judge takes.
    """
    alone = width > 1 and count > width and count % width == 1
    starts = list(range(0, count - alone, width))
    return list(pairwise([*starts, count]))


def _environment(threads: int) -> dict[str, str]:
    return {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # the log is for errors
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(threads),
        # Threads that wait for each other spin for a moment and then sleep. By default they spin on: next to any
        # other busy process a job of seconds then took minutes (measured 1.6 against 57 s on 2 cores). Sleeping at
        # once makes two threads slower than one (135 ms a training step against 97).
        "GOMP_SPINCOUNT": "10000",
        "TORCHINDUCTOR_CACHE_DIR": "/tmp",  # noqa: S108  PyTorch makes one at import; nothing is compiled
        "OPENBLAS_NUM_THREADS": "1",  # numpy's; its threads would start at import, before the nursery forks
    }
