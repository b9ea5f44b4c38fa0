"""A lease is a steward's grant of so many generations. It is spent, and never assumed.

>>> why_stop(state_with_nothing_left, enough=False)
'lease_spent'
"""

from collections.abc import Iterable
from typing import Literal

from detent.charter import SignedCharter, verified_lease
from detent.errors import TrustError
from detent.values import Diagnosed, Entry, LeaseGranted, State

Stop = Literal["lease_spent", "finished", "enough"]
"""lease_spent: every granted generation is used. finished: every task is at the top of its ladder.
enough: as many generations as this call was asked for, and there is more to do."""


def why_stop(state: State, enough: bool) -> Stop | None:
    """Why the next turn may not begin, or None when it may.

    A turn that already began is always closed: its generation was granted when it began.
    """
    asked: Stop | None = "enough" if enough else None
    if state.slots or state.generation == 0:
        return asked
    if finished(state):
        return "finished"
    return "lease_spent" if state.lease_left <= 0 else asked


def check_grants(entries: Iterable[Entry], signed: SignedCharter) -> None:
    """Believe the leases on a ledger: that an entry says how much was granted is not a steward's signature.

    Raises:
        TrustError: too few stewards signed one, or its entry says something else than they signed.
        CharterError: one grants more than the charter lets anyone grant at once.
    """
    for entry in entries:
        if isinstance(entry, LeaseGranted):
            lease = verified_lease(entry.envelope, signed)
            if (lease.number, lease.generations) != (entry.number, entry.generations):
                raise TrustError(
                    f"lease {lease.number} of {lease.generations} generations expected, as signed, got lease "
                    f"{entry.number} of {entry.generations}; restore the ledger from a copy"
                )


def finished(state: State) -> bool:
    """Whether the newest diagnosis found nothing left to climb."""
    diagnosed = state.latest("diagnosis/v1")
    return isinstance(diagnosed, Diagnosed) and all(
        weak.remedy == "rest" for weak in diagnosed.diagnosis.weaknesses
    )
