"""The judge: a model beside the team that learns to mark answers, and has a say in which labels are kept.

It is taught from answers held to be right and from the same answers spoilt (`propose.lessons`): seed answers first,
then the labels of each generation. It never sees what a checker says; cases that are known only test it.
"""

from pathlib import Path

from detent.evaluate import profile_items
from detent.loop import serving
from detent.loop.parts import Parts
from detent.loop.results import check_size
from detent.propose import (
    counts_of,
    exam_cases,
    examined,
    from_record,
    given_judge,
    judge_sources,
    lessons,
    sitting_of,
)
from detent.tasks import shown
from detent.values import (
    DataMade,
    JudgeTested,
    JudgeTrained,
    Origin,
    TrainedModel,
    TrainJob,
)


def made_lessons(parts: Parts, labels: DataMade) -> DataMade:
    """A file of lessons, made of a generation's answers."""
    stream = parts.stream(f"lessons of {labels.digest}")
    made = lessons(parts.data.read(labels.digest), stream, parts.charter.feedback.lessons)
    return DataMade(
        digest=parts.data.put(made),
        origin=Origin("lessons"),
        counts=counts_of(made),
        offered={},
        stream=stream.hex(),
    )


def judge_job(parts: Parts, parent: str, taught: DataMade, labels: DataMade) -> TrainJob:
    """How the judge is trained in this generation; `parent`: the judge before it, or an untrained model."""
    feedback, first = parts.charter.feedback, parts.book.state.generation == 0
    return TrainJob(
        parent=parent,
        sources=judge_sources(taught, labels, parts.book.state, feedback),
        steps=feedback.judge_seed_steps if first else feedback.judge_steps,
        seed=parts.number("training of the judge"),
        optimizer=parts.optimizer,
        state=parts.state_left(parent),
    )


def as_trained(job: TrainJob, digest: str, trained: TrainedModel) -> JudgeTrained:
    """The entry of a judge, with its whole lineage."""
    return JudgeTrained(
        digest=digest,
        parent=job.parent,
        data=job.sources,
        steps=job.steps,
        seed=job.seed,
        optimizer=job.optimizer,
        parameters=trained.parameters,
        flops=trained.flops,
        precision=trained.precision,
        losses=trained.losses,
        state=trained.state,
    )


def given(parts: Parts) -> None:
    """Generation 0: take the charter's own judge among the models, where it names one, as it is and for good."""
    if parts.given_judge is not None:
        folder = parts.given_judge
        parts.book.once("judge/v1", lambda: _taken(parts, folder))


def _taken(parts: Parts, folder: Path) -> JudgeTrained:
    digest = parts.admit_given(folder, "judge")
    parameters = parts.models.parameters(digest)
    check_size(parameters, parts.charter.constraints.max_parameters)
    return given_judge(digest, parameters, parts.optimizer)


def tested(parts: Parts) -> JudgeTested:
    """The judge in force on cases that are known; totals alone leave this function."""
    cases = exam_cases(parts.charter, lambda rungs, seed: profile_items(shown(parts.tasks), rungs, seed))
    sitting = sitting_of(parts.charter, parts.book.state)
    if not parts.charter.feedback.judge_server:
        return examined(sitting, cases, parts.ask, parts.tasks)

    def held(ask: serving.Ask) -> None:
        examined(sitting, cases, ask, parts.tasks)

    return examined(sitting, cases, from_record(serving.said(parts, "exam", held)), parts.tasks)
