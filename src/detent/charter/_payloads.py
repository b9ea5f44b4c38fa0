"""What leases, orders and answers have in common: canonical JSON (RFC 8785) that names its charter, in an envelope.

The charter's digest is in every payload, so nothing that was signed under one charter means anything under another.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from detent.charter._form import Hash, Section
from detent.charter.roles import Rule
from detent.charter.signed import SignedCharter, standing
from detent.errors import TrustError, UsageError
from detent.signing import canonical, peek_envelope


class Payload(Section):
    """Signed under the charter of this digest."""

    charter: Hash


P = TypeVar("P", bound=Payload)


def written(payload: Payload) -> bytes:
    """The bytes that are signed."""
    return canonical(payload.model_dump())


def made(model: type[P], fields: Mapping[str, object]) -> P:
    """A payload from its fields.

    Raises:
        UsageError: one of them is not what the payload takes.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "to"
        raise UsageError(
            f"a value of {where} that {named(model)} takes expected, got {first['input']!r:.80} ({first['msg']}); "
            "correct it"
        ) from error


def believed(envelope: str, payload_type: str, model: type[P], charter: SignedCharter) -> P:
    """What the envelope says, under this charter; no signature is looked at.

    Raises:
        TrustError: it is no such envelope, its payload is not in the one form that says it, or is another charter's.
    """
    data = peek_envelope(envelope, payload_type)
    try:
        payload = model.model_validate_json(data)
    except ValidationError as error:
        *fields, last = model.model_fields
        raise TrustError(
            f"{named(model)} with {', '.join(fields)} and {last} expected, got {data[:80]!r}; sign another"
        ) from error
    if canonical(payload.model_dump()) != data:
        raise TrustError(f"{named(model)} in canonical JSON expected, got {data[:80]!r}; sign another")
    if payload.charter != charter.digest:
        raise TrustError(
            f"{named(model)} under charter {charter.digest} expected, got one under {payload.charter}; "
            "sign another"
        )
    return payload


def check_signed(envelope: str, payload_type: str, charter: SignedCharter, rule: Rule) -> tuple[str, ...]:
    """Names of the stewards who signed it.

    Raises:
        TrustError: they are fewer than the rule asks.
    """
    found = standing(envelope, payload_type, charter, rule)
    if not found.met:
        raise TrustError(
            f"a {payload_type} signed by {rule} expected, got one {found}; have the missing stewards sign it"
        )
    return found.signed


def named(model: type[Payload]) -> str:
    """The payload as a sentence calls it."""
    name = model.__name__.lower()
    return f"{'an' if name[0] in 'ao' else 'a'} {name}"
