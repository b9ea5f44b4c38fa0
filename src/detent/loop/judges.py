"""The judge: a model beside the team that learns to mark answers, and has a say in which labels are kept.

It is taught from answers held to be right and from the same answers spoilt (`propose.lessons`): seed answers first,
then the labels of each generation. It never sees what a checker says; cases that are known only test it.
"""

from math import exp

from detent.errors import EngineError
from detent.evaluate import judging, profile_items
from detent.loop.parts import Parts
from detent.propose import anchor_cases, judge_sources, lessons
from detent.values import (
    DataMade,
    Example,
    JudgeTested,
    JudgeTrained,
    Origin,
    Score,
    Scored,
    ScoreJob,
    TrainedModel,
    TrainJob,
    praise,
    question,
)

RIGHT = 0.5
"""How likely a judge must find an answer right to be counted as saying so."""


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


def counts_of(examples: list[Example]) -> dict[str, dict[str, int]]:
    """How many there are, by task and level as text."""
    found: dict[str, dict[str, int]] = {}
    for example in sorted(examples, key=lambda one: (one.task, one.level)):
        row = found.setdefault(example.task, {})
        row[str(example.level)] = row.get(str(example.level), 0) + 1
    return found


def judge_job(parts: Parts, parent: str, taught: DataMade, labels: DataMade) -> TrainJob:
    """How the judge is trained in this generation; `parent`: the judge before it, or an untrained model."""
    feedback, first = parts.charter.feedback, parts.book.state.generation == 0
    return TrainJob(
        parent=parent,
        sources=judge_sources(taught, labels, parts.book.state),
        steps=feedback.judge_seed_steps if first else feedback.judge_steps,
        seed=parts.number("training of the judge"),
        optimizer=parts.optimizer,
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
    )


def tested(parts: Parts) -> JudgeTested:
    """The judge in force on cases that are known; totals alone leave this function."""
    judge = parts.book.state.judge
    stream, cases = anchor_cases(parts.charter, lambda rungs, seed: profile_items(parts.tasks, rungs, seed))
    rows = tuple(
        (question(case.prompt, case.draft), praise(case.draft)) for some in cases.values() for case in some
    )
    chances = iter(_likely(parts, judge, rows))
    totals = {
        task: Score(sum((next(chances) >= RIGHT) == case.right for case in some), len(some))
        for task, some in cases.items()
    }
    prompts = [case.prompt for some in cases.values() for case in some]
    flops = judging(parts.book.state.sizes[judge], prompts, parts.charter.subject.extra_tokens)
    return JudgeTested(judge=judge, anchors=totals, stream=stream.hex(), flops=flops)


def _likely(parts: Parts, judge: str, rows: tuple[tuple[str, str], ...]) -> list[float]:
    result = parts.ask(ScoreJob(model=judge, rows=rows))
    if not isinstance(result, Scored) or len(result.log_likelihoods) != len(rows):
        raise EngineError(
            f"{len(rows)} scores expected from a score job, got {type(result).__name__}; run again"
        )
    return [exp(min(0.0, value)) for value in result.log_likelihoods]
