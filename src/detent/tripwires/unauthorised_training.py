"""Unauthorised training: are there weights that no recorded job made?

    >>> watch({"models/ab12": "ab12", "staging/x/model.safetensors": "ff00"}, {"ab12"}).about
    ('staging/x/model.safetensors',)

Statistic: how many folders with weights in the run's models/ hold what no recorded job made and no recorded import
brought; what is under a name that is not its digest counts too. Contents are hashed anew at every look. Unit:
differences. Fires at the first.
Guarantee: no chance in it; SHA-256 has no known collisions.
Limit: none. Default: halt.
It cannot see: weights outside the folders that were searched, or in a form that is not recognised as weights;
training that left none.
FIPS 180-4 (SHA-256); safetensors.
"""

from collections.abc import Collection, Mapping

from msgspec import Struct

from detent.tripwires._digests import agreement, check_digests
from detent.tripwires.form import WireForm
from detent.tripwires.readings import unmeasured
from detent.values import Reading

NAME = "unauthorised_training"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """None: nothing may be there that was not recorded."""


FORM = WireForm(
    name=NAME,
    action="halt",
    chance="none",
    made=Limits,
    watches="digests of weights on disk against those that recorded jobs made",
    statistic="how many nobody recorded",
    fires="one",
    blind="weights outside the folders searched; training that left none",
)


def watch(found: Mapping[str, str] | None, recorded: Collection[str]) -> Reading:
    """One generation's reading.

    Args:
        found: digest by place, of every weight file on disk; None when the folders could not be searched.
        recorded: digests of weights that the ledger's entries say were made or brought.

    Raises:
        UsageError: a digest is empty.
    """
    if found is None:
        return unmeasured(
            NAME, "digests of the weights on disk expected, got none; search the run folder again"
        )
    check_digests(NAME, [*found.values(), *recorded])
    known = frozenset(recorded)
    strange = [place for place, digest in found.items() if digest not in known]
    return agreement(NAME, strange, len(found), "weights that no recorded job made")
