"""DSSE envelopes (DSSE v1.0.0, through securesystemslib): a payload, its type, the signatures of stewards.

>>> text = seal_envelope(b"{}", "application/vnd.example+json", [key])
>>> open_envelope(text, "application/vnd.example+json", [key.verify_key], quorum=1)
b'{}'

A signature names its key as `name+hash`, the first two parts of the vkey.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # listed, not exported

from detent.errors import TrustError, UsageError
from detent.signing.canonical import canonical
from detent.signing.keys import SigningKey, VerifyKey


@dataclass(frozen=True, slots=True)
class Endorsement:
    """Who signed, of those who may, and how many must.

    >>> str(Endorsement(quorum=1, signed=(), unsigned=("ada",)))
    'signed by 0/1 stewards; a valid signature is missing from ada'
    """

    quorum: int
    signed: tuple[str, ...]
    unsigned: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether the quorum is reached."""
        return self.missing == 0

    @property
    def missing(self) -> int:
        """How many more signatures the quorum needs."""
        return max(0, self.quorum - len(self.signed))

    def __str__(self) -> str:
        said = f"signed by {len(self.signed)}/{self.quorum} stewards"
        return said if self.met else f"{said}; a valid signature is missing from {', '.join(self.unsigned)}"


def seal_envelope(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> str:
    """The payload signed by every key, as canonical JSON text; the same payload and keys give the same text.

    Raises:
        UsageError: no key, or two of the same.
    """
    if not keys:
        raise UsageError("at least one signing key expected, got none; an unsigned envelope says nothing")
    _check_distinct([key.verify_key for key in keys])
    envelope = Envelope(payload, payload_type, {})
    for key in sorted(keys, key=lambda key: _key_id(key.verify_key)):
        envelope.sign(CryptoSigner(key.private, _library_key(key.verify_key)))
    return canonical(envelope.to_dict()).decode()


def endorsement(text: str, payload_type: str, keys: Sequence[VerifyKey], quorum: int) -> Endorsement:
    """Who of `keys` signed the envelope; signatures by others are passed over.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
        UsageError: the quorum cannot be asked of these keys.
    """
    return _judge(_read(text, payload_type), keys, quorum)


def open_envelope(text: str, payload_type: str, keys: Sequence[VerifyKey], quorum: int) -> bytes:
    """The payload of an envelope that at least `quorum` of `keys` signed.

    Raises:
        TrustError: it is no envelope, its payload is of another type, or too few signed it.
        UsageError: the quorum cannot be asked of these keys.
    """
    envelope = _read(text, payload_type)
    verdict = _judge(envelope, keys, quorum)
    if not verdict.met:
        raise TrustError(
            f"a {payload_type} signed by {quorum} of {len(keys)} stewards expected, got one {verdict}; "
            "have the missing stewards sign it"
        )
    return envelope.payload


def peek_envelope(text: str, payload_type: str) -> bytes:
    """The payload as the envelope claims it, with no signature looked at: to learn whose keys it names.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
    """
    return _read(text, payload_type).payload


def _read(text: str, payload_type: str) -> Envelope:
    try:
        envelope = Envelope.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrustError(
            f"a DSSE envelope expected, got {text[:60]!r}... ({type(error).__name__}: {error}); "
            "it is damaged: restore it from a copy"
        ) from error
    if envelope.payload_type != payload_type:
        raise TrustError(
            f"an envelope of type {payload_type} expected, got {str(envelope.payload_type)[:80]!r}; "
            "it was signed to mean something else"
        )
    return envelope


def _judge(envelope: Envelope, keys: Sequence[VerifyKey], quorum: int) -> Endorsement:
    _check_distinct(keys)
    if not 1 <= quorum <= len(keys):
        raise UsageError(f"a quorum from 1 to {len(keys)} (the number of keys) expected, got {quorum}")
    signed = tuple(key.name for key in keys if _signed(envelope, key))
    unsigned = tuple(key.name for key in keys if key.name not in signed)
    return Endorsement(quorum, signed, unsigned)


def _signed(envelope: Envelope, key: VerifyKey) -> bool:
    # One key at a time: asked for all, the library stops counting at the threshold.
    try:
        envelope.verify([_library_key(key)], 1)
    except VerificationError:
        return False
    return True


def _check_distinct(keys: Sequence[VerifyKey]) -> None:
    """One person with two entries must not count twice, whatever the entries are called."""
    for what, values in (("keys", [key.public for key in keys]), ("key names", [key.name for key in keys])):
        if len(set(values)) != len(values):
            names = ", ".join(key.name for key in keys)
            raise UsageError(f"different {what} expected, got the same twice among {names}; remove one")


def _key_id(key: VerifyKey) -> str:
    return f"{key.name}+{key.id.hex()}"


def _library_key(key: VerifyKey) -> SSlibKey:
    return SSlibKey(_key_id(key), "ed25519", "ed25519", {"public": key.public.hex()})
