"""[feedback]: by which methods the subject teaches itself, or is taught by another model."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detent.charter._form import Count, Says, Section, Share

Method = Literal["self_label", "judge"]


def _once(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """Each at most once, and self_label among them: without labels there is nothing to judge."""
    if len(set(methods)) < len(methods) or "self_label" not in methods:
        raise ValueError(methods)
    return methods


Methods = Annotated[
    tuple[Method, ...],
    Field(strict=False, min_length=1),
    AfterValidator(_once),
    Says('"self_label", and "judge" beside it if wished, each once'),
]
Lessons = Annotated[int, Field(ge=1, le=100_000), Says("an integer from 1 to 100000")]


class Feedback(Section):
    """[feedback]. Steps are optimizer steps of one batch.

    methods: "self_label": the team labels, and keeps what all agree on and are sure of. "judge": another model, taught
        to mark answers, has a say in which of those labels are kept.
    judge_seed_steps, judge_steps: the judge's training in generation 0, and in every later one.
    lessons: most answers of a task and level that the judge is taught on.
    judge_floor: how likely the judge must find at the least that a label of a level that is kept up is right.
    anchors: known cases of a task that the judge is tested on in every generation; never trained on.
    """

    methods: Methods = ("self_label",)
    judge_seed_steps: Count = 500
    judge_steps: Count = 60
    lessons: Lessons = 2000
    judge_floor: Share = 0.1
    anchors: Lessons = 100

    @property
    def judged(self) -> bool:
        """Whether a judge has a say."""
        return "judge" in self.methods
