"""Gate tampering: is what judges still what was recorded?

    >>> watch({"evaluator": "aa", "charter": "cc"}, {"evaluator": "ab", "charter": "cc"}).about
    ('evaluator',)

Statistic: how many of the named things (evaluating code, charter, task sources, dependencies) have another digest
than the ledger recorded, are gone, or were not there before. Unit: differences. Fires at the first.
Guarantee: a change of any named file is seen, as far as SHA-256 has no collisions; no chance in it.
Limit: none. Default: halt, since no reading of this generation can be believed.
It cannot see: what is not named; a change of the running process's memory; a change undone before it looked.
FIPS 180-4 (SHA-256).
"""

from collections.abc import Mapping

from msgspec import Struct

from detent.errors import UsageError
from detent.tripwires._digests import agreement, check_digests
from detent.tripwires.form import WireForm
from detent.tripwires.readings import unmeasured
from detent.values import Reading

NAME = "gate_tampering"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """None: nothing may differ."""


FORM = WireForm(
    name=NAME,
    action="halt",
    chance="none",
    made=Limits,
    watches="digests of evaluator, charter, tasks and dependencies against those recorded",
    statistic="how many differ, are gone or are new",
    fires="one",
    blind="what is not named; the memory of a running process; a change undone before it looked",
)


def watch(recorded: Mapping[str, str], now: Mapping[str, str] | None) -> Reading:
    """One generation's reading.

    Args:
        recorded: digest by name, from the ledger.
        now: the same, computed anew; None when that failed.

    Raises:
        UsageError: nothing is recorded, or a digest is empty.
    """
    if not recorded:
        raise UsageError(
            "recorded digests expected, got none; take those of the session, the charter and the tasks"
        )
    if now is None:
        return unmeasured(NAME, f"digests of {sorted(recorded)} expected, got none; read the files again")
    check_digests(NAME, [*recorded.values(), *now.values()])
    differing = {name for name in {*recorded, *now} if recorded.get(name) != now.get(name)}
    return agreement(
        NAME, differing, len(recorded), "not what was recorded, so nothing measured with it counts"
    )
