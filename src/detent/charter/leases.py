"""Leases: what stewards grant, within the largest grant of the charter's [pace], and until when."""

from collections.abc import Sequence

from detent.charter._form import Count, Hash, Petaflop, Time
from detent.charter._payloads import Payload, believed, check_signed, made, written
from detent.charter.roles import rule_for
from detent.charter.signed import SignedCharter
from detent.charter.times import hours_after
from detent.errors import CharterError
from detent.signing import SigningKey, seal_envelope

LEASE_TYPE = "application/vnd.detent.lease.v1+json"


class Lease(Payload):
    """A grant under the charter of this digest: so many generations until `expires`, and so much compute for them.

    size, root: of the ledger (hex) that it was granted in sight of; it counts there, and on no other.
    number: counts leases from 1. petaflop: 1e15 floating point operations.
    """

    size: Count
    root: Hash
    number: Count
    generations: Count
    expires: Time
    petaflop: Petaflop


def lease_payload(
    charter: SignedCharter,
    number: int,
    generations: int,
    *,
    hours: float,
    petaflop: float,
    at: str,
    size: int,
    root: str,
) -> bytes:
    """What is signed to grant lease `number` under `charter`, from `at` (RFC 3339) for `hours`.

    It is granted in sight of the ledger of that size and root (hex).

    Raises:
        CharterError: more than the charter lets anyone grant at once, or nothing.
        UsageError: `at` is no time, `number` is below 1, or there is no such ledger.
    """
    largest = charter.charter.pace.lease
    _check_amount("generations", generations, largest.generations)
    _check_amount("hours", hours, largest.hours)
    _check_amount("petaflop", petaflop, largest.petaflop)
    seen = {"charter": charter.digest, "size": size, "root": root}
    terms = {"number": number, "generations": generations, "petaflop": petaflop}
    return written(made(Lease, {**seen, **terms, "expires": hours_after(at, hours)}))


def grant(
    charter: SignedCharter,
    number: int,
    generations: int,
    *,
    hours: float,
    petaflop: float,
    at: str,
    size: int,
    root: str,
    keys: Sequence[SigningKey],
) -> str:
    """The envelope of a lease, signed by `keys`. Arguments and errors as `lease_payload`."""
    payload = lease_payload(
        charter, number, generations, hours=hours, petaflop=petaflop, at=at, size=size, root=root
    )
    return seal_envelope(payload, LEASE_TYPE, keys)


def claimed_lease(envelope: str, charter: SignedCharter) -> Lease:
    """The lease in an envelope, as the charter lets anyone grant it, with no signature looked at.

    When it was granted is not in it: whoever writes it down checks the time with `check_term`, and that the ledger
    had that size and root.

    Raises:
        TrustError: it is no lease, or was granted under another charter.
        CharterError: it grants more than the charter lets anyone grant at once.
    """
    lease = believed(envelope, LEASE_TYPE, Lease, charter)
    largest = charter.charter.pace.lease
    _check_amount("generations", lease.generations, largest.generations)
    _check_amount("petaflop", lease.petaflop, largest.petaflop)
    return lease


def verified_lease(envelope: str, charter: SignedCharter) -> Lease:
    """The lease in an envelope that as many stewards signed as the charter's rule for leases says.

    Raises:
        TrustError: too few of them signed, or as `claimed_lease`.
        CharterError: as `claimed_lease`.
    """
    lease = claimed_lease(envelope, charter)
    check_signed(envelope, LEASE_TYPE, charter, rule_for(charter.charter, "lease"))
    return lease


def check_term(lease: Lease, charter: SignedCharter, at: str) -> None:
    """Return when a lease that is written down at `at` has not expired, and runs no longer than the charter lets one.

    Raises:
        CharterError: it has, or does.
    """
    hours = charter.charter.pace.lease.hours
    last = hours_after(at, hours)
    if lease.expires <= at:
        raise CharterError(
            f"a lease that expires after {at} expected, got one until {lease.expires}; grant another"
        )
    if lease.expires > last:
        raise CharterError(
            f"a lease until {last} at the latest expected, as pace.lease.hours = {hours:g} says, got one until "
            f"{lease.expires}; grant a shorter one"
        )


def _check_amount(what: str, given: float, largest: float) -> None:
    """Charter [pace] lease: the largest grant. What is no number is no grant either."""
    if not 0 < given <= largest:
        between = f"1 to {largest}" if isinstance(largest, int) else f"more than 0 and at most {largest:g}"
        raise CharterError(
            f"a lease of {between} {what} expected, as pace.lease.{what} says, got {given}; "
            "grant less, and again when it is spent"
        )
