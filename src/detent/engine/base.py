"""Where work runs, as the overseeing side sees it: a job goes in, one result comes out or an error is raised.

    >>> result = engine.run(TrainJob(parent=digest, sources=sources, steps=120, seed=7), watch)
    >>> with engine.opening() as ask:                       # a worker that has run no job before
    ...     answers = ask(AnswerJob(model=digest, prompts=prompts), watch)

Nothing a worker says is believed for its form alone: `believed` holds a result against the job it answers.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import inf, isfinite
from pathlib import Path
from typing import NoReturn, Protocol

import msgspec
from msgspec import UNSET

from detent.engine.inside import unbelievable
from detent.errors import DetentError, EngineError, StorageError, SubjectError, UsageError
from detent.values import (
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    ElicitJob,
    Interpreted,
    InterpretJob,
    Job,
    JobFailure,
    Judged,
    JudgeJob,
    LabelJob,
    Labels,
    MergeJob,
    PreferJob,
    Progress,
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
    check_settings,
)
from detent.values.feedback import verdict_of
from detent.values.shape import NEAR

Watch = Callable[[Progress], None]
"""Told how a job goes on, at most about ten times a second, in the thread that runs the job."""

Ask = Callable[[Job, Watch], Result]
"""Give one job to one particular worker."""

_BLAMED: dict[str, type[DetentError]] = {
    error.__name__: error for error in (SubjectError, StorageError, UsageError, EngineError)
}
MOST_FIGURES = 40_000
"""Bytes of what a training says of itself: it stands on the ledger, in an entry."""

_ROUNDING = 1e-6
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Engine(Protocol):
    """Runs jobs, one call at a time. Not for several threads at once.

    What `run` and an opening return is never a `JobFailure`: that is raised as the error it names
    (`SubjectError`, `EngineError`, ... of `detent.errors`). After an error, an interrupt or an exception from
    `watch`, the next `run` works: it starts a new worker where that is needed.
    """

    @property
    def confined(self) -> bool:
        """Whether workers can reach only what their jobs need."""

    @property
    def unconfined_because(self) -> str:
        """Why not, as a clause to go after "unconfined:"; empty when confined."""

    def run(self, job: Job, watch: Watch) -> Result:
        """Do `job` on the worker that serves profile, labelling and training."""

    @property
    def width(self) -> int:
        """How many jobs `run_all` does at a time; what they give does not depend on it."""

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """Do jobs side by side on such workers; their results in order. When some fail, the first error is raised.

        `watch` is told of all of them together: what is done and what there is to do, added up.
        """

    def opening(self) -> AbstractContextManager[Ask]:
        """A worker that has run no job before and never will again; it answers (`AnswerJob`) and nothing else.

        One opening at a time. The worker is gone when the block ends, however it ends.
        """

    def close(self) -> None:
        """End all workers now; returns within 2 seconds. May be called again."""


def believed(job: Job, result: Result, log: Path | None = None) -> Result:  # noqa: C901  one a kind of job
    """The result, when it is one that `job` can have.

    Raises:
        DetentError: the class that a `JobFailure` names, with its message and the name of the `log`.
        EngineError: the result does not answer the job: another kind, another number, prompts nobody asked,
            measurements that nothing can have.
    """
    if isinstance(result, JobFailure):
        raise_failure(result, log)
    match job, result:
        case BuildJob() | MergeJob(), BuiltModel():
            _believe_folder(result.folder)
        case ReshapeJob(), ReshapedModel():
            _believe_folder(result.folder)
            _believe_distance(job, result)
        case TrainJob() | PreferJob() | ReinforceJob(), TrainedModel():
            _believe_folder(result.folder)
            _believe_training(result)
            _believe_state(job, result)
        case AnswerJob() | ElicitJob(), Answers():
            if len(result.completions) != len(job.prompts):
                _disbelieve(f"{len(job.prompts)} completions", str(len(result.completions)))
        case LabelJob(), Labels():
            _believe_labels(job, result)
        case InterpretJob(), Interpreted():
            _believe_inside(job, result)
        case SuggestJob(), SuggestedPoints():
            _believe_points(job, result)
        case ScoreJob() | SampleJob() | ReviseJob() | JudgeJob(), Scored() | Sampled() | Revised() | Judged():
            _believe_feedback(job, result)
        case _:
            _disbelieve_kind(job, result)
    return result


def raise_failure(failure: JobFailure, log: Path | None = None) -> NoReturn:
    """Raise the error that a worker reported. It may blame the model, the disk or itself; all else is an `EngineError`.

    Whose fault something is decides what happens next, so a worker may not say that a task or the record is at fault.
    """
    kind = _BLAMED.get(failure.error, EngineError)
    raise kind(failure.message + (f" (the worker's log: {log})" if log else ""))


def only_answers(job: Job) -> AnswerJob | InterpretJob:
    """The job, when an opening may run it; what trains or labels must not share a worker with the gate."""
    if not isinstance(job, AnswerJob | InterpretJob):
        raise UsageError(f"an AnswerJob expected in an opening, got {type(job).__name__}; give it to run")
    return job


def refuse_looks(jobs: Sequence[Job]) -> None:
    """Refuse what says which answers are right: such a worker trains, and can keep it.

    Raises:
        UsageError: one of the jobs is for an opening.
    """
    for job in jobs:
        if isinstance(job, InterpretJob):
            raise UsageError("an InterpretJob expected in an opening alone, got it elsewhere; open one")


def _believe_folder(name: str) -> None:
    if not _FOLDER.fullmatch(name):
        _disbelieve("the plain name of a folder in staging", repr(name))


def _believe_distance(job: ReshapeJob, reshaped: ReshapedModel) -> None:
    """An edit that keeps the function has kept it, or nothing that follows would be about the edit alone."""
    if not 0 <= reshaped.distance < inf:
        _disbelieve("a finite distance of 0 or more", str(reshaped.distance))
    if job.edit.keeps and reshaped.distance > NEAR:
        raise SubjectError(
            f"a model that says what it said, within {NEAR:g}, expected of {job.edit.said}, got one at a distance of "
            f"{reshaped.distance:.2g}; it is not trained"
        )


def _believe_training(trained: TrainedModel) -> None:
    figures = (trained.flops, *trained.losses, *trained.change.values())
    if not all(map(isfinite, figures)):
        _disbelieve("finite losses, changes and operations", str(next(x for x in figures if not isfinite(x))))
    if (size := len(msgspec.json.encode(trained))) > MOST_FIGURES:
        _disbelieve(f"at most {MOST_FIGURES} bytes of figures, which an entry holds", f"{size}")


def _believe_state(job: TrainJob | PreferJob | ReinforceJob, trained: TrainedModel) -> None:
    """Beside the model, where the job's optimizer carries one on, and nowhere else."""
    carries = isinstance(job, TrainJob) and job.optimizer.carry is not UNSET
    if carries != (trained.state is not UNSET):
        _disbelieve(f"{'a' if carries else 'no'} state beside the model", repr(trained.state))
    if trained.state is not UNSET:
        _believe_folder(trained.state)
        if trained.state == trained.folder:
            _disbelieve("a state in a folder of its own", repr(trained.state))


def _believe_labels(job: LabelJob, labels: Labels) -> None:
    asked = {
        (task, int(level), prompt)
        for task, rungs in job.prompts.items()
        for level, prompts in rungs.items()
        for prompt in prompts
    }
    for example in labels.kept:
        if (example.task, example.level, example.prompt) not in asked:
            _disbelieve(
                "labels of the prompts it was given", f"{example.task} {example.level} {example.prompt!r}"
            )
        if not example.completion:  # on record it would end every training from then on
            _disbelieve("labels that say something", f"none for {example.prompt!r}")
        shares = (example.confidence, example.agreement, example.judged)
        if not all(0.0 <= share <= 1.0 for share in shares):
            _disbelieve("confidence, agreement and a judge's word in [0, 1]", str(shares))


def _believe_scores(job: ScoreJob, found: Scored) -> None:
    if len(found.log_likelihoods) != len(job.rows):
        _disbelieve(f"{len(job.rows)} scores", str(len(found.log_likelihoods)))
    for value in found.log_likelihoods:
        if not -inf < value <= _ROUNDING:
            _disbelieve("a finite logarithm of a probability", str(value))


def _believe_inside(job: InterpretJob, found: Interpreted) -> None:
    probed = () if job.known is UNSET else job.known.models
    if (fault := unbelievable(job.sections, found, probed, len(job.gained))) is not None:
        _disbelieve(*fault)


def _believe_feedback(
    job: ScoreJob | SampleJob | ReviseJob | JudgeJob, result: Scored | Sampled | Revised | Judged
) -> None:
    match job, result:
        case ScoreJob(), Scored():
            _believe_scores(job, result)
        case SampleJob(), Sampled():
            _believe_samples(job, result)
        case ReviseJob(), Revised():
            _believe_revisions(job, result)
        case JudgeJob(), Judged():
            _believe_rulings(job, result)
        case _:
            _disbelieve_kind(job, result)


def _believe_samples(job: SampleJob, found: Sampled) -> None:
    counts = [len(samples) for samples in found.samples]
    if counts != [job.samples] * len(job.prompts):
        _disbelieve(f"{job.samples} samples of each of {len(job.prompts)} prompts", f"{counts[:8]}")
    _believe_confidences([one.confidence for samples in found.samples for one in samples])


def _believe_revisions(job: ReviseJob, found: Revised) -> None:
    if len(found.revisions) != len(job.prompts):
        _disbelieve(f"{len(job.prompts)} revisions", str(len(found.revisions)))
    for place, revision in enumerate(found.revisions):
        if job.drafts and revision.draft != job.drafts[place]:
            _disbelieve("the draft it was given", repr(revision.draft))
        if len(revision.steps) > job.rounds:
            _disbelieve(f"at most {job.rounds} rounds", str(len(revision.steps)))
        if revision.final not in {revision.draft, *(step.text for step in revision.steps)}:
            _disbelieve("a draft or a revision as the final text", repr(revision.final))
        _believe_confidences([revision.confidence, *(step.confidence for step in revision.steps)])


def _believe_rulings(job: JudgeJob, found: Judged) -> None:
    if len(found.rulings) != len(job.pairs):
        _disbelieve(f"{len(job.pairs)} rulings", str(len(found.rulings)))
    for ruling in found.rulings:
        if len(ruling.odds) not in {0, 2}:
            _disbelieve("two log-odds or none", str(len(ruling.odds)))
        if not all(map(isfinite, ruling.odds)):
            _disbelieve("finite log-odds", str(ruling.odds))
        if (said := verdict_of(ruling.odds, job.margin)) != ruling.verdict:
            _disbelieve(f"the verdict of its odds, {said}", ruling.verdict)


def _believe_points(job: SuggestJob, found: SuggestedPoints) -> None:
    if len(found.points) != job.count:
        _disbelieve(f"{job.count} points", str(len(found.points)))
    for point in found.points:
        if not 1 <= len(point) <= job.keys:
            _disbelieve(f"points of 1 to {job.keys} keys", str(len(point)))
        try:
            check_settings(point, job.space)
        except UsageError as error:
            raise EngineError(f"points of the search space expected from the worker: {error}") from error


def _believe_confidences(found: Sequence[float]) -> None:
    if amiss := [one for one in found if not 0.0 <= one <= 1.0]:
        _disbelieve("confidences in [0, 1]", str(amiss[0]))


def _disbelieve_kind(job: Job, result: Result) -> NoReturn:
    _disbelieve(f"the kind of result that {type(job).__name__} has", type(result).__name__)


def _disbelieve(wanted: str, got: str) -> NoReturn:
    raise EngineError(f"{wanted} expected from the worker, got {got}; its result is not used: run again")
