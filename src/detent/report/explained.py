"""Looks inside as a run's ledger has them: of each generation, against the one before it and against the first.

>>> explanation_of(slots).readings[0].line
'layers: block 3 is least like it was: CKA .71'
"""

from collections.abc import Mapping

from msgspec import UNSET, Struct, structs

from detent.engine import unbelievable
from detent.report.inside import Reading, readings
from detent.values import Entry, Explained, Interpreted
from detent.values.inside import DEEPER

EXPLAINED, DEEPER_SLOT = "explained/v1", "explained/v1/deeper"
FIRST = "generation 0"

MOST_ROWS = 1 << 53
"""Any number of rows that were gained."""


class Explanation(Struct, frozen=True):
    """One generation's looks. changed: candidate against incumbent, every section there is. since: against the first.

    since: None where the incumbent is the first, which `changed` then says.
    """

    generation: int
    candidate: str
    incumbent: str
    first: str
    changed: Interpreted
    since: Interpreted | None

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What changed against the incumbent."""
        return readings(self.changed, names={self.first: FIRST})

    @property
    def since_readings(self) -> tuple[Reading, ...]:
        """What changed since generation 0; nothing where that is what `readings` says."""
        return () if self.since is None else readings(self.since, names={self.first: FIRST})


def explanation_of(slots: Mapping[str, Entry]) -> Explanation | None:
    """One generation's looks; None where nobody looked."""
    entry, deeper = slots.get(EXPLAINED), slots.get(DEEPER_SLOT)
    if not isinstance(entry, Explained):
        return None
    alike = isinstance(deeper, Explained) and (deeper.candidate, deeper.incumbent) == (
        entry.candidate,
        entry.incumbent,
    )
    return Explanation(
        entry.generation,
        entry.candidate,
        entry.incumbent,
        entry.first,
        joined(_shown(entry.changed), _shown(deeper.changed))
        if isinstance(deeper, Explained) and alike
        else _shown(entry.changed),
        None if entry.since is UNSET else _shown(entry.since),
    )


def _shown(found: Interpreted) -> Interpreted:
    """Figures that can be drawn: of a ledger that somebody rewrote none may be, and `verify` says so.

    Whether they belong to what was asked is left to it.
    """
    sections = (*found.sections, *found.absent)
    probed = () if found.probes is UNSET else found.probes.models
    fault = unbelievable(sections, found, probed, gained=MOST_ROWS)
    if fault is None:
        return found
    return Interpreted(
        absent=dict.fromkeys(sections, f"{fault[0]} expected of a look inside, got {fault[1]}")
    )


def looks_of(written: Mapping[int, Mapping[str, Entry]]) -> tuple[Explanation, ...]:
    """Every generation's, by the entries of each, the oldest first."""
    found = (explanation_of(slots) for _, slots in sorted(written.items()))
    return tuple(one for one in found if one is not None)


def joined(found: Interpreted, more: Interpreted) -> Interpreted:
    """Two looks between the same two models as one: the deeper sections are the second's."""
    figures = {name: value for name in DEEPER if (value := getattr(more, name)) is not UNSET}
    return structs.replace(found, **figures, absent={**found.absent, **more.absent})
