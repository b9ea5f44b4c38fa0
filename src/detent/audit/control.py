"""The trainings that made a model of record, as jobs once more, with another seed: what chance alone makes of them.

>>> [type(job).__name__ for job in trainings_of(turn, digest, seed=7).jobs]
['TrainJob', 'PreferJob']
"""

from dataclasses import dataclass

from msgspec import UNSET, structs

from detent.audit.retuning import tuning_jobs
from detent.audit.tuning import METHODS
from detent.audit.turns import Turn
from detent.errors import UsageError
from detent.oversight import seconds_between
from detent.values import (
    CandidateTrained,
    PreferJob,
    Proposed,
    ReinforceJob,
    Reshape,
    TrainJob,
    Tuned,
    left_states,
)

Training = TrainJob | PreferJob | ReinforceJob


@dataclass(frozen=True, slots=True)
class Trainings:
    """What made a model: the jobs, in order, each but the first on what came of the one before.

    flops: of all of them, as they were counted. tokens: learnt from, at the least as many as that stands for. seconds:
    they took, as the record's clock says, beside those of the rest of the team.
    """

    jobs: tuple[Training, ...]
    flops: float
    tokens: float
    seconds: float


def trainings_of(turn: Turn, digest: str, seed: int) -> Trainings:
    """The jobs that the record makes of a candidate, but for the seed; `seed` + 0, 1, ... takes its place.

    Raises:
        UsageError: the generation did not train that model.
    """
    chain = _chain(turn, digest)
    first = chain[0]
    if not isinstance(first, CandidateTrained):
        raise UsageError(f"a model that was trained in generation {turn.generation} expected, got {digest}")
    jobs: list[Training] = [_first_job(turn, first)]
    for method in METHODS:
        models = [one for one in chain if isinstance(one, Tuned) and one.method == method]
        jobs += tuning_jobs(turn, method, models)
    slots = [one.slot for one in chain]
    at = {step.index: step.entry.at for step in turn.case.steps}
    return Trainings(
        jobs=tuple(structs.replace(job, seed=seed + number) for number, job in enumerate(jobs)),
        flops=sum(one.flops for one in chain),
        tokens=sum(one.flops / (6 * one.parameters) for one in chain),
        seconds=sum(
            seconds_between(at[place - 1], at[place]) for place in turn.places(*slots) if place - 1 in at
        ),
    )


def _chain(turn: Turn, digest: str) -> list[CandidateTrained | Tuned]:
    """From the first training of the member to the model; a method may have left a model as it was."""
    made = [one for one in turn.entries.values() if isinstance(one, CandidateTrained | Tuned)]
    last = next((one for one in reversed(made) if one.digest == digest), None)
    if last is None:
        raise UsageError(f"a model that was trained in generation {turn.generation} expected, got {digest}")
    mine = [one for one in made if one.member == last.member]
    return mine[: mine.index(last) + 1]


def _first_job(turn: Turn, entry: CandidateTrained) -> TrainJob:
    """As the loop made it: what the member's optimizers remember goes along where the charter carries it on."""
    before, proposed = turn.steps[entry.slot].before, turn.entry("proposal/v1", Proposed)
    assert proposed is not None  # noqa: S101  a candidate follows a proposal
    member, change = proposed.proposal.team[entry.member], proposed.proposal.change
    left = left_states((*before.history.values(), before.slots))
    state = UNSET if entry.optimizer.carry is UNSET else left.get(member, UNSET)
    return TrainJob(
        parent=entry.parent,
        sources=entry.data,
        steps=entry.steps,
        seed=entry.seed,
        optimizer=entry.optimizer,
        state=state,
        edit=change.edit if state is not UNSET and isinstance(change, Reshape) else UNSET,
    )
