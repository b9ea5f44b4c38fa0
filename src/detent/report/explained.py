"""Looks inside as a run's ledger has them: of each generation, against what it descends from, and beyond.

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
    """One generation's looks.

    learnt: the candidate against what it descends from, every section there is. replaced: against the incumbent,
    where it does not descend from that; else None. since: against the first, where neither is the first; else None.
    oldest: what readings of probes were made on, and how to call it.
    """

    generation: int
    candidate: str
    incumbent: str
    first: str
    basis: str
    learnt: Interpreted
    replaced: Interpreted | None
    since: Interpreted | None

    @property
    def names(self) -> dict[str, str]:
        """How to call models."""
        oldest = () if self.learnt.probes is UNSET else self.learnt.probes.models[:1]
        return {**dict.fromkeys(oldest, FIRST), self.first: FIRST}

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What the generation's training has changed."""
        return readings(self.learnt, names=self.names)

    @property
    def replaced_readings(self) -> tuple[Reading, ...]:
        """What is another in the model that would go, where the candidate does not descend from it."""
        return () if self.replaced is None else readings(self.replaced, names=self.names)

    @property
    def since_readings(self) -> tuple[Reading, ...]:
        """What changed since generation 0; nothing where another of these says that."""
        return () if self.since is None else readings(self.since, names=self.names)


def explanation_of(slots: Mapping[str, Entry]) -> Explanation | None:
    """One generation's looks; None where nobody looked."""
    entry, deeper = slots.get(EXPLAINED), slots.get(DEEPER_SLOT)
    if not isinstance(entry, Explained):
        return None
    alike = isinstance(deeper, Explained) and (deeper.candidate, deeper.basis) == (
        entry.candidate,
        entry.basis,
    )
    learnt = _shown(entry.of_training)
    return Explanation(
        entry.generation,
        entry.candidate,
        entry.incumbent,
        entry.first,
        entry.basis,
        joined(learnt, _shown(deeper.changed)) if isinstance(deeper, Explained) and alike else learnt,
        None if entry.basis == entry.incumbent else _shown(entry.changed),
        None if entry.since is UNSET or entry.basis == entry.first else _shown(entry.since),
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
