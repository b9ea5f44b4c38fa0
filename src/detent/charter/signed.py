"""What stewards sign: the charter itself, and leases under it. DSSE envelopes, each of a type of its own.

The charter's digest is the SHA-256 of its TOML bytes, so `sha256sum charter.toml` says it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from detent.charter._form import Count, Hash, Section
from detent.charter.catalogue import Catalogue
from detent.charter.document import Charter
from detent.charter.reading import parse_charter
from detent.errors import CharterError, TrustError
from detent.signing import SigningKey, VerifyKey, canonical, open_envelope, peek_envelope, seal_envelope
from detent.values import sha256_hex

CHARTER_TYPE = "application/vnd.detent.charter.v1+toml"
LEASE_TYPE = "application/vnd.detent.lease.v1+json"


class Lease(Section):
    """A grant: so many generations, under the charter of this digest; `number` counts leases from 1."""

    charter: Hash
    number: Count
    generations: Count


@dataclass(frozen=True, slots=True)
class SignedCharter:
    """A charter that a quorum of its stewards signed. digest: SHA-256 (hex) of `text` in UTF-8."""

    charter: Charter
    text: str
    digest: str
    envelope: str

    @property
    def stewards(self) -> tuple[VerifyKey, ...]:
        """The keys whose signatures count."""
        return tuple(VerifyKey.parse(key) for key in self.charter.stewards.keys)


def endorse(text: str, keys: Sequence[SigningKey]) -> str:
    """The envelope of a charter's text, signed by `keys`."""
    return seal_envelope(text.encode(), CHARTER_TYPE, keys)


def verified(envelope: str, catalogue: Catalogue, file: str = "charter.dsse") -> SignedCharter:
    """The charter in an envelope that a quorum of the stewards it names signed.

    It names its own stewards: whoever holds the first charter of a run decides whom to believe.

    Raises:
        TrustError: it is no charter's envelope, or too few stewards signed.
        CharterError: the charter itself is not in order.
    """
    payload = peek_envelope(envelope, CHARTER_TYPE)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise TrustError(
            f"{file}: a charter in UTF-8 expected, got {error}; restore it from a copy"
        ) from error
    signed = SignedCharter(parse_charter(text, catalogue, file), text, sha256_hex(payload), envelope)
    open_envelope(envelope, CHARTER_TYPE, signed.stewards, signed.charter.stewards.quorum)
    return signed


def grant(charter: SignedCharter, number: int, generations: int, keys: Sequence[SigningKey]) -> str:
    """The envelope of lease `number` under `charter`, signed by `keys`.

    Raises:
        CharterError: more generations than the charter lets anyone grant at once, or none.
    """
    _check_size(charter, generations)
    lease = Lease(charter=charter.digest, number=number, generations=generations)
    return seal_envelope(canonical(lease.model_dump()), LEASE_TYPE, keys)


def verified_lease(envelope: str, charter: SignedCharter) -> Lease:
    """The lease in an envelope that a quorum of the charter's stewards signed.

    Raises:
        TrustError: too few of them signed, or it was granted under another charter.
        CharterError: it grants more than the charter lets anyone grant at once.
    """
    payload = open_envelope(envelope, LEASE_TYPE, charter.stewards, charter.charter.stewards.quorum)
    try:
        lease = Lease.model_validate_json(payload)
    except ValidationError as error:
        raise TrustError(
            f"a lease with charter, number and generations expected, got {payload[:80]!r}; grant another"
        ) from error
    if lease.charter != charter.digest:
        raise TrustError(
            f"a lease under charter {charter.digest} expected, got one under {lease.charter}; grant another"
        )
    _check_size(charter, lease.generations)
    return lease


def _check_size(charter: SignedCharter, generations: int) -> None:
    largest = charter.charter.pace.lease.generations  # charter [pace] lease: the largest grant
    if not 1 <= generations <= largest:
        raise CharterError(
            f"a lease of 1 to {largest} generations expected, as pace.lease.generations says, got "
            f"{generations}; grant fewer, and again when they are spent"
        )
