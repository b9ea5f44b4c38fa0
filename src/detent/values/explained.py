"""What changed inside a generation's best candidate, on the ledger before anything is decided about it.

>>> Explained(depth="always", candidate="5f", incumbent="81", first="81", basis="81", changed=Interpreted()).slot
'explained/v1'
"""

from typing import Literal

from msgspec import UNSET, UnsetType

from detent.values.entry import Entry
from detent.values.inside import Interpreted

Depth = Literal["always", "deeper"]
"""always: the sections of every generation. deeper: the others, when a person is asked."""


class Explained(Entry, frozen=True, tag="explained/v1"):
    """The candidate against the incumbent, generation 0's model, `first`, and a model that it descends from, `basis`.

    basis: the incumbent, where the candidate descends from it; else the member of the team with which the turn began
    that it was trained from, since two members began from different seeds, and what differs inside them does not say
    what was learnt. changed: since the incumbent; of a look that goes deeper since the basis. since: since the first,
    where the incumbent is another. learnt: since the basis, where that is neither. Both are UNSET in a look that goes
    deeper.
    models: of that, those that probes are tested on, the oldest at first. gained: of it, prompts that the candidate
    answers rightly and the basis does not.
    flops: of all that models read and answered for it, at the most.
    """

    depth: Depth
    candidate: str
    incumbent: str
    first: str
    changed: Interpreted
    basis: str
    since: Interpreted | UnsetType = UNSET
    learnt: Interpreted | UnsetType = UNSET
    models: tuple[str, ...] = ()
    gained: int = 0
    flops: float = 0.0

    @property
    def slot(self) -> str:
        return self.kind if self.depth == "always" else f"{self.kind}/{self.depth}"

    @property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """The models, before and after, of each of the fields that hold figures."""
        if self.depth == "deeper":
            return {"changed": (self.basis, self.candidate)}
        pairs = {"changed": self.incumbent, "since": self.first, "learnt": self.basis}
        before = {
            model: field for field, model in reversed(pairs.items())
        }  # each model once, the first that names it
        return {field: (model, self.candidate) for field, model in pairs.items() if before[model] == field}

    @property
    def found(self) -> dict[str, Interpreted]:
        """The figures by field."""
        fields = {"changed": self.changed, "since": self.since, "learnt": self.learnt}
        return {field: found for field, found in fields.items() if isinstance(found, Interpreted)}

    @property
    def of_training(self) -> Interpreted:
        """What this turn's training has changed: since the basis."""
        if self.basis == self.incumbent or self.depth == "deeper":
            return self.changed
        return (
            self.since_first
            if self.basis == self.first
            else self.changed
            if self.learnt is UNSET
            else self.learnt
        )

    @property
    def since_first(self) -> Interpreted:
        """Against generation 0's model, whichever it is."""
        return self.changed if self.since is UNSET else self.since
