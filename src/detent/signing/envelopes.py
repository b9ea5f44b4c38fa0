"""DSSE envelopes (DSSE v1.0.0, through securesystemslib): a payload, its type, the signatures of stewards.

>>> text = seal_envelope(b"{}", "application/vnd.example+json", [key])
>>> open_envelope(text, "application/vnd.example+json", [key.verify_key], quorum=1)
b'{}'

A signature names its key as `name+hash`, the first two parts of the vkey. Signatures may come one after another,
from machines that never meet: `add_signature` adds one, `merge_envelopes` brings two copies together.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey  # type: ignore[attr-defined]  # listed, not exported

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
    # Of one name there may be two: who gets a new key signs the charter that says so with the old one too.
    _check_public([key.verify_key for key in keys])
    envelope = Envelope(payload, payload_type, {})
    for key in keys:
        _sign(envelope, key)
    return _written(envelope)


def unsigned_envelope(payload: bytes, payload_type: str) -> str:
    """The payload with no signature, to be shown to those who are to sign it: nobody said it yet."""
    return _written(Envelope(payload, payload_type, {}))


def tidied(text: str, payload_type: str) -> str:
    """An envelope that was written elsewhere as it is written here: canonical, with nothing beside its signatures.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
    """
    return _written(_read(text, payload_type))


def add_signature(text: str, payload_type: str, key: SigningKey) -> str:
    """The envelope with a signature by `key` beside those it has; no signature that it has is looked at.

    What stands there under the key's id is replaced, so that signing twice changes nothing.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
    """
    envelope = _read(text, payload_type)
    _sign(envelope, key)
    return _written(envelope)


def merge_envelopes(first: str, second: str, payload_type: str) -> str:
    """One envelope with the signatures of both; no signature is looked at.

    Raises:
        TrustError: one is no envelope or of another type, their payloads differ, or they have two signatures under
            one key's id, of which one at most can be true (Ed25519 has one signature for a key and a message).
    """
    one, other = _read(first, payload_type), _read(second, payload_type)
    if one.payload != other.payload:
        raise TrustError(
            "two envelopes over the same bytes expected, got two payloads; sign one and the same text"
        )
    for key_id, signature in other.signatures.items():
        if one.signatures.setdefault(key_id, signature).signature != signature.signature:
            raise TrustError(
                f"one signature by {key_id} expected, got two that differ; one copy is damaged: have it signed again"
            )
    return _written(one)


def signers_of(text: str, payload_type: str, keys: Sequence[VerifyKey]) -> tuple[str, ...]:
    """Names of those of `keys` that signed the envelope, in the order of `keys`.

    Raises:
        TrustError: it is no envelope, or its payload is of another type.
        UsageError: two of the keys, or of their names, are the same.
    """
    _check_distinct(keys)
    envelope = _read(text, payload_type)
    return tuple(key.name for key in keys if _signed(envelope, key))


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


def _sign(envelope: Envelope, key: SigningKey) -> None:
    envelope.sign(CryptoSigner(key.private, _library_key(key.verify_key)))


def _written(envelope: Envelope) -> str:
    """Signatures in the order of their key ids: who signed first cannot be seen, and does not count.

    Whatever else came with a signature, or is under no id that a key can have, is left behind: nobody signed that.
    """
    kept = {key_id: each for key_id, each in envelope.signatures.items() if _is_key_id(key_id)}
    envelope.signatures = {key_id: Signature(key_id, kept[key_id].signature) for key_id in sorted(kept)}
    return canonical(envelope.to_dict()).decode()


def _is_key_id(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


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
    _check_public(keys)
    _check_different("key names", [key.name for key in keys], keys)


def _check_public(keys: Sequence[VerifyKey]) -> None:
    _check_different("keys", [key.public for key in keys], keys)


def _check_different(what: str, values: Sequence[str | bytes], keys: Sequence[VerifyKey]) -> None:
    if len(set(values)) != len(values):
        names = ", ".join(key.name for key in keys)
        raise UsageError(f"different {what} expected, got the same twice among {names}; remove one")


def _key_id(key: VerifyKey) -> str:
    return f"{key.name}+{key.id.hex()}"


def _library_key(key: VerifyKey) -> SSlibKey:
    return SSlibKey(_key_id(key), "ed25519", "ed25519", {"public": key.public.hex()})
