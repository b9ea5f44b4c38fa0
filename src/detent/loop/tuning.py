"""Candidates taught further by a judge's word: by what it prefers (DPO), or by how it scores their answers (GRPO).

    candidates = tuning.tuned(parts, plan, candidates)

Each method writes what it was taught from, a model for each member, and an audit: how many answers it made right and
how many wrong. From that `propose.uses` decides how much it is used from then on. The judge is the one in force, which
was never taught from a checker's word; what checkers say of single answers does not leave this module. Where
"constitution" stands among the charter's methods too, the judge also prefers by principle, on problems of their own.
One that is taught marks answers one by one; one that is asked in words compares two (`propose.contests`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from detent.errors import EngineError
from detent.evaluate import answering, judged, prefer_least, profile_items, reinforce_bound
from detent.loop import serving
from detent.loop.admitting import admitted
from detent.loop.parts import Parts
from detent.loop.results import check_change, check_least, check_new
from detent.propose import (
    STREAMS,
    Contested,
    apart,
    as_compared,
    as_rows,
    audited_rungs,
    chosen,
    compared_rungs,
    contest_text,
    contested,
    contested_again,
    contesting,
    contests,
    counted_as,
    counts_of,
    flips_label,
    flips_of,
    from_record,
    judge_of,
    judge_size,
    offered_on,
    pooled,
    prefer_job,
    preferring,
    preferring_text,
    questions,
    reinforce_job,
    ruled,
    sample_jobs,
    seed_label,
    sources_for,
    taught_again,
    teacher_job,
    won,
    writable,
    writers,
)
from detent.tasks import TaskSource, shown
from detent.values import (
    AnswerJob,
    Answers,
    DataMade,
    Flipped,
    Item,
    Origin,
    Preference,
    PreferJob,
    Proposal,
    ReinforceJob,
    Sampled,
    Scored,
    ScoreJob,
    Tuned,
    Tuning,
)
from detent.values.serving import Kept

Job = PreferJob | ReinforceJob
Least = Callable[[int, Job], float]
"""(parameters, job) -> operations that such a training cannot do with fewer of."""

Rungs = dict[str, dict[int, int]]


def tuned(parts: Parts, proposal: Proposal, candidates: list[str]) -> list[str]:
    """The digests of the members' candidates, once all of the charter's methods have taught them.

    Nothing is done where no judge is in force yet: in the turn in which an amendment brought one in it is taught first.
    """
    if not judge_of(parts.charter.feedback, parts.book.state):
        return candidates
    return _by_scores(parts, proposal, _by_preferences(parts, proposal, candidates))


def _by_preferences(parts: Parts, proposal: Proposal, candidates: list[str]) -> list[str]:
    feedback = parts.charter.feedback
    rungs = compared_rungs(proposal, "dpo", parts.charter, parts.constitution)
    if not rungs:
        return candidates
    data = parts.book.once("data/v1/preferred", lambda: _preferences(parts, rungs, candidates))
    rows = sum(count for levels in data.counts.values() for count in levels.values())
    if not rows:
        return candidates

    def job(member: int) -> PreferJob:
        seed = parts.number(seed_label("dpo", member))
        return prefer_job(candidates[member], data.digest, rows, seed, feedback)

    def least(parameters: int, one: Job) -> float:
        assert isinstance(one, PreferJob)  # noqa: S101  made above
        return prefer_least(parameters, one, rows)

    return _taught(parts, proposal, "dpo", [job(member) for member in range(len(candidates))], least)


def _by_scores(parts: Parts, proposal: Proposal, candidates: list[str]) -> list[str]:
    feedback, judge = parts.charter.feedback, judge_of(parts.charter.feedback, parts.book.state)
    rungs = compared_rungs(proposal, "grpo", parts.charter, parts.constitution)
    if not rungs:
        return candidates
    items = profile_items(_sources(parts, rungs), rungs, parts.stream(STREAMS["grpo"]))
    prompts, extra = [item.problem.prompt for item in items], parts.charter.subject.room

    def job(member: int) -> ReinforceJob:
        seed = parts.number(seed_label("grpo", member))
        return reinforce_job(candidates[member], judge, prompts, seed, feedback, extra)

    def least(parameters: int, one: Job) -> float:
        assert isinstance(one, ReinforceJob)  # noqa: S101  made above
        return reinforce_bound(parameters, parts.book.state.sizes[judge], one).least

    return _taught(parts, proposal, "grpo", [job(member) for member in range(len(candidates))], least)


def _sources(parts: Parts, rungs: Rungs) -> dict[str, TaskSource]:
    return sources_for(rungs, parts.constitution, parts.asked)


def _preferences(parts: Parts, rungs: Rungs, candidates: Sequence[str]) -> DataMade:
    """Of the candidates' answers to fresh prompts those that the judge prefers; no answer key goes along."""
    feedback, judge = parts.charter.feedback, judge_of(parts.charter.feedback, parts.book.state)
    stream = parts.stream(STREAMS["dpo"])
    items = apart(profile_items(_sources(parts, rungs), rungs, stream))
    prefer = _compared if feedback.compares else _marked
    found = prefer(parts, judge, items, candidates)
    return DataMade(
        digest=parts.data.put(found.rows),
        origin=Origin("preferred", writers(candidates, feedback), found.rule, judge),
        counts=counts_of(found.rows),
        offered=offered_on(rungs),
        stream=stream.hex(),
        flops=found.flops,
    )


class _Preferred(NamedTuple):
    """Preferences, by what rule they came about, and what they took at the most."""

    rows: list[Preference]
    rule: str
    flops: float


def _marked(parts: Parts, judge: str, items: Sequence[Item], candidates: Sequence[str]) -> _Preferred:
    """By the judge's marks of each answer."""
    feedback, extra = parts.charter.feedback, parts.charter.subject.room
    asked = pooled(items, _sampled(parts, candidates, items))
    every = questions(asked)
    chances = dict(zip(every, _scored(parts, judge, as_rows(every)), strict=True))
    sizes = parts.book.state.sizes
    flops = preferring([sizes[one] for one in candidates], sizes[judge], items, feedback, extra)
    return _Preferred(chosen(asked, chances, feedback.least_odds), preferring_text(feedback), flops)


def _compared(parts: Parts, judge: str, items: Sequence[Item], candidates: Sequence[str]) -> _Preferred:
    """By what the judge says of two answers, in both orders."""
    feedback, extra, creed = parts.charter.feedback, parts.charter.subject.room, parts.constitution
    asked, ask = _contested(parts, judge, items, candidates)
    rulings = ruled(contests(asked, creed), ask, judge, feedback.judge_form)
    rows = won(asked, rulings, creed, feedback.least_odds)
    sizes = parts.book.state.sizes
    of_judge = judge_size(judge, sizes)
    flops = contesting([sizes[one] for one in candidates], of_judge, items, feedback, extra, creed)
    return _Preferred(rows, contest_text(feedback), flops)


def _contested(
    parts: Parts, judge: str, items: Sequence[Item], candidates: Sequence[str]
) -> tuple[list[Contested], serving.Ask]:
    """Which answers are compared, and who says which is better: the judge, or what a server's was recorded to say."""
    if not parts.charter.feedback.judge_server:
        return contested(items, _all_sampled(parts, candidates, items)), parts.ask

    def said(ask: serving.Ask) -> list[Kept]:
        asked = contested(items, _all_sampled(parts, candidates, items))
        ruled(contests(asked, parts.constitution), ask, judge, parts.charter.feedback.judge_form)
        return as_compared(asked)

    kept = serving.said(parts, "preferences", said)
    return contested_again(items, kept), from_record(kept)


def _all_sampled(parts: Parts, candidates: Sequence[str], items: Sequence[Item]) -> list[Sampled]:
    """The candidates' answers, and those of the charter's teacher where it names one, as they were recorded."""
    sampled, feedback = _sampled(parts, candidates, items), parts.charter.feedback
    if not feedback.teacher:
        return sampled
    prompts = [item.problem.prompt for item in items]
    job = teacher_job(prompts, parts.number, feedback, parts.charter.subject.room)

    def said(ask: serving.Ask) -> None:
        ask(job)

    kept = serving.said(parts, "answers", said)
    return [*sampled, taught_again(kept, prompts, feedback, parts.charter.subject)]


def _sampled(parts: Parts, candidates: Sequence[str], items: Sequence[Item]) -> list[Sampled]:
    feedback, extra = parts.charter.feedback, parts.charter.subject.room
    prompts = [item.problem.prompt for item in items]
    found = []
    for result in parts.ask_all(sample_jobs(candidates, prompts, parts.number, feedback, extra)):
        if not isinstance(result, Sampled):
            raise EngineError(f"samples expected from a sample job, got {type(result).__name__}; run again")
        found.append(writable(result, prompts, parts.charter.subject))
    return found


def _scored(parts: Parts, judge: str, rows: tuple[tuple[str, str], ...]) -> Sequence[float]:
    if not rows:
        return ()
    result = parts.ask(ScoreJob(model=judge, rows=rows))
    if not isinstance(result, Scored):
        raise EngineError(f"scores expected from a score job, got {type(result).__name__}; run again")
    return result.log_likelihoods


def _taught(parts: Parts, proposal: Proposal, method: Tuning, jobs: Sequence[Job], least: Least) -> list[str]:
    """Train all members side by side, freeze each under its digest, and count what that made right and wrong."""

    def made(missing: list[int]) -> list[Tuned]:
        trained = []
        for member, result in zip(missing, parts.ask_all([jobs[one] for one in missing]), strict=True):
            job = jobs[member]
            digest, counted = admitted(parts, job.parent, result)
            check_least(counted, least(counted.parameters, job))
            check_change(counted, new=digest != job.parent)
            trained.append(
                Tuned(
                    member=member,
                    method=method,
                    digest=digest,
                    parent=job.parent,
                    judge=judge_of(parts.charter.feedback, parts.book.state),
                    data=job.data if isinstance(job, PreferJob) else (),
                    stream="" if isinstance(job, PreferJob) else parts.stream(STREAMS[method]).hex(),
                    steps=job.steps,
                    seed=job.seed,
                    rate=job.rate,
                    beta=job.beta,
                    parameters=counted.parameters,
                    flops=counted.flops,
                    precision=counted.precision,
                    losses=counted.losses,
                    change=counted.change,
                )
            )
        # Scores that are all the same teach nothing, and leave the weights as they were.
        check_new((one.digest for one in trained if one.digest != one.parent), parts.known_models)
        return trained

    tuned = parts.book.once_each([f"tuned/v1/{method}/{member}" for member in range(len(jobs))], made)
    parts.book.once(f"flips/v1/{method}", lambda: _flipped(parts, proposal, method, tuned))
    return [one.digest for one in tuned]


def _flipped(parts: Parts, proposal: Proposal, method: Tuning, tuned: Sequence[Tuned]) -> Flipped:
    """What all members answered before and after; totals leave this function, single outcomes never do."""
    models = [(one.parent, one.digest) for one in tuned]
    stream = parts.stream(flips_label(method, [digest for _, digest in models]))
    rungs = audited_rungs(proposal, method, parts.charter, parts.constitution)
    sources = _sources(parts, rungs)
    items = profile_items(shown(sources), rungs, stream)
    prompts, extra = tuple(item.problem.prompt for item in items), parts.charter.subject.room
    every = [model for pair in models for model in pair]
    jobs = [AnswerJob(model=model, prompts=prompts, extra_tokens=extra) for model in every]
    marks = []
    for result in parts.ask_all(jobs):
        if not isinstance(result, Answers):
            raise EngineError(f"answers expected from an answer job, got {type(result).__name__}; run again")
        marks.append(judged(items, result.completions, sources))
    tasks = [counted_as(item.slice.task) for item in items]
    return Flipped(
        method=method,
        data=tuned[0].data[0] if tuned[0].data else "",
        flips=flips_of(tasks, marks[::2], marks[1::2]),
        stream=stream.hex(),
        flops=answering(sum(parts.book.state.sizes[model] for model in every), prompts, extra),
    )
