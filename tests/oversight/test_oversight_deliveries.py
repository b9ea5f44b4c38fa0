"""What people hand to a run counts as the charter says, in sight of what it is about, once; nothing else does."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from detent.charter import (
    Catalogue,
    Question,
    SignedCharter,
    amend_text,
    answer,
    complete,
    endorse,
    grant,
    order,
    verified,
)
from detent.errors import DetentError, TrustError
from detent.evaluate import least_first_limit
from detent.oversight import Desk, Pending, believe, check_entry, received
from detent.signing import SigningKey, merge_envelopes
from detent.signing.envelopes import peek_envelope
from detent.tasks import BUILTINS
from detent.values import (
    Answered,
    CharterSigned,
    Decided,
    Entry,
    LeaseGranted,
    Ordered,
    Requested,
    State,
    fold,
)

ADA, BOB, CY, EVE, LOST, NEW = (
    SigningKey.from_seed(name, name.encode().ljust(32))
    for name in ("ada", "bob", "cy", "eve", "recovery", "dan")
)
NOW, LATER, LATEST = "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z", "2026-01-09T12:00:00Z"
CANDIDATE, OTHER = "a" * 64, "b" * 64
CATALOGUE = Catalogue(tasks=tuple(BUILTINS), least_limit=least_first_limit)

DRAFT = """\
name = "many hands"
purpose = "Decide together"
[stewards]
quorum = 2
keys = [{keys}]
[stewards.roles]
operator = ["ada"]
approver = ["bob", "cy"]
safety = ["cy"]
[stewards.rules]
approve = {{ approver = 2, safety = 1 }}
lease = {{ operator = 1 }}
[pace]
lease = {{ generations = 8, hours = 24.0, petaflop = 0.2 }}
[direction]
improve = {{ copy = 12 }}
"""


def chartered(draft: str, *keys: SigningKey, tip: str = "0" * 64, recovery: str = "") -> SignedCharter:
    listed = ", ".join(f'"{key.verify_key}"' for key in keys)
    text = complete(draft.format(keys=listed), [], tip, 100, {}, recovery=recovery)
    return verified(endorse(text, list(keys)), CATALOGUE)


CHARTER = chartered(DRAFT, ADA, BOB, CY)
ELSEWHERE = chartered(DRAFT, ADA, BOB, CY, tip="1" * 64)


def root(size: int) -> bytes:
    """The root of this ledger at that size."""
    return sha256(f"root {size}".encode()).digest()


def charter_entry(signed: SignedCharter = CHARTER) -> CharterSigned:
    return CharterSigned(
        at=NOW, version=signed.charter.version, digest=signed.digest, envelope=signed.envelope
    )


def closed(generation: int) -> Decided:
    return Decided(
        at=NOW, generation=generation, decision="promote" if generation == 0 else "carry",
        incumbent=OTHER, candidate=OTHER, team=(OTHER,), because="",
    )  # fmt: skip


def leased(number: int = 1) -> LeaseGranted:
    return LeaseGranted(
        at=NOW,
        generation=0,
        number=number,
        generations=8,
        expires=LATER,
        petaflop=0.2,
        envelope=lease(number),
    )


def lease(
    number: int = 2, keys: tuple[SigningKey, ...] = (ADA,), signed: SignedCharter = CHARTER, **more: Any
) -> str:
    terms: dict[str, Any] = {
        "hours": 12.0,
        "petaflop": 0.2,
        "at": NOW,
        "size": 1,
        "root": root(1).hex(),
    } | more
    return grant(signed, number, 8, keys=list(keys), **terms)


def asked() -> Requested:
    return Requested(
        at=NOW,
        generation=1,
        number=1,
        candidate=CANDIDATE,
        reasons=("x",),
        unchecked=(),
        approvers=1,
        expires=LATEST,
    )


def question(**changes: Any) -> Question:
    fields: dict[str, Any] = {"request": 1, "candidate": CANDIDATE, "root": root(4).hex(), "expires": LATEST}
    return Question(**(fields | changes))


def reply(verdict: Any, *keys: SigningKey, signed: SignedCharter = CHARTER, **changes: Any) -> str:
    return answer(signed, question(**changes), verdict, "looked at it", list(keys))


def command(kind: Any, *keys: SigningKey, size: int = 4, at: str = "", **more: Any) -> str:
    return order(CHARTER, kind, "reasons", size=size, root=at or root(size).hex(), keys=list(keys), **more)


STARTED: list[Entry] = [charter_entry(), leased(), closed(0)]
ASKED = fold([*STARTED, asked()])
HELD = fold(
    [
        *STARTED,
        Ordered(at=NOW, generation=1, order="pause", to=None, because="", signers=("ada",), envelope=""),
    ]
)
HALTED = fold(
    [
        *STARTED,
        Ordered(at=NOW, generation=1, order="halt", to=None, because="", signers=("ada",), envelope=""),
    ]
)


def answered(verdict: Any) -> State:
    """The request has this answer."""
    return fold(
        [
            Answered(
                at=NOW,
                generation=1,
                request=1,
                verdict=verdict,
                because="",
                signers=(),
                seconds=0,
                envelope="",
            )
        ],
        ASKED,
    )


ASKED_AND_HALTED = fold(
    [Ordered(at=NOW, generation=1, order="halt", to=None, because="", signers=("ada",), envelope="")], ASKED
)


def desk(state: State | None = None, now: str = NOW, signed: SignedCharter = CHARTER) -> Desk:
    return Desk(signed, state or fold(STARTED), CATALOGUE, root, frozenset(), now)


COUNTS: dict[str, tuple[Callable[[], str], State | None, type[Entry]]] = {
    "the operator grants a lease": (lease, None, LeaseGranted),
    "an auditor without a role pauses": (lambda: command("pause", BOB), None, Ordered),
    "any one steward halts": (lambda: command("halt", CY), None, Ordered),
    "two stewards resume": (lambda: command("resume", ADA, BOB), HELD, Ordered),
    "a quorum lifts a halt": (lambda: command("lift", ADA, CY), HALTED, Ordered),
    "a quorum rolls back": (lambda: command("rollback", ADA, CY, size=3, to=0), None, Ordered),
    "two approvers, one of them safety, approve": (lambda: reply("approve", BOB, CY), ASKED, Answered),
    "one steward denies": (lambda: reply("deny", ADA), ASKED, Answered),
    "one steward denies while the run is halted": (lambda: reply("deny", ADA), ASKED_AND_HALTED, Answered),
    "one steward denies what others approved of": (
        lambda: reply("deny", ADA),
        answered("approve"),
        Answered,
    ),
    "the old quorum and the new one amend": (
        lambda: endorse(amend_text(CHARTER, CHARTER.text.replace("together", "well"), CATALOGUE), [ADA, BOB]),
        None,
        CharterSigned,
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_it_counts_when(name: str) -> None:
    make, state, kind = COUNTS[name]
    assert isinstance(received(make(), desk(state)), kind)


WAITS: dict[str, tuple[Callable[[], str], State | None, str]] = {
    "one approver of two": (lambda: reply("approve", BOB), ASKED, "cy"),
    "two sign, and none of them is safety": (lambda: reply("approve", ADA, BOB), ASKED, "cy"),
    "one of two resumes": (lambda: command("resume", ADA), HELD, "bob"),
    "one of two lifts a halt": (lambda: command("lift", ADA), HALTED, "bob"),
    "one steward amends": (
        lambda: endorse(amend_text(CHARTER, CHARTER.text.replace("together", "well"), CATALOGUE), [ADA]),
        None,
        "bob",
    ),
}


@pytest.mark.parametrize("name", WAITS)
def test_it_waits_for_more_signatures_when(name: str) -> None:
    make, state, missing = WAITS[name]
    found = received(make(), desk(state))
    assert isinstance(found, Pending)
    assert missing in found.missing


def skipping(*keys: SigningKey) -> str:
    """An amendment that claims to be version 3."""
    return endorse(CHARTER.text.replace("purpose", "version = 3\npurpose", 1), list(keys))


REFUSED: dict[str, tuple[Callable[[], str], Callable[[], Desk], str]] = {
    "nobody signed the lease": (lambda: lease(keys=(EVE,)), desk, "signed by"),
    "who is no operator grants a lease": (lambda: lease(keys=(BOB,)), desk, "signed by 0/1 operators"),
    "who is no approver says yes": (
        lambda: reply("approve", ADA),
        lambda: desk(ASKED),
        "signed by 0/2 approvers and 0/1 safety",
    ),
    "a lease is spent twice": (lambda: lease(1), desk, "each counts once"),
    "a lease is granted ahead of its turn": (lambda: lease(3), desk, "each counts once"),
    "a lease runs longer than the charter lets one": (
        lambda: lease(at=LATER, hours=24.0), desk, "pace.lease.hours",
    ),
    "a lease granted on another ledger": (lambda: lease(root="c" * 64), desk, "in sight of"),
    "a lease granted on what this ledger was to become": (
        lambda: lease(size=9, root=root(9).hex()), desk, "in sight of",
    ),
    "a lease of another run": (lambda: lease(signed=ELSEWHERE), desk, "under charter"),
    "a stranger halts the run": (lambda: command("halt", EVE), desk, "signed by"),
    "a resume signed before the run was paused": (
        lambda: command("resume", ADA, BOB, size=3), lambda: desk(HELD), "in sight of",
    ),
    "a resume signed on another ledger": (
        lambda: command("resume", ADA, BOB, at="c" * 64), lambda: desk(HELD), "in sight of",
    ),
    "a resume from the future": (
        lambda: command("resume", ADA, BOB, size=9), lambda: desk(HELD), "in sight of",
    ),
    "a rollback ordered before the newest generation was closed": (
        lambda: command("rollback", ADA, BOB, size=4, to=0),
        lambda: desk(fold([*STARTED, *(closed(generation) for generation in (1, 2))])),
        "in sight of",
    ),
    "an approval of another candidate": (
        lambda: reply("approve", BOB, CY, candidate=OTHER), lambda: desk(ASKED), "candidate",
    ),
    "an approval of another request": (
        lambda: reply("approve", BOB, CY, request=2), lambda: desk(ASKED), "request",
    ),
    "an approval given on another ledger": (
        lambda: reply("approve", BOB, CY, root="d" * 64), lambda: desk(ASKED), "root",
    ),
    "an approval with a longer life than the request": (
        lambda: reply("approve", BOB, CY, expires="2027-01-01T00:00:00Z"), lambda: desk(ASKED), "expires",
    ),
    "an approval under another charter": (
        lambda: reply("approve", BOB, CY, signed=ELSEWHERE), lambda: desk(ASKED), "under charter",
    ),
    "an approval that comes too late": (
        lambda: reply("approve", BOB, CY), lambda: desk(ASKED, now=LATEST), "no answer means no",
    ),
    "an approval by the model's side": (lambda: reply("approve", EVE), lambda: desk(ASKED), "signed by"),
    "an approval while the run is halted": (
        lambda: reply("approve", BOB, CY), lambda: desk(ASKED_AND_HALTED), "when the halt by ada is lifted",
    ),
    "an approval while the run is halted, by one of two": (
        lambda: reply("approve", BOB), lambda: desk(ASKED_AND_HALTED), "when the halt by ada is lifted",
    ),
    "an answer while nothing is asked": (lambda: reply("approve", BOB, CY), desk, "while none does"),
    "an approval after a denial": (
        lambda: reply("approve", BOB, CY), lambda: desk(answered("deny")), "while none does",
    ),
    "a denial after a denial": (lambda: reply("deny", BOB), lambda: desk(answered("deny")), "while none does"),
    "an approval after an approval": (
        lambda: reply("approve", BOB, CY), lambda: desk(answered("approve")), "a no, which alone counts after a yes",
    ),
    "a stranger denies what others approved of": (
        lambda: reply("deny", EVE), lambda: desk(answered("approve")), "signed by",
    ),
    "a denial of what others approved of that comes too late": (
        lambda: reply("deny", ADA), lambda: desk(answered("approve"), now=LATEST), "no answer means no",
    ),
    "an amendment of another version": (
        lambda: skipping(ADA, BOB), desk, "the one after the charter in force",
    ),
    "a lease that has expired": (lambda: lease(at=NOW, hours=1.0), lambda: desk(now=LATER), "that expires after"),
    "a resume of what nothing holds": (lambda: command("resume", ADA, BOB, size=3), desk, "one that is not held"),
    "a rollback to a generation that is not closed": (
        lambda: command("rollback", ADA, BOB, size=3, to=7), desk, "a closed generation",
    ),
    "no envelope at all": (lambda: "[]", desk, "DSSE envelope"),
    "an envelope of another kind": (
        lambda: lease().replace("lease", "wishes"), desk, "a lease, an order, an answer or an amendment",
    ),
    "what stands on the ledger already": (
        lambda: command("halt", ADA),
        lambda: replace(
            desk(),
            obeyed=frozenset(
                {sha256(peek_envelope(command("halt", ADA), "application/vnd.detent.order.v1+json")).hexdigest()}
            ),
        ),
        "something new",
    ),
}  # fmt: skip


HOPELESS: dict[str, tuple[Callable[[], str], Callable[[], Desk], str]] = {
    "a lease whose number is taken": (lambda: lease(1, (BOB,)), desk, "each counts once"),
    "a lease ahead of its turn": (lambda: lease(3, (BOB,)), desk, "each counts once"),
    "a lease of another ledger": (lambda: lease(keys=(BOB,), root="c" * 64), desk, "in sight of"),
    "a lease of another charter": (lambda: lease(keys=(BOB,), signed=ELSEWHERE), desk, "under charter"),
    "a lease that runs too long": (lambda: lease(keys=(BOB,), at=LATER, hours=24.0), desk, "pace.lease.hours"),
    "a lease that has expired": (lambda: lease(keys=(BOB,), hours=1.0), lambda: desk(now=LATER), "expires after"),
    "a resume of what nothing holds": (lambda: command("resume", ADA, size=3), desk, "one that is not held"),
    "a resume that had not seen the pause": (
        lambda: command("resume", ADA, size=3), lambda: desk(HELD), "in sight of",
    ),
    "a rollback to a generation that is not closed": (
        lambda: command("rollback", ADA, size=3, to=7), desk, "a closed generation",
    ),
    "an approval of another candidate": (
        lambda: reply("approve", BOB, candidate=OTHER), lambda: desk(ASKED), "candidate",
    ),
    "an approval that comes too late": (
        lambda: reply("approve", BOB), lambda: desk(ASKED, now=LATEST), "no answer means no",
    ),
    "an amendment of another version": (lambda: skipping(ADA), desk, "the one after the charter in force"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOPELESS)
def test_it_waits_for_nobodys_signature_since_it_could_never_count(name: str) -> None:
    make, place, said = HOPELESS[name]
    with pytest.raises(DetentError) as refusal:
        received(make(), place())
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_when(name: str) -> None:
    make, place, said = REFUSED[name]
    with pytest.raises(DetentError) as refusal:
        received(make(), place())
    assert said in str(refusal.value)


def test_an_amendment_signed_by_the_new_stewards_only_is_refused() -> None:
    """It would wait for ever, and anybody can make such."""
    text = CHARTER.text.replace(str(ADA.verify_key), str(NEW.verify_key)).replace('["ada"]', '["dan"]')
    with pytest.raises(TrustError, match="signed by 2 stewards in force"):
        received(endorse(amend_text(CHARTER, text, CATALOGUE), [NEW]), desk())


def test_signatures_from_two_machines_meet() -> None:
    one, two = reply("approve", BOB), reply("approve", CY)
    together = merge_envelopes(one, two, "application/vnd.detent.answer.v1+json")
    assert isinstance(received(together, desk(ASKED)), Answered)


def test_an_entry_is_believed_when_it_is_what_its_envelope_amounts_to() -> None:
    entry = received(lease(), desk())
    assert isinstance(entry, LeaseGranted)
    check_entry(structs.replace(entry, at=NOW, generation=1), desk())


LIES: dict[str, Callable[[LeaseGranted], LeaseGranted]] = {
    "more generations than were signed": lambda entry: structs.replace(entry, generations=1000),
    "a later end than was signed": lambda entry: structs.replace(entry, expires=LATEST),
    "more compute than was signed": lambda entry: structs.replace(entry, petaflop=9.0),
    "the envelope of another lease": lambda entry: structs.replace(entry, envelope=lease(1)),
    "nobody's envelope": lambda entry: structs.replace(entry, envelope=lease(keys=(EVE,))),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_entry_is_not_believed_that_says(lie: str) -> None:
    entry = received(lease(), desk())
    assert isinstance(entry, LeaseGranted)
    with pytest.raises(DetentError, match="expected"):
        check_entry(LIES[lie](structs.replace(entry, at=NOW, generation=1)), desk())


def test_a_ledger_is_believed_from_its_first_charter_on() -> None:
    text = amend_text(CHARTER, CHARTER.text.replace("together", "well"), CATALOGUE)
    second = verified(endorse(text, [ADA, BOB]), CATALOGUE)
    after = structs.replace(charter_entry(second), generation=1)
    assert believe([*STARTED, after], CATALOGUE, root).digest == second.digest


def test_a_lease_of_the_charter_before_means_nothing_after_an_amendment() -> None:
    text = amend_text(CHARTER, CHARTER.text.replace("together", "well"), CATALOGUE)
    second = verified(endorse(text, [ADA, BOB]), CATALOGUE)
    old = structs.replace(leased(2), generation=1)
    with pytest.raises(TrustError, match="under charter"):
        believe([*STARTED, structs.replace(charter_entry(second), generation=1), old], CATALOGUE, root)


def test_a_ledger_that_begins_with_something_else_is_not_believed() -> None:
    for entries in ([], [leased()]):
        with pytest.raises(TrustError, match="first entry"):
            believe(entries, CATALOGUE, root)


def test_a_recovery_key_amends_and_does_nothing_else() -> None:
    draft = DRAFT.replace("quorum = 2", "quorum = 1").partition("[stewards.roles]")
    alone = draft[0] + "[pace]" + draft[2].partition("[pace]")[2]
    signed = chartered(alone, ADA, recovery=str(LOST.verify_key))
    at = desk(fold([charter_entry(signed)]), signed=signed)
    text = amend_text(signed, signed.text.replace(str(ADA.verify_key), str(NEW.verify_key)), CATALOGUE)
    assert isinstance(received(endorse(text, [LOST, NEW]), at), CharterSigned)
    for envelope in (
        lease(1, (LOST,), signed),
        order(signed, "halt", "x", size=1, root=root(1).hex(), keys=[LOST]),
    ):
        with pytest.raises(DetentError, match="signed by"):
            received(envelope, at)
