"""What is asked, where on the ladder it stands, and what a training example is made of.

>>> Item(Slice("reverse", 3), Problem("R142=", "241")).slice.level
3
"""

from typing import Literal

from msgspec import Struct


class Problem(Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt and the answer its task calls right. The answer never leaves the overseeing side."""

    prompt: str
    answer: str


class Slice(Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """One rung of one ladder: a task at a level (levels begin at 1)."""

    task: str
    level: int


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """One drawn problem and the rung it was drawn on."""

    slice: Slice
    problem: Problem


class Origin(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a training example's completion came from.

    seed: the task's own true answer, seed levels only.
    self: written by the models in `labellers` (digests), judged by `judge` where there is one, and kept by `filter`.
    lessons: for a judge, made of another data file of the generation.
    corrections: drafts spoilt by rule and what is to be done about them, made of the seed data.
    revised: the labellers' drafts, revised by the labellers; by a principle of the constitution where `principled`.
    preferred: of two answers to a prompt the judge's choice; rows of `Preference`.
    """

    source: Literal["seed", "self", "lessons", "corrections", "revised", "principled", "preferred"]
    labellers: tuple[str, ...] = ()
    filter: str = ""
    judge: str = ""


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a data file: what a model is trained to answer.

    `confidence` is the least token probability of the completion, `agreement` the share of votes it won, `judged` how
    likely a judge finds that it is right; all are 1.0 for seed data, and where nobody judged. `draft`: what a revision
    began with.
    """

    task: str
    level: int
    prompt: str
    completion: str
    confidence: float = 1.0
    agreement: float = 1.0
    judged: float = 1.0
    draft: str = ""


class Preference(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a file of preferences: of two answers to a prompt, which to learn and which to unlearn.

    odds: by how much the judge finds the first likelier to be right, nats of log-odds.
    """

    prompt: str
    chosen: str
    rejected: str
    task: str = ""
    level: int = 0
    odds: float = 0.0
