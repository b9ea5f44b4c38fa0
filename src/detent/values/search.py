"""A search over settings as it crosses between the two sides: what was tried goes in, what to try next comes out.

    >>> SuggestJob(space=SPACE, told=(Told({"recipe.confidence": 0.8}, 0.02),), count=2, seed=7)

No model, prompt or file goes along, nor anything that was sealed: a score is a difference of two visible ladders.
"""

from math import isfinite

from msgspec import Struct

from detent.errors import UsageError
from detent.values._record import Record
from detent.values.changes import Setting
from detent.values.space import Dimension

MOST_POINTS = 1000
"""Points of one job."""


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings that were tried, and the visible ladder's gain over alternative 0 of the same screening.

    A key that is not named was as the charter has it.
    """

    settings: dict[str, Setting]
    score: float

    def __post_init__(self) -> None:
        """Refuse a score that says nothing."""
        if not isfinite(self.score):
            raise UsageError(
                f"a finite score expected of {self.settings}, got {self.score}; leave what was not measured out"
            )


class SuggestJob(Record, frozen=True, tag="suggest"):
    """Suggest `count` points of `space`, learning from what was `told`, drawn by `seed`.

    keys: most keys that one point sets; what it does not set stays as it is.
    """

    space: tuple[Dimension, ...]
    told: tuple[Told, ...]
    count: int
    seed: int
    keys: int = 3

    def __post_init__(self) -> None:
        """Refuse what no point can be drawn from."""
        names = [dimension.key for dimension in self.space]
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"a space of one key or more, each once, expected, got {names}; correct the space"
            )
        if not 1 <= self.count <= MOST_POINTS or self.keys < 1:
            raise UsageError(
                f"1 to {MOST_POINTS} points of 1 key or more expected, got {self.count} of {self.keys}; ask for some"
            )


class SuggestedPoints(Record, frozen=True, tag="suggested"):
    """As many points as were asked for, each of some keys of the job's space, with values that it holds."""

    points: tuple[dict[str, Setting], ...]
