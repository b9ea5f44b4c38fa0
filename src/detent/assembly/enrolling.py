"""A steward's key that was made in a browser: enrolled by a code that counts once, and in force by an amendment.

>>> code = new_code(folder, "ada", roles=["approver"])       # where the run's owner is; told to ada, and nobody else
>>> draft = draft_enrolment(folder, code.text, key)          # what ada's browser signs: the charter with her key
>>> enrol(folder, code.text, key, envelope)                  # a draft in the inbox, for the old quorum to sign

A code lets somebody propose one key, under one name, with these roles. It puts nothing in force: that takes the
quorum, like any amendment. Only a code's SHA-256 is kept, in the user's data folder.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.drafting import ToSign, look
from detent.assembly.inbox import LARGEST, Inbox, text_of
from detent.assembly.places import RunFolder
from detent.assembly.tasks import catalogue
from detent.charter import CHARTER_TYPE, SignedCharter, amend_text, claimed, rotate, with_steward
from detent.engine import discard, replace_file
from detent.errors import DetentError, StorageError, TrustError, UsageError
from detent.oversight import after, payload_digest
from detent.signing import SigningKey, VerifyKey, peek_envelope, signers_of, tidied
from detent.values import sha256_hex

LASTS_MINUTES = 15

CODE_BYTES = 20
"""160 random bits: 32 letters and digits in base 32, which a person can type."""

GROUP = 4


@dataclass(frozen=True, slots=True)
class Code:
    """What the person who is to be enrolled is told. text: in groups. expires: RFC 3339."""

    text: str
    expires: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What one code allows. run: the tip of its seal (hex). instead_of: whose key goes, "" where none does."""

    run: str
    name: str
    roles: tuple[str, ...]
    instead_of: str
    expires: str


def new_code(folder: Path, name: str, *, roles: Sequence[str] = (), instead_of: str = "") -> Code:
    """A code that enrols one key, of a steward with that name and these roles, or in the place of another's.

    Raises:
        UsageError: a steward has that name already, `instead_of` is none's, or both roles and `instead_of` are given:
            who takes another's place takes over the roles.
        CharterError: the charter with such a key would not be in order, or its text cannot be changed line by line.
        StorageError: the disk refuses.
    """
    signed, _ = look(folder)
    expires = after(now(), hours=LASTS_MINUTES / 60)
    enrolment = Enrolment(signed.charter.seal.tip, name, tuple(roles), instead_of, expires)
    _text(signed, enrolment, SigningKey.create(name).verify_key)  # whatever is wrong with it is said now
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    path = _path(text)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_expired(path.parent)
        replace_file(path, path.with_suffix(".new"), json.dumps(asdict(enrolment)).encode())
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"a file in {path.parent} expected, got: {error}; mend the disk") from error
    return Code("-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP)), expires)


def draft_enrolment(folder: Path, code: str, key: VerifyKey) -> ToSign:
    """The charter with that key, as it is to be signed; the code is not used up.

    Raises:
        TrustError: the code is none, was used, has expired, or is another run's or another name's.
        UsageError, CharterError: as `new_code`; the charter may be another one than it was then.
    """
    signed, _ = look(folder)
    text = _text(signed, _allowed(code, signed, key.name), key)
    return ToSign(text.encode(), CHARTER_TYPE, signed)


def enrol(folder: Path, code: str, key: VerifyKey, envelope: str) -> str:
    """Lay the amendment into the inbox, to be signed by the quorum in force; returns its digest. The code is used up.

    The envelope holds what `draft_enrolment` says, to the byte, and is signed by the key: so whoever enrols it has it.

    Raises:
        TrustError: as `draft_enrolment`, the envelope holds something else, or the key did not sign it.
        StorageError: the disk refuses; the code is used up all the same.
    """
    draft = draft_enrolment(folder, code, key)
    if len(envelope.encode()) > LARGEST:
        raise TrustError(f"an envelope of at most {LARGEST} bytes expected, got {len(envelope.encode())}")
    if peek_envelope(envelope, CHARTER_TYPE) != draft.payload:
        raise TrustError(
            "the charter with this key and nothing else changed expected, got another text; begin again"
        )
    if not signers_of(envelope, CHARTER_TYPE, [key]):
        raise TrustError(
            f"the amendment signed by the key it adds, {key}, expected, got it without; whoever has a key enrols it"
        )
    inbox = Inbox(RunFolder(folder).inbox)
    try:
        _path(code).unlink()  # of two who come at once, one finds it
    except FileNotFoundError as error:
        raise _no_code() from error
    _forget_stale(inbox, draft.signed)
    inbox.put_draft(tidied(envelope, CHARTER_TYPE))
    return payload_digest(envelope)


def _text(signed: SignedCharter, enrolment: Enrolment, key: VerifyKey) -> str:
    """The charter in force with that key, and nothing else changed."""
    names = {each.name: each for each in signed.stewards}
    taken = {*names, signed.recovery.name if signed.recovery else ""} - {enrolment.instead_of}
    if enrolment.name in taken:
        raise UsageError(
            f"a name that no steward has expected, got {enrolment.name}; choose another, or --instead-of"
        )
    if not enrolment.instead_of:
        text = with_steward(signed.text, key, enrolment.roles)
    elif enrolment.instead_of not in names:
        raise UsageError(
            f"one of {', '.join(names)}, the stewards, expected, got {enrolment.instead_of}; name whose key is to go"
        )
    elif enrolment.roles:
        raise UsageError(
            "no roles where a key takes another's place expected, got some; it takes over the roles"
        )
    else:
        text = rotate(signed.text, names[enrolment.instead_of], key)
    return amend_text(signed, text, catalogue())


def _allowed(code: str, signed: SignedCharter, name: str) -> Enrolment:
    """What the code allows in this run now."""
    try:
        read = json.loads(text_of(_path(code)) or "null")
        enrolment = Enrolment(**{**read, "roles": tuple(read["roles"])})
    except (ValueError, TypeError, KeyError) as error:
        raise _no_code() from error
    if now() >= enrolment.expires:
        discard(_path(code))
        raise TrustError(f"a code before {enrolment.expires} expected, got one at {now()}; have another made")
    if enrolment.run != signed.charter.seal.tip:
        raise TrustError("a code for this run expected, got another run's; have one made for this run")
    if enrolment.name != name:
        raise TrustError(
            f"a key with the name {enrolment.name}, which the code is for, expected, got {name[:80]!r}; type that name"
        )
    return enrolment


def _no_code() -> TrustError:
    return TrustError(
        "a code that `detent key enrol` made here, and that was not used, expected, got another; have one made"
    )


def _path(code: str) -> Path:
    """Where the code's hash lies; however it is typed, with hyphens and spaces or without."""
    plain = "".join(code.split()).replace("-", "").upper()
    return places.enrolments_folder() / f"{sha256_hex(plain.encode())}.json"


def _forget_expired(folder: Path) -> None:
    for path in folder.glob("*.json"):
        try:
            expired = json.loads(path.read_bytes())["expires"] <= now()
        except (OSError, ValueError, KeyError, TypeError):
            expired = True
        if expired:
            discard(path)


def _forget_stale(inbox: Inbox, signed: SignedCharter) -> None:
    """Drafts for a charter that has changed since can never be in force."""
    for path in inbox.drafts():
        try:
            stale = claimed(text_of(path), catalogue()).charter.version != signed.charter.version + 1
        except DetentError:
            stale = True
        if stale:
            discard(path)
