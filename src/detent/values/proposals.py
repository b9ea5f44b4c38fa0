"""What is weak, and what is proposed about it: typed, so that nothing outside the charter can be said.

A proposal says what data is made and how much is trained on it, and may change one thing beside: how the feedback
loop is set, or the model's shape.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from detent.values.changes import Change, Setting, Tune


class Weakness(Struct, frozen=True, forbid_unknown_fields=True):
    """One task as the diagnosis sees it.

    frontier: first visible level below mastery.  horizon: the level at about 50 %.
    label_accuracy: share of audited self-labels that were right last time, None when none were audited.
    stuck: generations in a row in which the frontier did not move.
    remedy: the recipe the diagnosis asks for.
        climb    label at the frontier and train on it
        purify   the labels are wrong: stricter filter, easier levels, votes
        rest     nothing to do (top of the ladder reached)
    """

    task: str
    frontier: int
    horizon: float
    label_accuracy: float | None
    stuck: int
    remedy: Literal["climb", "purify", "rest"]


class Diagnosis(Struct, frozen=True, forbid_unknown_fields=True):
    """Weaknesses, worst first, and the sentence a person reads."""

    weaknesses: tuple[Weakness, ...]
    reading: str

    @property
    def nothing_to_do(self) -> bool:
        """Whether every task is at the top of its ladder: then nothing is tried."""
        return all(weak.remedy == "rest" for weak in self.weaknesses)


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    """Which self-labels are kept. It sees the models' own numbers only, never a checker's.

    confidence: least token probability a completion must reach with every labeller, in [0, 1].
    agreement: share of votes (samples and labellers) that must equal it, in [0, 1].
    keep: at most this many, the most confident first; 0 means all. With a judge: those whose confidence times the
        judge's is highest.
    judged: how likely a judge, where there is one, must find at the least that it is right.
    """

    confidence: float
    agreement: float
    keep: int
    judged: float = 0.0


class Rung(Struct, frozen=True, forbid_unknown_fields=True):
    """Label `prompts` fresh prompts at `level`, and keep what `filter` keeps."""

    level: int
    prompts: int
    filter: Filter


class LabelRecipe(Struct, frozen=True, forbid_unknown_fields=True):
    """How one task is labelled. Levels from `frontier` on are new to the model, those below are kept up.

    samples: completions drawn at `temperature` beside the greedy one, to vote; 0 means greedy only.
    """

    frontier: int
    rungs: tuple[Rung, ...]
    samples: int = 0
    temperature: float = 1.0

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels that are labelled."""
        return tuple(rung.level for rung in self.rungs)


class Mix(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of a training batch by origin; they sum to 1."""

    newest: float
    earlier: float
    seed: float


class Use(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a method is used in one task, and why. share: of what it would be, in [0, 1]; 0 is switched off."""

    share: float
    because: str = ""


class DataProposal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="data"):
    """Train each of `team` (digests) on labels that all of them agree on.

    steps: optimizer steps of one batch, for each member.
    uses: [method][task], of the methods that are audited by what they make right and wrong.
    change: what is another than before, beside the data; UNSET where nothing is.
    """

    team: tuple[str, ...]
    recipes: dict[str, LabelRecipe]
    mix: Mix
    steps: int
    because: str
    uses: dict[str, dict[str, Use]] = {}
    change: Change | UnsetType = UNSET

    @property
    def kind(self) -> str:
        """By its name in the charter's constraints.changes."""
        return "data" if self.change is UNSET else self.change.kind

    @property
    def settings(self) -> dict[str, Setting]:
        """What is set otherwise in the charter's recipe and feedback."""
        return self.change.settings if isinstance(self.change, Tune) else {}

    def tasks_of(self, method: str) -> dict[str, float]:
        """The tasks in which a method is used, with its share; none where it is not among the charter's."""
        return {task: use.share for task, use in self.uses.get(method, {}).items() if use.share > 0}


Proposal = DataProposal
