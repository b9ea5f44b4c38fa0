"""Making a candidate: what it is taught, by whom, and where every example came from."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial

from detent.diagnose import diagnose as diagnose_profile
from detent.errors import CharterError, EngineError
from detent.evaluate import ladder_rungs, profile_items
from detent.loop import measure
from detent.loop.parts import Parts
from detent.propose import propose as propose_change
from detent.propose import sources_of
from detent.values import (
    BuildJob,
    BuiltModel,
    CandidateTrained,
    DataMade,
    Diagnosed,
    Diagnosis,
    Example,
    LabelJob,
    Labels,
    Origin,
    Profile,
    Proposal,
    Proposed,
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
        counts=_counts(examples),
        offered={},
        stream=stream.hex(),
    )


def first_team(parts: Parts, data: DataMade) -> list[str]:
    """Generation 0: models of the charter's shape, or its folder, taught the seed levels; seeds differ."""
    return [
        parts.book.once(f"subject/v1/{member}", partial(_first_subject, parts, data, member)).digest
        for member in range(parts.charter.recipe.team)
    ]


def _first_subject(parts: Parts, data: DataMade, member: int) -> SubjectBuilt:
    job = TrainJob(
        parent=_untrained(parts, member),
        sources=(Source(data.digest, 1.0),),
        steps=parts.charter.recipe.seed_steps,
        seed=parts.number(f"first training {member}"),
        optimizer=parts.optimizer,
    )
    digest, trained = _train(parts, job)
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
    )


def diagnose(parts: Parts, profile: Profile) -> Diagnosed:
    """What is weak, from totals alone: this profile, and what came of the turns before."""
    return Diagnosed(diagnosis=diagnose_profile(profile, parts.book.state.history))


def propose(parts: Parts, diagnosis: Diagnosis) -> Proposed:
    """What to try about it; what the charter does not allow is refused here, whoever proposed it."""
    state = parts.book.state
    profiles = [state.visible[member] for member in state.team]
    proposal = propose_change(diagnosis, profiles, parts.charter.recipe)
    if "data" not in parts.charter.constraints.changes:
        raise CharterError(
            f"a change among {list(parts.charter.constraints.changes)} expected, got a data proposal; "
            "the charter's constraints.changes would have to allow it"
        )
    return Proposed(proposal=proposal)


def label(parts: Parts, proposal: Proposal) -> DataMade:
    """Let the labellers answer fresh prompts and keep what the filter keeps; no answer key goes along."""
    stream = parts.stream("labels")
    prompts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in measure.label_items(parts, proposal, stream):
        prompts[item.slice.task][str(item.slice.level)].append(item.problem.prompt)
    job = LabelJob(
        models=proposal.team,
        prompts={task: {level: tuple(row) for level, row in rows.items()} for task, rows in prompts.items()},
        recipes=proposal.recipes,
        seed=parts.number("labels"),
        extra_tokens=parts.charter.subject.extra_tokens,
    )
    result = parts.ask(job)
    if not isinstance(result, Labels):
        raise EngineError(f"labels expected from a label job, got {type(result).__name__}; run again")
    return DataMade(
        digest=parts.data.put(result.kept),
        origin=Origin("self", proposal.team, _filter_text(proposal)),
        counts=_counts(result.kept),
        offered=result.offered,
        stream=stream.hex(),
    )


def train(parts: Parts, proposal: Proposal, labels: DataMade) -> list[str]:
    """Train a candidate from each member of the team and freeze it under its digest, with its whole lineage."""
    sources = sources_of(proposal, labels, parts.book.state)
    return [
        parts.book.once(
            f"candidate/v1/{member}", partial(_candidate, parts, proposal, sources, member)
        ).digest
        for member in range(len(proposal.team))
    ]


def _candidate(
    parts: Parts, proposal: Proposal, sources: tuple[Source, ...], member: int
) -> CandidateTrained:
    job = TrainJob(
        parent=proposal.team[member],
        sources=sources,
        steps=proposal.steps,
        seed=parts.number(f"training {member}"),
        optimizer=parts.optimizer,
    )
    digest, trained = _train(parts, job)
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
    )


def _untrained(parts: Parts, member: int) -> str:
    subject = parts.charter.subject
    if parts.given_subject is not None:
        return parts.admit_copy(parts.given_subject)
    job = BuildJob(
        seed=parts.number(f"first weights {member}"),
        layers=subject.layers,
        hidden=subject.hidden,
        intermediate=subject.intermediate,
        heads=subject.heads,
    )
    result = parts.ask(job)
    if not isinstance(result, BuiltModel):
        raise EngineError(f"a model expected from a build job, got {type(result).__name__}; run again")
    return parts.admit(result.folder)


def _train(parts: Parts, job: TrainJob) -> tuple[str, TrainedModel]:
    result = parts.ask(job)
    if not isinstance(result, TrainedModel):
        raise EngineError(f"a model expected from a train job, got {type(result).__name__}; run again")
    most = parts.charter.constraints.max_parameters
    if result.parameters > most:
        raise CharterError(
            f"at most {most:,} parameters expected (constraints.max_parameters), got {result.parameters:,}"
        )
    return parts.admit(result.folder), result


def _counts(examples: Iterable[Example]) -> dict[str, dict[str, int]]:
    counted = Counter((example.task, example.level) for example in examples)
    rows: dict[str, dict[str, int]] = defaultdict(dict)
    for (task, level), count in sorted(counted.items()):
        rows[task][str(level)] = count
    return dict(rows)


def _filter_text(proposal: Proposal) -> str:
    """What kept the examples, for their lineage; the whole recipe stands in the proposal's entry."""
    voters = f"all of {len(proposal.team)} models agree" if len(proposal.team) > 1 else "one model"
    floors = sorted({rung.filter.confidence for recipe in proposal.recipes.values() for rung in recipe.rungs})
    return f"{voters}, least token probability >= {', '.join(f'{floor:g}' for floor in floors)}"
