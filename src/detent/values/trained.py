"""Entries that say where a model came from: its parent, what it was taught, for how long, and what that took.

>>> candidates(slots)
{0: '5f0c...', 1: '81aa...'}
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import UNSET, UnsetType

from detent.values.entry import Entry
from detent.values.jobs import Lora, Optimizer, Source
from detent.values.shape import Edit

Tuning = Literal["dpo", "grpo"]
Method = Literal["refine", "constitution", "dpo", "grpo"]
"""What is audited by what it makes right and what it makes wrong; by its name in the charter."""


class OfMember(Entry, frozen=True, kw_only=True):
    """An entry that each member of the team has one of."""

    member: int = 0

    @property
    def slot(self) -> str:
        return f"{self.kind}/{self.member}"


class SubjectBuilt(OfMember, frozen=True, kw_only=True, tag="subject/v1"):
    """Generation 0: a first member of the team, the untrained or given model it was made from, and its data.

    lora: where `digest` is an adapter, and `parent` the base of this and of every later one. state: digest of what its
    optimizers remember, for its next training, where the charter carries that on.
    """

    digest: str
    parent: str
    parameters: int
    data: tuple[Source, ...]
    steps: int
    seed: int
    flops: float
    precision: str
    losses: tuple[float, ...]
    lora: Lora | UnsetType = UNSET
    state: str | UnsetType = UNSET


class CandidateTrained(OfMember, frozen=True, kw_only=True, tag="candidate/v1"):
    """A candidate's digest and whole lineage. From here on it is frozen.

    change: per module |new - parent| / |parent|. state: as in `SubjectBuilt`.
    """

    digest: str
    parent: str
    data: tuple[Source, ...]
    steps: int
    seed: int
    optimizer: Optimizer
    parameters: int
    flops: float
    precision: str
    losses: tuple[float, ...]
    change: dict[str, float]
    state: str | UnsetType = UNSET


class Tuned(OfMember, frozen=True, kw_only=True, tag="tuned/v1"):
    """A candidate taught further by a judge's word, and frozen: it is the member's candidate from here on.

    method: "dpo", on the preferences in `data` (digests); "grpo", on answers to prompts from `stream` as `judge` scores
    them. parent: the candidate before. rate: of learning; beta: how dear it is to leave the parent.
    """

    method: Tuning
    digest: str
    parent: str
    judge: str
    data: tuple[str, ...]
    stream: str
    steps: int
    seed: int
    rate: float
    beta: float
    parameters: int
    flops: float
    precision: str
    losses: tuple[float, ...]
    change: dict[str, float]

    @property
    def slot(self) -> str:
        return f"{self.kind}/{self.method}/{self.member}"


class JudgeTrained(Entry, frozen=True, tag="judge/v1"):
    """The model that judges the next generation's labels: taught from lessons, never from a checker's word.

    parent: the judge before it; in generation 0 an untrained model. One that came along with the charter is its own
    parent, of no data and no steps, and stays in force. state: as in `SubjectBuilt`.
    """

    digest: str
    parent: str
    data: tuple[Source, ...]
    steps: int
    seed: int
    optimizer: Optimizer
    parameters: int
    flops: float
    precision: str
    losses: tuple[float, ...]
    state: str | UnsetType = UNSET


class Reshaped(OfMember, frozen=True, kw_only=True, tag="reshaped/v1"):
    """A member's model in another shape, before it is trained: `edit` made it from `parent`, `seed` drew what is new.

    distance: the largest difference of two logits between the two, over the largest logit, on the visible problems;
    where the edit keeps the function, rounding. flops: of that comparison, at the most.
    """

    digest: str
    parent: str
    edit: Edit
    seed: int
    parameters: int
    distance: float
    flops: float


Trained = SubjectBuilt | Reshaped | CandidateTrained | Tuned | JudgeTrained
"""Entries that say where a model came from."""

Carrying = SubjectBuilt | CandidateTrained | JudgeTrained
"""Of these, those whose training may leave what its optimizers remember."""


def left_states(turns: Iterable[Mapping[str, Entry]]) -> dict[str, str]:
    """Digest of the optimizers' state that each model's own training left, by the model's; of some none.

    A model that a judge's word taught since is another one, and left none: its next training begins without.
    """
    return {
        entry.digest: entry.state
        for slots in turns
        for entry in slots.values()
        if isinstance(entry, Carrying) and entry.state is not UNSET
    }


def candidates(slots: Mapping[str, Entry]) -> dict[int, str]:
    """Digest of each member's candidate in a turn, by member: the last that was made of it."""
    made = (one for one in slots.values() if isinstance(one, SubjectBuilt | CandidateTrained | Tuned))
    return {one.member: one.digest for one in made}
