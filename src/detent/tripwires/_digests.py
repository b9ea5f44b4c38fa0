"""What wires without chance in them have in common: names and digests that must agree."""

from collections.abc import Iterable

from detent.errors import UsageError
from detent.tripwires.readings import listed
from detent.values import Reading

UNIT = "differences"


def agreement(wire: str, differing: Iterable[str], checked: int, said: str) -> Reading:
    """Fired when anything differs. said: what a difference means, used when there is one."""
    names = tuple(sorted(differing))
    if names:
        return Reading(wire, "fired", f"{said}: {listed(names)}", float(len(names)), 0.0, UNIT, names)
    return Reading(wire, "quiet", f"{checked} checked, all as recorded", 0.0, 0.0, UNIT)


def check_digests(wire: str, digests: Iterable[str]) -> None:
    """Nothing, when none is empty.

    Raises:
        UsageError: one is; two empty ones would agree.
    """
    if not all(digests):
        raise UsageError(
            f"a digest for every name expected by tripwire {wire}, got an empty one; hash it again"
        )
