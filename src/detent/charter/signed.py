"""A charter as stewards sign it: a DSSE envelope over its TOML bytes.

Its digest is the SHA-256 of those bytes, so `sha256sum charter.toml` says it too. An envelope may travel from one
steward to the next: `detent.signing.add_signature` adds one signature, `merge_envelopes` brings copies together,
`standing` says how far it has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from detent.charter.catalogue import Catalogue
from detent.charter.document import Charter
from detent.charter.reading import parse_charter
from detent.charter.roles import Rule, Standing, judge
from detent.errors import TrustError
from detent.signing import SigningKey, VerifyKey, open_envelope, peek_envelope, seal_envelope, signers_of
from detent.values import sha256_hex

CHARTER_TYPE = "application/vnd.detent.charter.v1+toml"


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

    @property
    def recovery(self) -> VerifyKey | None:
        """The key that can stand in for the quorum in an amendment."""
        key = self.charter.stewards.recovery
        return VerifyKey.parse(key) if key else None


def endorse(text: str, keys: Sequence[SigningKey]) -> str:
    """The envelope of a charter's text, signed by `keys`."""
    return seal_envelope(text.encode(), CHARTER_TYPE, keys)


def verified(envelope: str, catalogue: Catalogue, file: str = "charter.dsse") -> SignedCharter:
    """The charter in an envelope that a quorum of the stewards it names signed.

    It names its own stewards: whoever holds the first charter of a run decides whom to believe. That a later one
    rightly follows the one before is for `check_amendment` to say.

    Raises:
        TrustError: it is no charter's envelope, or too few stewards signed.
        CharterError: the charter itself is not in order.
    """
    signed = claimed(envelope, catalogue, file)
    open_envelope(envelope, CHARTER_TYPE, signed.stewards, signed.charter.stewards.quorum)
    return signed


def claimed(envelope: str, catalogue: Catalogue, file: str = "charter.dsse") -> SignedCharter:
    """The charter in an envelope, in order but with no signature looked at: to show it to those who are to sign it.

    Raises:
        TrustError: it is no charter's envelope.
        CharterError: the charter itself is not in order.
    """
    payload = peek_envelope(envelope, CHARTER_TYPE)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise TrustError(
            f"{file}: a charter in UTF-8 expected, got {error}; restore it from a copy"
        ) from error
    return SignedCharter(parse_charter(text, catalogue, file), text, sha256_hex(payload), envelope)


def standing(envelope: str, payload_type: str, charter: SignedCharter, rule: Rule) -> Standing:
    """How far the signatures on an envelope meet a rule; signatures by others than stewards are passed over.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
    """
    return judge(charter.charter, rule, signers_of(envelope, payload_type, charter.stewards))
