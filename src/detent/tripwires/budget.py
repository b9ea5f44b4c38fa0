"""Budget: is more being used than was granted?

    >>> watch([Quantity("disk", used=21.5, limit=20.0, unit="GB")]).said
    'disk: 21.5 of 20 GB used'

Statistic: what is used of each quantity (compute of the lease, its hours, parameters, disk, compute as a share of
the original training) and its limit; the reading is about the one that is nearest or furthest beyond.
Unit: the quantity's. Fires when one is above its limit.
Guarantee: no chance in it. It looks once a generation: between two looks more may be used than at either.
Limit: the charter's and the lease's, given with the quantities; one without a bound is left out. Default: pause.
It cannot see: what is used elsewhere; how well compute is estimated (6 operations a parameter and token of training, 2
of an answer).
Kaplan et al., "Scaling Laws for Neural Language Models", arXiv 2001.08361, s. 2.1 (operations a token).
"""

from collections.abc import Sequence
from math import inf, isfinite

from msgspec import Struct

from detent.errors import UsageError
from detent.tripwires.form import WireForm
from detent.tripwires.readings import nothing, unmeasured
from detent.values import Reading

NAME = "budget"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """None of its own: limits come with the quantities."""


FORM = WireForm(
    name=NAME,
    action="pause",
    chance="none",
    made=Limits,
    watches="compute, hours, parameters, disk and compute share used, against lease and charter",
    statistic="used of each, the one furthest beyond or nearest to its limit",
    fires="used > limit",
    blind="what is used elsewhere or between two looks",
)


class Quantity(Struct, frozen=True, forbid_unknown_fields=True):
    """`used` of at most `limit`, in `unit`. used: None when it could not be measured."""

    name: str
    used: float | None
    limit: float
    unit: str


def watch(quantities: Sequence[Quantity]) -> Reading:
    """One generation's reading.

    Raises:
        UsageError: a negative amount or limit, or a limit that is no number.
    """
    for quantity in quantities:
        _check(quantity)
    if not quantities:
        return nothing(NAME, "neither charter nor lease bounds anything")
    unknown = [one.name for one in quantities if one.used is None or not isfinite(one.used)]
    if unknown:
        return unmeasured(NAME, f"how much is used of {unknown} expected, got no number; measure again")
    ranked = sorted(quantities, key=_part, reverse=True)
    beyond = tuple(one.name for one in ranked if (one.used or 0.0) > one.limit)
    worst = ranked[0]
    said = f"{worst.name}: {worst.used:.6g} of {worst.limit:.6g} {worst.unit} used"
    if len(beyond) > 1:
        said += f"; also beyond: {', '.join(beyond[1:])}"
    return Reading(NAME, "fired" if beyond else "quiet", said, worst.used, worst.limit, worst.unit, beyond)


def _part(quantity: Quantity) -> float:
    """The share of its limit that is used; of a limit of 0, anything is beyond."""
    used = quantity.used or 0.0
    return used / quantity.limit if quantity.limit else (inf if used else 0.0)


def _check(quantity: Quantity) -> None:
    negative = quantity.used is not None and quantity.used < 0
    if negative or not (isfinite(quantity.limit) and quantity.limit >= 0):
        raise UsageError(
            f"an amount and a finite limit of 0 or more expected, got {quantity}; see the charter and the lease"
        )
