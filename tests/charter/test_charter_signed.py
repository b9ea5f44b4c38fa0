"""Only a charter that a quorum of its stewards signed, and only as they meant it, is believed."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from tests.charter.charter_attacks import with_payload
from tests.charter.charter_texts import ADA, BOB, CATALOGUE, DRAFT, EVE, SAFE, charter_text

from detent.charter import (
    CHARTER_TYPE,
    LEASE_TYPE,
    claimed,
    endorse,
    rule_for,
    standing,
    verified,
)
from detent.errors import CharterError, DetentError, TrustError
from detent.signing import SigningKey, add_signature, merge_envelopes, seal_envelope


def signed(draft: str = DRAFT, keys: Sequence[SigningKey] = (ADA,), by: Sequence[SigningKey] = ()) -> str:
    return endorse(charter_text(draft, keys), by or keys)


def two_of_three() -> str:
    return DRAFT.replace("quorum = 1", "quorum = 2")


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


def test_a_charter_is_signed_one_after_another_and_says_on_the_way_who_is_missing() -> None:
    text = charter_text(two_of_three(), (ADA, BOB, EVE))
    envelope = endorse(text, [BOB])
    charter = claimed(envelope, CATALOGUE)
    rule = rule_for(charter.charter, "charter")
    found = standing(envelope, CHARTER_TYPE, charter, rule)
    assert str(found) == "signed by 1/2 stewards; a valid signature is missing from ada, eve"
    whole = add_signature(envelope, CHARTER_TYPE, ADA)
    assert standing(whole, CHARTER_TYPE, charter, rule).met
    assert verified(whole, CATALOGUE).envelope == endorse(text, [ADA, BOB])
    assert merge_envelopes(envelope, endorse(text, [ADA]), CHARTER_TYPE) == whole


def test_who_has_the_recovery_key_signs_no_charter() -> None:
    text = charter_text(recovery=str(SAFE.verify_key))
    assert verified(endorse(text, [ADA]), CATALOGUE).recovery == SAFE.verify_key
    with pytest.raises(TrustError, match="signed by 0/1 stewards"):
        verified(endorse(text, [SAFE]), CATALOGUE)
    assert verified(signed(), CATALOGUE).recovery is None
