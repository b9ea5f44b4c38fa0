"""How a model does, rung by rung.

>>> p = Profile("d" * 64, {"copy": (Score(64, 64), Score(32, 64))})
>>> p.ladder(), p.frontier("copy")
(0.75, 2)
"""

from math import fsum

from msgspec import Struct

MASTERY = 0.97
"""A level counts as reached, for aiming only, when its visible accuracy is at least this."""


class Score(Struct, frozen=True, array_like=True):
    """`right` of `asked` problems; on the ledger the pair [right, asked]."""

    right: int
    asked: int

    @property
    def rate(self) -> float:
        """Share right in [0, 1]; 0.0 when nothing was asked."""
        return self.right / self.asked if self.asked else 0.0


class Flips(Struct, frozen=True, array_like=True):
    """What a method did to answers: of `asked` pairs (before, after), how many it made right and how many wrong."""

    helped: int
    harmed: int
    asked: int

    @property
    def possible(self) -> bool:
        """Whether an audit can find that."""
        return min(self.helped, self.harmed) >= 0 and self.helped + self.harmed <= self.asked

    def with_more(self, other: "Flips") -> "Flips":
        """Both together."""
        return Flips(self.helped + other.helped, self.harmed + other.harmed, self.asked + other.asked)


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy of the model `subject` (digest); `scores[task][level - 1]`, levels 1..top."""

    subject: str
    scores: dict[str, tuple[Score, ...]]

    def ladder(self) -> float:
        """Mean over tasks of the mean accuracy over levels, in [0, 1]."""
        return fsum(self.task_ladder(task) for task in self.scores) / len(self.scores)

    def task_ladder(self, task: str) -> float:
        """Mean accuracy of `task` over its levels, in [0, 1]."""
        scores = self.scores[task]
        return fsum(score.rate for score in scores) / len(scores)

    def accuracy(self, task: str, level: int) -> float:
        """Accuracy of `task` at `level` (1-based)."""
        return self.scores[task][level - 1].rate

    def frontier(self, task: str) -> int:
        """The first level below MASTERY; top + 1 when there is none."""
        for level, score in enumerate(self.scores[task], start=1):
            if score.rate < MASTERY:
                return level
        return len(self.scores[task]) + 1
