"""What changed inside a generation's best candidate, on the ledger before anything is decided about it.

>>> Explained(depth="always", candidate="5f", incumbent="81", first="81", changed=Interpreted()).slot
'explained/v1'
"""

from typing import Literal

from msgspec import UNSET, UnsetType

from detent.values.entry import Entry
from detent.values.inside import Interpreted

Depth = Literal["always", "deeper"]
"""always: the sections of every generation. deeper: the others, when a person is asked."""


class Explained(Entry, frozen=True, tag="explained/v1"):
    """The candidate against the incumbent, and always also against generation 0's model, `first`.

    changed: since the incumbent. since: since the first; UNSET where the incumbent is the first, or it goes deeper.
    models: of a look that goes deeper, those that probes are tested on, the first at first. gained: of it, prompts that
    the candidate answers rightly and the incumbent does not.
    flops: of all that models read and answered for it, at the most.
    """

    depth: Depth
    candidate: str
    incumbent: str
    first: str
    changed: Interpreted
    since: Interpreted | UnsetType = UNSET
    models: tuple[str, ...] = ()
    gained: int = 0
    flops: float = 0.0

    @property
    def slot(self) -> str:
        return self.kind if self.depth == "always" else f"{self.kind}/{self.depth}"

    @property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """The models, before and after, of each of the fields that hold figures in every generation."""
        pairs = {"changed": (self.incumbent, self.candidate)}
        return pairs if self.incumbent == self.first else pairs | {"since": (self.first, self.candidate)}

    @property
    def since_first(self) -> Interpreted:
        """Against generation 0's model, whichever it is."""
        return self.changed if self.since is UNSET else self.since
