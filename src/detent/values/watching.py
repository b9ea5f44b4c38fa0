"""What a tripwire measured: on the ledger at every generation, fired or not.

>>> Reading("forgetting", "quiet", "copy keeps .99", statistic=0.01, limit=0.05, unit="share right").fired
False
"""

from typing import Literal

from msgspec import Struct

Action = Literal["record", "pause", "halt"]
"""What an alarm does. record: it stands on the ledger. pause: a person is asked before the generation is
decided. halt: the run stops, and a quorum of stewards must lift it."""

Status = Literal["quiet", "fired", "unmeasured", "nothing", "not_due"]
"""quiet: measured, and within its limit. fired: measured, and not. unmeasured: it should have been measured and
could not be, which counts as fired. nothing: the charter gives it nothing to watch. not_due: a costly one, whose
turn is another generation."""


MOST_NAMED = 16
"""Names that `about` keeps on the ledger; where there are so many, there may have been more."""


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """One tripwire at one generation.

    wire: its name. said: the sentence a person reads: what was measured, against which limit, and what to look at.
    statistic, limit: in `unit`, both None where nothing was measured; what the wire's page says tells which side
    of the limit is the wrong one.
    about: what it concerns, such as tasks, the worst first.
    """

    wire: str
    status: Status
    said: str
    statistic: float | None = None
    limit: float | None = None
    unit: str = ""
    about: tuple[str, ...] = ()

    @property
    def fired(self) -> bool:
        """Whether somebody has to act on it. What should be measurable and is not, has fired."""
        return self.status in ("fired", "unmeasured")
