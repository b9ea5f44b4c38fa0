"""What each job does, in terms of `subject` and `feedback`; and what becomes of errors."""

import errno
import gc
import re
import shutil
import sys
import traceback
from importlib import import_module
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError

from detent.errors import DetentError, EngineError, StorageError, UsageError
from detent.search.suggest import suggested
from detent.subject import build
from detent.subject.checkpoint import Checkpoints
from detent.subject.generate import complete
from detent.subject.merge import merge
from detent.subject.noise import noisy
from detent.subject.processor import found_device, settle
from detent.subject.reshape import distance, reshaped
from detent.subject.score import log_likelihoods
from detent.values import (
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    Device,
    ElicitJob,
    InterpretJob,
    Job,
    JobFailure,
    Judged,
    JudgeJob,
    LabelJob,
    MergeJob,
    PreferJob,
    ReinforceJob,
    ReshapedModel,
    ReshapeJob,
    Result,
    Revised,
    ReviseJob,
    Sampled,
    SampleJob,
    Scored,
    ScoreJob,
    SuggestedPoints,
    SuggestJob,
    TrainedModel,
    TrainJob,
    sha256_hex,
)
from detent.values.adapters import ADAPTER_CONFIG
from detent.values.jobs import decode_job, encode_line
from detent.values.wire import Wire
from detent.worker._feedback import judged, revised, sampled
from detent.worker._interpreting import interpreted
from detent.worker._labelling import answer_limits, labelled
from detent.worker._rewarding import preferred, reinforced
from detent.worker._shelf import Shelf
from detent.worker._training import briefly_trained, trained
from detent.worker._written import Written

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


class Bench:
    """Where jobs are done. Without a `staging` folder it answers and nothing else."""

    def __init__(  # noqa: PLR0917
        self,
        models: Path,
        data: Path,
        staging: Path | None,
        threads: int,
        wire: Wire,
        device: Device = "cpu",
        states: Path | None = None,
    ) -> None:
        self._shelf = Shelf(models, data, states=states)
        self._device = device
        self._staging = staging
        self._threads = threads
        self._wire = wire
        self._unfit: JobFailure | None = None  # why it can do no job at all
        if any(models.glob(f"*/{ADAPTER_CONFIG}")):  # seconds: not in every child of a nursery
            import_module("peft")

    def settle(self) -> None:
        """Fix what results depend on. After a fork, not before: threads do not survive one."""
        settle(self._threads)
        try:
            self._shelf.device = found_device(self._device)  # not before a fork: a GPU does not survive one
        except (
            EngineError
        ) as error:  # said in answer to each job: from a worker that just ended nobody would hear it
            self._unfit = failure_of(error)
        torch.use_deterministic_algorithms(mode=True, warn_only=True)

    def attempt(self, line: bytes) -> Result:
        """Do the job of one line; every exception becomes a `JobFailure`."""
        if self._unfit is not None:
            return self._unfit
        try:
            return self._do(decode_job(line))
        except BaseException as error:  # noqa: BLE001  a library that calls sys.exit must not end the worker either
            traceback.print_exc()
            sys.stderr.flush()
            failure = failure_of(error)
        if failure.error == EngineError.__name__:  # memory, perhaps: start the next job without old models
            self._shelf.clear()
            gc.collect()
        return failure

    def _do(self, job: Job) -> Result:  # noqa: C901, PLR0911  one a kind of job
        match job:
            case AnswerJob():
                return self._answer(job)
            case InterpretJob() if self._staging is None:
                return interpreted(job, self._shelf, self._wire.progress("interpret"))
            case _ if self._staging is None:
                raise UsageError(f"an AnswerJob expected in an opening, got {type(job).__name__}")
            case InterpretJob():
                raise UsageError("an opening expected for an InterpretJob, got a worker that keeps something")
            case BuildJob() | ReshapeJob() | MergeJob() | TrainJob() | PreferJob() | ReinforceJob():
                return self._make(job)
            case SampleJob() | ReviseJob() | JudgeJob():
                return self._feed_back(job)
            case LabelJob():
                written = Written(self._named("resume-label", job))  # names as the engine sweeps them
                return labelled(job, self._shelf, self._wire.progress("label"), written)
            case ScoreJob():
                return self._score(job)
            case ElicitJob():
                return self._elicit(job)
            case SuggestJob():
                return self._suggest(job)

    def _make(
        self, job: BuildJob | ReshapeJob | MergeJob | TrainJob | PreferJob | ReinforceJob
    ) -> BuiltModel | ReshapedModel | TrainedModel:
        """What leaves a model in staging."""
        match job:
            case BuildJob():
                return self._build(job, self._folder("built", job))
            case ReshapeJob():
                return self._reshape(job, self._folder("reshaped", job))
            case MergeJob():
                return self._merge(job, self._folder("merged", job))
            case TrainJob():
                tell, marks = self._wire.progress("train"), Checkpoints(self._named("resume-trained", job))
                return trained(job, self._shelf, self._folder("trained", job), tell, marks)
            case PreferJob():
                tell, marks = self._wire.progress("prefer"), Checkpoints(self._named("resume-preferred", job))
                return preferred(job, self._shelf, self._folder("preferred", job), tell, marks)
            case ReinforceJob():
                tell = self._wire.progress("reinforce")
                marks = Checkpoints(self._named("resume-reinforced", job))
                return reinforced(job, self._shelf, self._folder("reinforced", job), tell, marks)

    def _feed_back(self, job: SampleJob | ReviseJob | JudgeJob) -> Sampled | Revised | Judged:
        """What asks a model for more than its answer."""
        match job:
            case SampleJob():
                written = Written(self._named("resume-sample", job))
                return sampled(job, self._shelf, self._wire.progress("sample"), written)
            case ReviseJob():
                return revised(job, self._shelf, self._wire.progress("revise"))
            case JudgeJob():
                written = Written(self._named("resume-judge", job))
                return judged(job, self._shelf, self._wire.progress("judge"), written)

    def _answer(self, job: AnswerJob) -> Answers:
        subject = self._shelf.subject(job.model)
        if job.noise:
            subject = noisy(subject, job.noise, seed=job.seed)
        limits = answer_limits(subject, job.prompts, job.extra_tokens)
        tell = self._wire.progress("answer")
        # In an opening nothing can be kept, and nothing is.
        written = Written(self._named("resume-answer", job) if self._staging else None)
        kept = written.answers([])  # the folder's name says what is asked of whom
        found = complete(*subject, job.prompts, max_new_tokens=limits, on_progress=tell, kept=kept)
        return Answers(completions=tuple(completion.text for completion in found))

    def _score(self, job: ScoreJob) -> Scored:
        tell = self._wire.progress("score")
        tell(0, len(job.rows))
        subject = self._shelf.subject(job.model)
        # Rows hold what models wrote: none of it may become a special token.
        found = log_likelihoods(*subject, job.rows)
        tell(len(job.rows), len(job.rows))
        return Scored(log_likelihoods=tuple(found))

    def _elicit(self, job: ElicitJob) -> Answers:
        """What a copy answers after a little training; nothing of it is kept."""
        subject = briefly_trained(job, self._shelf, self._wire.progress("elicit"))
        limits = answer_limits(subject, job.prompts, job.extra_tokens)
        found = complete(*subject, job.prompts, max_new_tokens=limits)
        return Answers(completions=tuple(completion.text for completion in found))

    def _suggest(self, job: SuggestJob) -> SuggestedPoints:
        tell = self._wire.progress("suggest")
        tell(0, job.count)
        found = suggested(job)
        tell(job.count, job.count)
        return found

    def _build(self, job: BuildJob, folder: Path) -> BuiltModel:
        sizes = build.Sizes(
            hidden=job.hidden,
            intermediate=job.intermediate,
            layers=job.layers,
            heads=job.heads,
            rotary=job.rotary,
        )
        tell = self._wire.progress("build")
        tell(0, 1)
        model = build.build_model(sizes, seed=job.seed)
        build.save(model, build.build_tokenizer(), folder)
        tell(1, 1)
        return BuiltModel(folder=folder.name, parameters=model.num_parameters())

    def _reshape(self, job: ReshapeJob, folder: Path) -> ReshapedModel:
        tell = self._wire.progress("reshape")
        tell(0, 1)
        model, tokenizer = self._shelf.subject(job.parent)
        other = reshaped(model, job.edit, seed=job.seed)
        far = distance(model, other, tokenizer, job.prompts)
        other.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        tell(1, 1)
        return ReshapedModel(folder=folder.name, parameters=other.num_parameters(), distance=far)

    def _merge(self, job: MergeJob, folder: Path) -> BuiltModel:
        tell = self._wire.progress("merge")
        tell(0, 1)
        parameters = merge(*self._shelf.adapter_and_base(job.model), folder)
        tell(1, 1)
        return BuiltModel(folder=folder.name, parameters=parameters)

    def _folder(self, kind: str, job: Job) -> Path:
        """A new folder in staging, named by the job; what an interrupted attempt left there is removed."""
        folder = self._named(kind, job)
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _named(self, kind: str, job: Job) -> Path:
        """The folder in staging that is named by the job."""
        if self._staging is None:
            raise UsageError("a worker with a staging folder expected, got none; start it with --staging")
        return self._staging / f"{kind}-{sha256_hex(encode_line(job))[:12]}"


def failure_of(error: BaseException) -> JobFailure:
    """The error as the overseer will raise it: who must act decides which class it becomes."""
    said = " ".join(str(error).split())  # libraries write paragraphs; a message is one line
    match error:
        case DetentError():
            return JobFailure(error=type(error).__name__, message=said)
        case msgspec.DecodeError():
            said = f"a job line expected, got {said}; overseer and worker must be of one version"
            return JobFailure(error=UsageError.__name__, message=said)
        case _ if _is_full(error):
            said = f"a staging folder that takes the model expected, got {said}; free space, then run again"
            return JobFailure(error=StorageError.__name__, message=said)
        case _ if _is_memory(error):
            said = f"enough memory for the job expected, got {said or 'none'}; give it less to do at once"
            return JobFailure(error=EngineError.__name__, message=said)
    said = f"a finished job expected, got {type(error).__name__}: {said}; the log says where"
    return JobFailure(error=EngineError.__name__, message=said)


def _is_full(error: BaseException) -> bool:
    """Whether the disk refuses; safetensors says so in words only."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, SafetensorError) and (found := re.search(r"os error (\d+)", str(error))):
        number = int(found[1])
    return number in _FULL


def _is_memory(error: BaseException) -> bool:
    """Python's own error, or what PyTorch's allocators raise instead."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
