"""What people hand to a run: leases, orders, answers, amendments. Each is an envelope; this says what it amounts to.

    >>> received(envelope, Desk(signed, state, catalogue, root_at, obeyed=frozenset(), now=now))
    LeaseGranted(number=2, generations=8, ...)

The same rules write the ledger and read it: an entry that stands there is right when it is what its envelope
amounts to at that place (`believe`). That an entry says who signed is nobody's signature.
"""

import json
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import NamedTuple

from msgspec import structs

from detent.charter import (
    ANSWER_TYPE,
    CHARTER_TYPE,
    COMMANDED,
    LEASE_TYPE,
    ORDER_TYPE,
    Catalogue,
    Question,
    Rule,
    SignedCharter,
    amendment_standing,
    check_amendment,
    check_term,
    claimed,
    claimed_amendment,
    claimed_answer,
    claimed_lease,
    claimed_order,
    rule_for,
    rule_to_answer,
    standing,
    verified,
    verified_answer,
    verified_lease,
    verified_order,
)
from detent.errors import TrustError
from detent.oversight.moments import seconds_between
from detent.signing import peek_envelope
from detent.values import (
    Answered,
    CharterSigned,
    Entry,
    LeaseGranted,
    Ordered,
    State,
    fold,
    sha256_hex,
)

STOPS = ("halt", "pause")

_STOPPING = {ORDER_TYPE: ("order", STOPS), ANSWER_TYPE: ("verdict", ("deny",))}
"""Kinds of envelopes by which one steward can stop something: the field that says so, and its words."""

LONGEST_STOP = 32_768
"""Characters of an order to stop, or a no, in its envelope; the longest reason and a hundred signatures are fewer."""

STARTS = ("resume", "lift", "rollback")
"""Orders after which something goes on that did not: they must have been given in sight of what they end."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where envelopes are judged: the charter in force, the run as it stands, and the time.

    root_at: Merkle root of the ledger's first so many entries. obeyed: SHA-256 of the payloads on the ledger.
    """

    signed: SignedCharter
    state: State
    catalogue: Catalogue
    root_at: Callable[[int], bytes]
    obeyed: AbstractSet[str]
    now: str


class Pending(NamedTuple):
    """An envelope that some have signed, and not enough. what: "a lease". missing: who could sign, as a sentence."""

    what: str
    missing: str


def received(envelope: str, desk: Desk) -> Entry | Pending:
    """The entry that an envelope amounts to, or what it still lacks.

    Raises:
        TrustError: nobody who may signed it, it is about something else than the run as it stands, or it is used.
        CharterError: it grants or changes what the charter does not let it.
    """
    payload_type = type_of(envelope)
    if payload_type not in _HANDLED:
        raise TrustError(
            f"a lease, an order, an answer or an amendment expected, got an envelope of type {payload_type[:80]!r}"
        )
    digest = payload_digest(envelope)
    if digest in desk.obeyed:
        raise TrustError(f"something new expected, got {digest[:12]}, which stands on the ledger already")
    return _HANDLED[payload_type](envelope, desk)


def is_stop(envelope: str, signed: SignedCharter) -> bool:
    """Whether a steward signed an order to stop, or a no; cheap, to be asked of many files before one is judged."""
    kind = next((kind for kind in _STOPPING if kind.partition("/")[2] in envelope), "")
    if len(envelope) > LONGEST_STOP or not kind:
        return False
    field, words = _STOPPING[kind]
    try:
        if json.loads(peek_envelope(envelope, kind))[field] not in words:
            return False
        return bool(standing(envelope, kind, signed, rule_for(signed.charter, "stop")).signed)
    except Exception:  # noqa: BLE001  whatever it is, it stops nothing
        return False


def believe(entries: Iterable[Entry], catalogue: Catalogue, root_at: Callable[[int], bytes]) -> SignedCharter:
    """Check everything on a ledger that people signed; returns the charter in force at its end.

    Raises:
        TrustError: an entry is not what its envelope amounts to at its place, or the first is no charter.
        CharterError: a charter is not in order, or a lease is larger than its charter lets anyone grant.
    """
    desk: Desk | None = None
    for entry in entries:
        if desk is None:
            desk = _first(entry, catalogue, root_at)
            continue
        desk = replace(desk, now=entry.at)
        if isinstance(entry, CharterSigned | LeaseGranted | Ordered | Answered):
            desk = check_entry(entry, desk)
        desk = replace(desk, state=fold([entry], desk.state))
    if desk is None:
        raise TrustError("a charter as the ledger's first entry expected, got an empty ledger; restore it")
    return desk.signed


def check_entry(entry: CharterSigned | LeaseGranted | Ordered | Answered, desk: Desk) -> Desk:
    """Return when the entry is what its envelope amounts to; the desk then knows that it was obeyed.

    Raises:
        TrustError, CharterError: as `received`, or the entry says something else than was signed.
    """
    found = received(entry.envelope, desk)
    if isinstance(found, Pending):
        raise TrustError(f"{found.what} that enough have signed expected, got {entry.kind}: {found.missing}")
    wanted = structs.replace(found, at=entry.at, generation=entry.generation)
    if wanted != entry:
        said = next(name for name in entry.__struct_fields__ if getattr(wanted, name) != getattr(entry, name))
        raise TrustError(
            f"{entry.kind} with {said} {getattr(wanted, said)!r} expected, as signed, got "
            f"{getattr(entry, said)!r}; restore the ledger from a copy"
        )
    signed = desk.signed
    if isinstance(entry, CharterSigned):
        signed = claimed(entry.envelope, desk.catalogue)
    return replace(desk, signed=signed, obeyed=desk.obeyed | {payload_digest(entry.envelope)})


def first_charter(entry: Entry, catalogue: Catalogue) -> SignedCharter:
    """The charter that a ledger begins with.

    Raises:
        TrustError: it begins with something else, or the entry is not about the charter in its envelope.
        CharterError: the charter is not in order.
    """
    if not isinstance(entry, CharterSigned):
        raise TrustError(f"a charter as the ledger's first entry expected, got {entry.kind}; restore it")
    signed = verified(entry.envelope, catalogue)
    if signed.charter.version != 1:
        raise TrustError(
            f"version 1 as the first charter expected, got {signed.charter.version}; find the charters before it"
        )
    if (entry.version, entry.digest) != (signed.charter.version, signed.digest):
        raise TrustError(
            f"the charter's entry with version {signed.charter.version} and digest {signed.digest} expected, "
            f"got {entry.version} and {entry.digest}"
        )
    return signed


def type_of(envelope: str) -> str:
    """What an envelope says it holds.

    Raises:
        TrustError: it is none.
    """
    try:
        return str(json.loads(envelope)["payloadType"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrustError(f"a DSSE envelope expected, got {envelope[:60]!r}") from error


def payload_digest(envelope: str) -> str:
    """SHA-256 (hex) of what an envelope holds: by it a payload counts once, whoever signed which copy.

    Raises:
        TrustError: it is no envelope.
    """
    return sha256_hex(peek_envelope(envelope, type_of(envelope)))


def payloads_of(entries: Iterable[Entry]) -> frozenset[str]:
    """Digests of what people signed, of all entries that hold an envelope: each counts once."""
    return frozenset(
        payload_digest(entry.envelope)
        for entry in entries
        if isinstance(entry, CharterSigned | LeaseGranted | Ordered | Answered) and entry.envelope
    )


def _first(entry: Entry, catalogue: Catalogue, root_at: Callable[[int], bytes]) -> Desk:
    signed = first_charter(entry, catalogue)
    obeyed = frozenset({payload_digest(signed.envelope)})
    return Desk(signed, fold([entry]), catalogue, root_at, obeyed, entry.at)


def _lease(envelope: str, desk: Desk) -> Entry | Pending:
    lease = claimed_lease(envelope, desk.signed)
    check_term(lease, desk.signed, desk.now)
    _check_sight("lease", lease.size, lease.root, 0, desk)
    if lease.number != desk.state.leases + 1:
        raise TrustError(
            f"lease {desk.state.leases + 1} expected, got lease {lease.number}; each counts once: grant another"
        )
    if lacks := _lacking("a lease", envelope, LEASE_TYPE, desk, rule_for(desk.signed.charter, "lease")):
        return lacks
    lease = verified_lease(envelope, desk.signed)
    return LeaseGranted(
        number=lease.number,
        generations=lease.generations,
        expires=lease.expires,
        petaflop=lease.petaflop,
        envelope=envelope,
    )


def _order(envelope: str, desk: Desk) -> Entry | Pending:
    given = claimed_order(envelope, desk.signed)
    if given.order in STARTS:
        held = desk.state.hold.index if desk.state.hold else 0
        newest = max(held, desk.state.closed_index if given.order == "rollback" else 0)
        _check_sight(f"order {given.order}", given.size, given.root, newest, desk)
    wanted = Ordered(order=given.order, to=given.to, because=given.because, signers=(), envelope=envelope)
    fold(
        [structs.replace(wanted, at=desk.now)], desk.state
    )  # there is what it resumes, lifts or goes back to
    rule = rule_for(desk.signed.charter, COMMANDED[given.order])
    if lacks := _lacking(f"the order {given.order}", envelope, ORDER_TYPE, desk, rule):
        return lacks
    return structs.replace(wanted, signers=verified_order(envelope, desk.signed).signers)


def _check_sight(what: str, size: int, root: str, newest: int, desk: Desk) -> None:
    """What lets a run go on was given on this very ledger, by people who saw the entry at index `newest`."""
    if not newest < size <= desk.state.entries or desk.root_at(size).hex() != root:
        raise TrustError(
            f"the {what} given in sight of entry {newest} of this ledger expected, got one given at size "
            f"{size} and root {root[:12]}; look at the run as it stands, and give it again"
        )


def _answer(envelope: str, desk: Desk) -> Entry | Pending:
    asked = desk.state.request
    if asked is None or not desk.state.open_to("deny"):
        raise TrustError("an answer to a question that waits expected, got one while none does")
    question = Question(
        request=asked.number,
        candidate=asked.candidate,
        root=desk.root_at(desk.state.request_index + 1).hex(),
        expires=asked.expires,
    )
    given = claimed_answer(envelope, desk.signed, question)
    if not desk.state.open_to(given.verdict):
        raise TrustError(
            f"a no, which alone counts after a yes, expected, got {given.verdict}: request {asked.number} is approved"
        )
    if desk.now >= asked.expires:
        raise TrustError(
            f"an answer before {asked.expires} expected, got one at {desk.now}: no answer means no"
        )
    hold = desk.state.hold
    if given.verdict == "approve" and hold is not None and hold.kind == "halted":
        raise TrustError(
            f"an approval when the halt by {hold.by} is lifted expected, got one before; lift it, then approve"
        )
    rule = rule_to_answer(desk.signed, given.verdict, asked.approvers)
    if lacks := _lacking("an answer", envelope, ANSWER_TYPE, desk, rule):
        return lacks
    given, signers = verified_answer(envelope, desk.signed, question, asked.approvers)
    return Answered(
        request=given.request,
        verdict=given.verdict,
        because=given.because,
        signers=signers,
        seconds=seconds_between(desk.state.requested_at, desk.now),
        envelope=envelope,
    )


def _amendment(envelope: str, desk: Desk) -> Entry | Pending:
    after = claimed_amendment(desk.signed, envelope, desk.catalogue)
    found = amendment_standing(desk.signed, after)
    # What only those signed whom it names is nobody's: it would wait for ever, and anyone can make such.
    if not found.met and (found.recovered or found.old.signed):
        return Pending("an amendment", str(found))
    check_amendment(desk.signed, envelope, desk.catalogue)
    return CharterSigned(version=after.charter.version, digest=after.digest, envelope=envelope)


def _lacking(what: str, envelope: str, payload_type: str, desk: Desk, rule: Rule) -> Pending | None:
    """What has the signature of somebody who counts may wait for others'; what has none is nobody's.

    Asked when all else is in order: what will not be obeyed, whoever else signs it, does not wait.
    """
    found = standing(envelope, payload_type, desk.signed, rule)
    return Pending(what, str(found)) if found.begun and not found.met else None


_HANDLED: dict[str, Callable[[str, Desk], Entry | Pending]] = {
    LEASE_TYPE: _lease,
    ORDER_TYPE: _order,
    ANSWER_TYPE: _answer,
    CHARTER_TYPE: _amendment,
}
