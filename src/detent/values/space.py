"""The search space of changes to the feedback loop: which keys of [recipe] and [feedback], and from where to where.

    >>> check_settings({"recipe.confidence": 0.8, "recipe.optimizer": "adamw"}, SPACE)

Declared once, for rules, search and models alike. What oversight rests on is not in it, so that nothing that proposes
can reach it: what is asked to measure by and to audit by, the team and what it was first taught, and everything by
which a judge or a method is examined. It lies within what a charter may say: every point of it makes a valid one.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Literal

from msgspec import Struct

from detent.errors import UsageError

DimensionKind = Literal["real", "whole", "choice"]
"""A number; a whole number; one of a few names."""


class Dimension(Struct, frozen=True, forbid_unknown_fields=True):
    """One key of the charter and its values: from `low` to `high`, both included, or one of `choices`.

    log: that steps of the same ratio are as far apart, not steps of the same size.
    """

    key: str
    kind: DimensionKind
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a dimension that has no two values."""
        if self.kind == "choice":
            possible = len(set(self.choices)) == len(self.choices) >= 2  # noqa: PLR2004  a choice
        else:
            whole = self.kind == "real" or (self.low % 1 == 0 and self.high % 1 == 0)
            numbers = isfinite(self.low) and isfinite(self.high)
            possible = numbers and whole and self.low < self.high and (self.low > 0 or not self.log)
        if not possible:
            raise UsageError(
                f"two values or more, above 0 where log is set, expected of {self.key}, got {self.said}; correct the "
                "space"
            )

    @property
    def said(self) -> str:
        """Its values in a few words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        return f"a {'whole ' if self.kind == 'whole' else ''}number from {self.low:g} to {self.high:g}"

    def holds(self, value: object) -> bool:
        """Whether it is one of its values. True and False are no numbers, 3.0 is no whole one, NaN is none at all."""
        if self.kind == "choice":
            return isinstance(value, str) and value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.kind == "real" or isinstance(value, int)) and self.low <= value <= self.high


def _real(key: str, low: float, high: float, *, log: bool = False) -> Dimension:
    return Dimension(key, "real", low, high, log)


def _whole(key: str, low: int, high: int, *, log: bool = False) -> Dimension:
    return Dimension(key, "whole", low, high, log)


SPACE: tuple[Dimension, ...] = (
    # which labels are made, and which are kept
    _real("recipe.confidence", 0.3, 0.99),
    _real("recipe.keep_share", 0.2, 1.0),
    _real("recipe.least_accuracy", 0.2, 0.9),
    _real("recipe.purify_accuracy", 0.5, 0.99),
    _whole("recipe.ahead", 0, 4),
    _whole("recipe.samples", 0, 8),
    _real("recipe.temperature", 0.5, 1.5),
    _whole("recipe.label_prompts", 200, 3200, log=True),
    _real("recipe.review_confidence", 0.1, 0.95),
    # what a batch is drawn from; recipe.mix.earlier is what these leave
    _real("recipe.mix.newest", 0.2, 0.8),
    _real("recipe.mix.seed", 0.05, 0.5),
    # how models are trained
    _whole("recipe.steps", 40, 480, log=True),
    _real("recipe.matrix_rate", 0.002, 0.05, log=True),
    _real("recipe.other_rate", 0.0003, 0.01, log=True),
    Dimension("recipe.optimizer", "choice", choices=("muon", "adamw")),
    # what methods weigh, and how a judge is asked
    _whole("feedback.dpo_steps", 2, 64, log=True),
    _real("feedback.dpo_rate", 1e-5, 1e-3, log=True),
    _whole("feedback.grpo_steps", 2, 64, log=True),
    _real("feedback.grpo_rate", 1e-5, 1e-3, log=True),
    _real("feedback.judge_floor", 0.0, 0.9),
    _real("feedback.revised_share", 0.02, 0.4),
    _real("feedback.correction_share", 0.02, 0.4),
    Dimension("feedback.judge_form", "choice", choices=("plain", "careful", "strict")),
)
"""Every key that a proposal may set."""


def check_settings(settings: Mapping[str, object], space: Iterable[Dimension]) -> None:
    """Refuse settings that are not all within the space; none at all are.

    Raises:
        UsageError: a key that is not in it, a value of another type, or one out of bounds.
    """
    known = {dimension.key: dimension for dimension in space}
    for key, value in settings.items():
        if key not in known:
            raise UsageError(
                f"a key of the search space expected, got {key!r}; its keys are {', '.join(sorted(known))}"
            )
        if not known[key].holds(value):
            raise UsageError(
                f"{known[key].said} expected for {key}, got {value!r}; choose a value within the space"
            )
