"""The models that a plan's candidates are trained from: the team, or the team in another shape.

A reshaped model is compared with its parent before it is trained, and both stand on record: where an edit keeps what
the model says, that is measured on every model that is grown, and not taken from a proof.
"""

from detent.loop.admitting import admitted_reshaped
from detent.loop.parts import Parts
from detent.propose import COMPARED, compared_on, reshape_flops, reshape_job, reshape_label
from detent.values import DataProposal, Reshape, Reshaped


def parents(parts: Parts, plan: DataProposal, members: int) -> list[str]:
    """Digests of the models to train, of the first so many members; a plan that reshapes them has them made first."""
    change = plan.change
    if not isinstance(change, Reshape):
        return list(plan.team[:members])
    prompts = compared_on(parts.tasks, parts.tops, parts.stream(COMPARED))
    jobs = [
        reshape_job(plan.team[member], change.edit, parts.number(reshape_label(member)), prompts)
        for member in range(members)
    ]

    def made(missing: list[int]) -> list[Reshaped]:
        entries = []
        for member, result in zip(missing, parts.ask_all([jobs[one] for one in missing]), strict=True):
            job = jobs[member]
            digest, counted = admitted_reshaped(parts, job, result)
            before = parts.book.state.sizes[job.parent]
            entries.append(
                Reshaped(
                    member=member,
                    digest=digest,
                    parent=job.parent,
                    edit=job.edit,
                    seed=job.seed,
                    parameters=counted.parameters,
                    distance=counted.distance,
                    flops=reshape_flops(before, counted.parameters, prompts),
                )
            )
        return entries

    slots = [f"reshaped/v1/{member}" for member in range(members)]
    return [one.digest for one in parts.book.once_each(slots, made)]
