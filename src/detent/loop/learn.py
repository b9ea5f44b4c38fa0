"""Making a candidate: what it is taught, by whom, and where every example came from."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET

from detent.diagnose import diagnose as diagnose_profile
from detent.errors import CharterError, EngineError
from detent.evaluate import answering, judging, ladder_rungs, profile_items, voting
from detent.loop import judges, measure, reshaping, revising
from detent.loop.admitting import admitted
from detent.loop.parts import Parts
from detent.loop.results import check_compute, check_labels, check_new
from detent.propose import (
    as_kept,
    check_change,
    counts_of,
    first_sources,
    label_job,
    planned,
    sources_of,
    split,
)
from detent.values import (
    BuildJob,
    BuiltModel,
    CandidateTrained,
    Change,
    DataMade,
    Diagnosed,
    Diagnosis,
    Example,
    JudgeTrained,
    LabelJob,
    Labels,
    Origin,
    Profile,
    Proposal,
    Proposed,
    Reshape,
    Source,
    SubjectBuilt,
    TrainedModel,
    TrainJob,
)


def seed_data(parts: Parts) -> DataMade:
    """True answers on the seed levels: the only ones that training ever sees."""
    recipe = parts.charter.recipe
    tops = {task: min(top, recipe.seed_levels) for task, top in parts.tops.items()}
    stream = parts.stream("seed data")
    items = profile_items(parts.tasks, ladder_rungs(tops, recipe.seed_problems), stream)
    examples = [
        Example(
            task=item.slice.task,
            level=item.slice.level,
            prompt=item.problem.prompt,
            completion=item.problem.answer,
        )
        for item in items
    ]
    return DataMade(
        digest=parts.data.put(examples),
        origin=Origin("seed"),
        counts=counts_of(examples),
        offered={},
        stream=stream.hex(),
    )


def first_team(parts: Parts, data: DataMade) -> list[str]:
    """Generation 0: models of the charter's shape, or its folder, taught the seed levels; seeds differ.

    Where the charter wants a judge, one more is taught to mark answers, beside them.
    """
    revising.corrected(parts, data)
    sources = first_sources(data, parts.book.state, parts.charter.feedback)
    slots = [f"subject/v1/{member}" for member in range(parts.charter.recipe.team)]
    return _team_and_judge(parts, slots, data, lambda member: _first_job(parts, sources, member), _subject)


def _team_and_judge(
    parts: Parts,
    slots: Sequence[str],
    answers: DataMade,
    job: Callable[[int], TrainJob],
    entry: Callable[[int, TrainJob, str, TrainedModel], SubjectBuilt | CandidateTrained],
) -> list[str]:
    """Train each member of a team, and beside them the judge where the charter wants one; the members' digests.

    Args:
        parts: of the run.
        slots: of the members' entries, in their order.
        answers: that the judge's lessons are made from.
        job: how a member is trained.
        entry: what is written of a member.
    """
    size, judge, taught = len(slots), parts.book.state.judge, _lessons(parts, answers)

    def job_at(place: int) -> TrainJob:
        if place == size and taught is not None:
            return judges.judge_job(parts, judge or _untrained(parts, size), taught, answers)
        return job(place)

    def made(missing: list[int]) -> list[SubjectBuilt | CandidateTrained | JudgeTrained]:
        jobs = [job_at(place) for place in missing]
        return [
            judges.as_trained(one, *trained) if place == size else entry(place, one, *trained)
            for place, one, trained in zip(missing, jobs, _train(parts, jobs), strict=True)
        ]

    every = [*slots, "judge/v1"] if taught else slots
    return [one.digest for one in parts.book.once_each(every, made)][:size]


def _lessons(parts: Parts, answers: DataMade) -> DataMade | None:
    """What the judge is taught from in this generation; None where there is none, or nothing new to teach it."""
    feedback = parts.charter.feedback
    if parts.trial or not feedback.judged or not (feedback.labelled or parts.book.state.generation == 0):
        return None
    return parts.book.once("data/v1/lessons", lambda: judges.made_lessons(parts, answers))


def _first_job(parts: Parts, sources: tuple[Source, ...], member: int) -> TrainJob:
    return TrainJob(
        parent=_untrained(parts, member),
        sources=sources,
        steps=parts.charter.recipe.seed_steps,
        seed=parts.number(f"first training {member}"),
        optimizer=parts.optimizer,
    )


def _subject(member: int, job: TrainJob, digest: str, trained: TrainedModel) -> SubjectBuilt:
    return SubjectBuilt(
        member=member,
        digest=digest,
        parent=job.parent,
        parameters=trained.parameters,
        data=job.sources,
        steps=job.steps,
        seed=job.seed,
        flops=trained.flops,
        precision=trained.precision,
        losses=trained.losses,
        lora=job.optimizer.lora,
        state=trained.state,
    )


def diagnose(parts: Parts, profile: Profile) -> Diagnosed:
    """What is weak, from totals alone: this profile, and what came of the turns before."""
    return Diagnosed(diagnosis=diagnose_profile(profile, parts.book.state.past))


def propose(parts: Parts, diagnosis: Diagnosis, change: Change | None = None) -> Proposed:
    """What to try about it; what the charter does not allow is refused here, whoever proposed it."""
    if "data" not in parts.charter.constraints.changes:
        raise CharterError(
            f"a change among {list(parts.charter.constraints.changes)} expected, got a data proposal; "
            "the charter's constraints.changes would have to allow it"
        )
    if change is not None:
        check_change(change, parts.charter)
    return Proposed(proposal=planned(parts.charter, parts.book.state, diagnosis, parts.constitution, change))


def label(parts: Parts, proposal: Proposal) -> DataMade:
    """Let the labellers answer fresh prompts and keep what the filter keeps; no answer key goes along."""
    stream, judge = parts.stream("labels"), parts.book.state.judge if parts.charter.feedback.filtered else ""
    whole = label_job(
        proposal,
        measure.label_items(parts, proposal, stream),
        seed=parts.number("labels"),
        extra_tokens=parts.charter.subject.room,
        judge=judge,
    )
    kept = [example for part in _labelled(parts, whole) for example in part.kept]
    check_labels(kept, proposal, whole.prompts)
    kept = as_kept(kept, parts.proxies)
    return DataMade(
        digest=parts.data.put(kept),
        origin=Origin("self", proposal.team, _filter_text(proposal, sorted(parts.proxies), judge), judge),
        counts=counts_of(kept),
        offered={
            task: {level: len(row) for level, row in rows.items()} for task, rows in whole.prompts.items()
        },
        stream=stream.hex(),
        flops=_label_flops(parts, whole),
    )


def _label_flops(parts: Parts, job: LabelJob) -> float:
    """Every prompt is answered by every model, by the first as often more as there are votes, and its answer judged."""
    by_task = {
        task: [prompt for row in rows.values() for prompt in row] for task, rows in job.prompts.items()
    }
    prompts = [prompt for rows in by_task.values() for prompt in rows]
    votes = voting(parts.models.parameters(job.models[0]), job.recipes, by_task, job.extra_tokens)
    judge = judging(parts.models.parameters(job.judge), prompts, job.extra_tokens) if job.judge else 0.0
    return answering(sum(map(parts.models.parameters, job.models)), prompts, job.extra_tokens) + votes + judge


def _labelled(parts: Parts, whole: LabelJob) -> Iterator[Labels]:
    """The labels of a job, done in as many parts as the engine does at a time."""
    for result in parts.ask_all(split(whole, parts.engine.width)):
        if not isinstance(result, Labels):
            raise EngineError(f"labels expected from a label job, got {type(result).__name__}; run again")
        yield result


def train(parts: Parts, proposal: Proposal, labels: DataMade) -> list[str]:
    """Train a candidate from each member of the team, and the judge; freeze each under its digest, with its lineage.

    In a trial the first member's alone, and no judge: enough to see what a change is worth.
    """
    sources = sources_of(proposal, labels, parts.book.state, parts.charter.feedback)
    members = 1 if parts.trial else len(proposal.team)
    parents = reshaping.parents(parts, proposal, members)
    slots = [f"candidate/v1/{member}" for member in range(members)]
    return _team_and_judge(
        parts, slots, labels, lambda member: _next_job(parts, proposal, parents, sources, member), _candidate
    )


def _next_job(
    parts: Parts, proposal: Proposal, parents: Sequence[str], sources: tuple[Source, ...], member: int
) -> TrainJob:
    state, change = parts.state_left(proposal.team[member]), proposal.change
    return TrainJob(
        parent=parents[member],
        sources=sources,
        steps=proposal.steps,
        seed=parts.number(f"training {member}"),
        optimizer=parts.optimizer,
        state=state,
        edit=change.edit if state is not UNSET and isinstance(change, Reshape) else UNSET,
    )


def _candidate(member: int, job: TrainJob, digest: str, trained: TrainedModel) -> CandidateTrained:
    return CandidateTrained(
        member=member,
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
        change=trained.change,
        state=trained.state,
    )


def _untrained(parts: Parts, member: int) -> str:
    subject = parts.charter.subject
    if parts.given_subject is not None:
        return parts.admit_given(parts.given_subject, "subject")
    job = BuildJob(
        seed=parts.number(f"first weights {member}"),
        layers=subject.layers,
        hidden=subject.hidden,
        intermediate=subject.intermediate,
        heads=subject.heads,
        rotary=subject.positions == "rotary",
    )
    result = parts.ask(job)
    if not isinstance(result, BuiltModel):
        raise EngineError(f"a model expected from a build job, got {type(result).__name__}; run again")
    return parts.admit(result.folder)


def _train(parts: Parts, jobs: list[TrainJob]) -> list[tuple[str, TrainedModel]]:
    """Train models side by side; the digest and the figures of each, in order."""
    trained = []
    for job, result in zip(jobs, parts.ask_all(jobs), strict=True):
        digest, counted = admitted(parts, job.parent, result)
        check_compute(counted, job)
        trained.append((digest, counted))
    check_new((digest for digest, _ in trained), parts.known_models)
    return trained


def _filter_text(proposal: Proposal, proxies: Sequence[str], judge: str) -> str:
    """What kept the examples, for their lineage; the whole recipe stands in the proposal's entry."""
    voters = f"all of {len(proposal.team)} models agree" if len(proposal.team) > 1 else "one model"
    floors = sorted({rung.filter.confidence for recipe in proposal.recipes.values() for rung in recipe.rungs})
    pleased = f", accepted by {', '.join(proxies)}" if proxies else ""
    ranked = ", those first that a judge finds likely to be right" if judge else ""
    return (
        f"{voters}, least token probability >= {', '.join(f'{floor:g}' for floor in floors)}{ranked}{pleased}"
    )
