"""Only what a quorum of the charter's stewards signed, and only as they meant it, is believed."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from tests.charter.charter_texts import ADA, BOB, CATALOGUE, DRAFT, EVE, charter_text

from detent.charter import (
    CHARTER_TYPE,
    LEASE_TYPE,
    SignedCharter,
    endorse,
    grant,
    verified,
    verified_lease,
)
from detent.errors import CharterError, DetentError, TrustError
from detent.signing import SigningKey, canonical, seal_envelope
from detent.values import sha256_hex


def signed(draft: str = DRAFT, keys: Sequence[SigningKey] = (ADA,), by: Sequence[SigningKey] = ()) -> str:
    return endorse(charter_text(draft, keys), by or keys)


def two_of_three() -> str:
    return DRAFT.replace("quorum = 1", "quorum = 2")


def with_payload(envelope: str, change: Callable[[bytes], bytes]) -> str:
    """The same signatures over other bytes."""
    document = json.loads(envelope)
    document["payload"] = base64.b64encode(change(base64.b64decode(document["payload"]))).decode()
    return json.dumps(document)


def test_a_charter_comes_back_as_it_was_signed() -> None:
    envelope = signed(two_of_three(), (ADA, BOB, EVE), by=(ADA, EVE))
    charter = verified(envelope, CATALOGUE)
    text = charter_text(two_of_three(), (ADA, BOB, EVE))
    assert charter.text == text
    assert charter.envelope == envelope
    assert charter.digest == hashlib.sha256(text.encode()).hexdigest()
    assert charter.stewards == (ADA.verify_key, BOB.verify_key, EVE.verify_key)
    assert charter.charter.name == "small"


def test_the_same_charter_and_keys_give_the_same_envelope() -> None:
    assert signed() == signed()


class Attack(NamedTuple):
    """An envelope, and how it is refused."""

    envelope: str
    error: type[DetentError]
    says: str


CHARTER_ATTACKS = {
    "signed by a stranger": Attack(signed(by=(EVE,)), TrustError, "signed by 0/1 stewards"),
    "signed by one of two who must": Attack(
        signed(two_of_three(), (ADA, BOB, EVE), by=(ADA,)), TrustError, "signed by 1/2 stewards"
    ),
    "signed by one who must and a stranger": Attack(
        signed(two_of_three(), (ADA, BOB), by=(ADA, EVE)), TrustError, "1/2"
    ),
    "a longer lease written in afterwards": Attack(
        with_payload(signed(), lambda p: p.replace(b"= 8", b"= 9")), TrustError, "0/1"
    ),
    "a comment changed afterwards": Attack(with_payload(signed(), lambda p: p + b"#"), TrustError, "0/1"),
    "the quorum lowered afterwards": Attack(
        with_payload(
            signed(two_of_three(), (ADA, BOB), by=(ADA,)), lambda p: p.replace(b"quorum = 2", b"quorum = 1")
        ),
        TrustError,
        "0/1",
    ),
    "the same bytes signed as something else": Attack(
        seal_envelope(charter_text().encode(), LEASE_TYPE, [ADA]), TrustError, CHARTER_TYPE
    ),
    "a quorum nobody can reach": Attack(
        endorse(charter_text(two_of_three()), [ADA]), CharterError, "stewards.quorum: at most 1"
    ),
    "one steward's key under two names": Attack(
        endorse(charter_text(two_of_three(), (ADA, SigningKey("ada-2", ADA.private))), [ADA]),
        CharterError,
        "a key of another steward",
    ),
    "a signed draft": Attack(endorse(DRAFT, [ADA]), CharterError, "seal: a table with tip, length expected"),
    "signed bytes that are no text": Attack(seal_envelope(b"\xff", CHARTER_TYPE, [ADA]), TrustError, "UTF-8"),
    "no envelope": Attack("{}", TrustError, "a DSSE envelope expected"),
    "half an envelope": Attack(signed()[:100], TrustError, "a DSSE envelope expected"),
    "a key whose hash is another's": Attack(
        endorse(charter_text().replace(ADA.verify_key.id.hex(), "00000000"), [ADA]),
        CharterError,
        "stewards.keys.0",
    ),
}


@pytest.mark.parametrize("case", CHARTER_ATTACKS)
def test_a_charter_that_was_not_endorsed_is_refused(case: str) -> None:
    attack = CHARTER_ATTACKS[case]
    with pytest.raises(attack.error) as caught:
        verified(attack.envelope, CATALOGUE)
    assert attack.says in str(caught.value)


@pytest.fixture(scope="module")
def charter() -> SignedCharter:
    return verified(signed(two_of_three(), (ADA, BOB, EVE)), CATALOGUE)


def test_a_lease_comes_back_as_it_was_granted(charter: SignedCharter) -> None:
    lease = verified_lease(grant(charter, 3, 8, [ADA, BOB]), charter)
    assert (lease.charter, lease.number, lease.generations) == (charter.digest, 3, 8)


def lease(under: SignedCharter, by: Sequence[SigningKey] = (ADA, BOB), **changes: object) -> str:
    document = {"charter": under.digest, "number": 1, "generations": 8} | changes
    return seal_envelope(canonical(document), LEASE_TYPE, by)


LEASE_ATTACKS: dict[str, tuple[Callable[[SignedCharter], str], type[DetentError], str]] = {
    "signed by a single steward": (lambda c: lease(c, by=[EVE]), TrustError, "signed by 1/2"),
    "more than the largest grant": (
        lambda c: lease(c, generations=9),
        CharterError,
        "1 to 8 generations expected",
    ),
    "granted under another charter": (
        lambda c: lease(c, charter=sha256_hex(b"other")),
        TrustError,
        "a lease under charter",
    ),
    "without a number": (lambda c: lease(c, number=None), TrustError, "a lease with charter, number"),
    "of no generations": (lambda c: lease(c, generations=0), TrustError, "a lease with charter, number"),
    "of generations in words": (
        lambda c: lease(c, generations="8"),
        TrustError,
        "a lease with charter, number",
    ),
    "with something more in it": (lambda c: lease(c, hours=24), TrustError, "a lease with charter, number"),
    "the number changed afterwards": (
        lambda c: with_payload(lease(c), lambda p: p.replace(b'"number":1', b'"number":2')),
        TrustError,
        "0/2",
    ),
    "signed as a charter": (lambda _: seal_envelope(b"{}", CHARTER_TYPE, [ADA, BOB]), TrustError, LEASE_TYPE),
    "signed bytes that are no document": (
        lambda _: seal_envelope(b"eight", LEASE_TYPE, [ADA, BOB]),
        TrustError,
        "got b'eight'",
    ),
}


@pytest.mark.parametrize("case", LEASE_ATTACKS)
def test_a_lease_nobody_granted_is_refused(case: str, charter: SignedCharter) -> None:
    make, error, says = LEASE_ATTACKS[case]
    with pytest.raises(error) as caught:
        verified_lease(make(charter), charter)
    assert says in str(caught.value)


@pytest.mark.parametrize("generations", [0, -1, 9])
def test_a_grant_outside_the_charter_is_not_signed(generations: int, charter: SignedCharter) -> None:
    with pytest.raises(CharterError, match=r"1 to 8 generations expected, as pace\.lease\.generations says"):
        grant(charter, 1, generations, [ADA, BOB])
