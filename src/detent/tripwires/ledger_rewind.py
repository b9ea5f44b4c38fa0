"""Ledger rewind: does the ledger still hold what others have seen of it?

    >>> watch(120, [Head("witness-1", size=131, root="9f", here="")]).status
    'fired'

A chain of hashes alone does not show that its end was cut off, or that it was forked: heads that others keep do.
Statistic: how many external heads are longer than this ledger, or have another root at their size. Unit:
differences. Fires at the first.
Guarantee: a ledger cut below or changed before an external head is seen; no chance in it.
Limit: none. Default: halt.
It cannot see: a cut behind the newest external head; that two observers were shown two ledgers (they must compare).
RFC 6962, s. 2.1.2 (consistency); C2SP tlog-witness.
"""

from collections.abc import Sequence

from msgspec import Struct

from detent.errors import UsageError
from detent.tripwires._digests import agreement
from detent.tripwires.form import WireForm
from detent.tripwires.readings import nothing
from detent.values import Reading

NAME = "ledger_rewind"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """None: nothing may differ."""


FORM = WireForm(
    name=NAME,
    action="halt",
    chance="none",
    made=Limits,
    watches="the ledger against heads that others keep",
    statistic="heads that are longer, or have another root at their size",
    fires="one",
    blind="a cut behind the newest external head; two observers who were shown two ledgers",
)


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """A head somebody else keeps. here: this ledger's root at that size, "" when it is shorter than that."""

    source: str
    size: int
    root: str
    here: str


def watch(size: int, heads: Sequence[Head]) -> Reading:
    """One generation's reading.

    Args:
        size: entries of this ledger.
        heads: those that others keep: a watermark outside the run folder, witnesses.

    Raises:
        UsageError: a negative size, a head without a root, or `here` missing where the ledger is long enough.
    """
    for head in heads:
        _check(size, head)
    if not heads:
        return nothing(NAME, "nobody else keeps a head of this ledger")
    differing = [
        f"{head.source} at {head.size}" for head in heads if head.size > size or head.root != head.here
    ]
    said = f"this ledger of {size} entries was cut or forked: it does not hold what others have seen"
    return agreement(NAME, differing, len(heads), said)


def _check(size: int, head: Head) -> None:
    if size < 0 or head.size < 0 or not head.root or (head.size <= size and not head.here):
        raise UsageError(
            f"sizes of 0 or more, a root, and this ledger's own root at that size expected, got {head} for a "
            f"ledger of {size}; compute the root from the ledger's tiles"
        )
