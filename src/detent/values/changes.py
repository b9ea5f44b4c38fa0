"""What may be changed beside the data: how the feedback loop is set, and the model's shape. Typed, and nothing else.

    >>> Tune(settings={"recipe.confidence": 0.8}, by="search", because="...").kind
    'feedback'

A change is a record of one of two kinds, so that nobody, person, model or search, can propose to edit code, the
evaluator, tasks or what people decided: there is no way to say it. What of it a charter allows: `detent.charter`.
"""

from typing import Literal

from msgspec import Struct

from detent.values.shape import Edit

Proposer = Literal["rules", "search", "model"]
"""Who proposed: rules of this program; a search over settings; a language model."""

Setting = int | float | str
"""The value of one of the charter's keys."""


class Tune(Struct, frozen=True, forbid_unknown_fields=True, tag_field="change", tag="feedback"):
    """Other values for keys of the charter's [recipe] and [feedback], by their names with a dot, such as recipe.steps.

    because: in one sentence, by whoever proposed it; it steers nothing.
    """

    settings: dict[str, Setting]
    by: Proposer
    because: str = ""

    @property
    def kind(self) -> str:
        """By its name in the charter's constraints.changes."""
        return "feedback"

    @property
    def keeps(self) -> bool:
        """Whether the model says what it said before, as long as nobody trained it."""
        return True

    @property
    def said(self) -> str:
        """The change in a few words."""
        return ", ".join(f"{key} = {value}" for key, value in sorted(self.settings.items()))


class Reshape(Struct, frozen=True, forbid_unknown_fields=True, tag_field="change", tag="architecture"):
    """Another shape for every model of the team; what is trained then is the reshaped model."""

    edit: Edit
    by: Proposer
    because: str = ""

    @property
    def kind(self) -> str:
        """By its name in the charter's constraints.changes."""
        return "architecture"

    @property
    def keeps(self) -> bool:
        """Whether the model says what it said before, as long as nobody trained it."""
        return self.edit.keeps

    @property
    def said(self) -> str:
        """The change in a few words."""
        return self.edit.said


Change = Tune | Reshape
