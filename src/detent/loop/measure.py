"""What a model can do, asked in three ways: in the open to aim, afresh to report, and by audit of its labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from detent.errors import EngineError
from detent.evaluate import (
    answering,
    as_profile,
    fresh_stream,
    ladder_rungs,
    newly_mastered,
    plan_mastery,
    profile_items,
    score_profile,
)
from detent.loop.parts import Parts
from detent.propose import label_rungs
from detent.tasks import Rng, shown
from detent.values import (
    AnswerJob,
    Answers,
    Audited,
    DataMade,
    Item,
    Job,
    Mastered,
    Profile,
    Profiled,
    Proposal,
    Result,
    Room,
    Score,
    praised_right,
)

Ask = Callable[[Job], Result]
"""Give a job to a worker; which worker is the caller's choice."""


def completions(ask: Ask, model: str, prompts: Sequence[str], extra_tokens: Room) -> Sequence[str]:
    """The greedy completions of `model` (digest), one a prompt, in order."""
    return _answers(ask(AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=extra_tokens)))


def _answers(result: Result) -> Sequence[str]:
    if not isinstance(result, Answers):
        raise EngineError(f"answers expected from an answer job, got {type(result).__name__}; run again")
    return result.completions


def visible(parts: Parts, models: Sequence[str]) -> list[Profile]:
    """Each model (digest) on this generation's visible problems: they aim and screen, and cost no error budget."""
    stream = parts.stream("visible")
    each = parts.charter.recipe.profile_problems

    items = profile_items(shown(parts.tasks), ladder_rungs(parts.tops, each), stream)
    prompts = tuple(item.problem.prompt for item in items)
    extra = parts.charter.subject.room

    def profiled(missing: list[int]) -> Iterator[Profiled]:
        jobs = [AnswerJob(model=models[m], prompts=prompts, extra_tokens=extra) for m in missing]
        for member, result in zip(missing, parts.ask_all(jobs), strict=True):
            scores = score_profile(parts.tasks, items, _answers(result))
            profile = as_profile(models[member], scores)
            flops = answering(parts.book.state.sizes[models[member]], prompts, extra)
            yield Profiled(
                purpose="visible", member=member, profile=profile, stream=stream.hex(), flops=flops
            )

    slots = [f"profile/v1/visible/{member}" for member in range(len(models))]
    return [entry.profile for entry in parts.book.once_each(slots, profiled)]


def fresh(parts: Parts, digest: str, ask: Ask) -> Profiled:
    """A model on problems nothing else has used or will use; what `status` reports."""
    stream = fresh_stream(parts.book.record.root(), digest)
    rungs = ladder_rungs(parts.tops, parts.charter.recipe.fresh_problems)
    scores, flops = _scores(parts, digest, ask, stream, rungs)
    return Profiled(purpose="fresh", profile=as_profile(digest, scores), stream=stream.hex(), flops=flops)


def mastery(parts: Parts, profile: Profile, ask: Ask) -> Mastered:
    """Measure the rungs below a fresh profile's frontiers; what is once mastered must be kept for good."""
    rungs = plan_mastery(profile, parts.book.state.mastered)
    stream = fresh_stream(parts.book.record.root(), profile.subject)
    scores, flops = _scores(parts, profile.subject, ask, stream, rungs)
    levels = {task: {str(level): score for level, score in row.items()} for task, row in scores.items()}
    return Mastered(
        subject=profile.subject,
        stream=stream.hex(),
        levels=levels,
        added=newly_mastered(scores),
        flops=flops,
    )


def audit(parts: Parts, proposal: Proposal, labels: DataMade) -> Audited:
    """Check a sample of self-made labels. Totals leave this function, single outcomes never do."""
    items = label_items(parts, proposal, bytes.fromhex(labels.stream))
    truth = {(item.slice.task, item.problem.prompt): item.problem for item in items}
    stream = parts.stream(f"audit of {labels.digest}")
    examples = parts.data.read(labels.digest)
    totals, praised = {}, {}
    for task, source in parts.tasks.items():
        mine = [example for example in examples if example.task == task]
        drawn = Rng(stream).child(task).sample(mine, min(parts.charter.recipe.audit, len(mine)))
        marks = source.right([(truth[task, example.prompt], example.completion) for example in drawn])
        if drawn:
            totals[task] = Score(sum(marks), len(marks))
        if drawn and labels.origin.judge:
            praised[task] = praised_right(drawn, marks)
    return Audited(data=labels.digest, labels=totals, stream=stream.hex(), praised=praised)


def label_items(parts: Parts, proposal: Proposal, stream: bytes) -> list[Item]:
    """The problems whose prompts a proposal has labelled, with the answers that stay on this side."""
    return profile_items(parts.tasks, label_rungs(proposal), stream)


def _scores(
    parts: Parts, digest: str, ask: Ask, stream: bytes, rungs: Mapping[str, Mapping[int, int]]
) -> tuple[dict[str, dict[int, Score]], float]:
    """Scores on these rungs, and the compute of the answers."""
    items = profile_items(shown(parts.tasks), rungs, stream)
    prompts, extra = [item.problem.prompt for item in items], parts.charter.subject.room
    answers = completions(ask, digest, prompts, extra)
    return score_profile(parts.tasks, items, answers), answering(
        parts.book.state.sizes[digest], prompts, extra
    )
