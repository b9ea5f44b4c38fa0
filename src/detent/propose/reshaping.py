"""A member's model in another shape, as a job: the loop has it made, `replay` again.

>>> reshape_job(member, AddBlock(at=3), seed=7, prompts=compared_on(tasks, tops, stream)).edit.said
'a block more at 3'
"""

from collections.abc import Mapping, Sequence

from detent.evaluate import answering, ladder_rungs, profile_items
from detent.tasks import TaskSource, shown
from detent.values import Edit, ReshapeJob

COMPARED = "comparisons"
"""Label of the stream of problems on which a reshaped model is compared with its parent."""


def compared_on(tasks: Mapping[str, TaskSource], tops: Mapping[str, int], stream: bytes) -> tuple[str, ...]:
    """The prompts: one problem a task and level."""
    items = profile_items(shown(tasks), ladder_rungs(tops, 1), stream)
    return tuple(item.problem.prompt for item in items)


def reshape_label(member: int) -> str:
    """Of the seed that draws what is new in a member's model."""
    return f"reshaping {member}"


def reshape_job(parent: str, edit: Edit, seed: int, prompts: Sequence[str]) -> ReshapeJob:
    """What a worker is to do."""
    return ReshapeJob(parent=parent, edit=edit, seed=seed, prompts=tuple(prompts))


def reshape_flops(before: int, after: int, prompts: Sequence[str]) -> float:
    """Of the comparison: both models, of so many parameters, read the prompts."""
    return answering(before + after, prompts, 0)
