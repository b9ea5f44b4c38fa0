"""DSSE envelopes: who signed what, and everything that must not count as a signature."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import TrustError, UsageError
from detent.signing import (
    Endorsement,
    SigningKey,
    VerifyKey,
    add_signature,
    endorsement,
    merge_envelopes,
    open_envelope,
    peek_envelope,
    seal_envelope,
    signers_of,
)

TYPE = "application/vnd.detent.charter+json"
PAYLOAD = b'{"name":"digits"}'
ADA, BOB, CYD = (SigningKey.from_seed(name, name.encode().ljust(32)) for name in ("ada", "bob", "cyd"))
EVE = SigningKey.from_seed("ada", b"e" * 32)
STEWARDS = [key.verify_key for key in (ADA, BOB, CYD)]


@given(st.binary(max_size=300), st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_payload_survives_its_envelope(payload: bytes, payload_type: str) -> None:
    text = seal_envelope(payload, payload_type, [ADA])
    assert open_envelope(text, payload_type, [ADA.verify_key], 1) == payload
    assert peek_envelope(text, payload_type) == payload


def test_the_same_payload_and_keys_give_the_same_text_in_any_order() -> None:
    assert seal_envelope(PAYLOAD, TYPE, [ADA, BOB]) == seal_envelope(PAYLOAD, TYPE, [BOB, ADA])


def test_the_signature_is_over_the_pre_authentication_encoding_of_the_specification() -> None:
    """DSSE v1.0.0, protocol: PAE(type, body), worked out by hand; any DSSE program checks it so."""
    document = json.loads(seal_envelope(b"hello world", "http://example.com/HelloWorld", [ADA]))
    assert base64.b64decode(document["payload"]) == b"hello world"
    assert document["payloadType"] == "http://example.com/HelloWorld"
    (signature,) = document["signatures"]
    Ed25519PublicKey.from_public_bytes(ADA.verify_key.public).verify(
        base64.b64decode(signature["sig"]), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert signature["keyid"] == f"ada+{ADA.verify_key.id.hex()}"


def edited(text: str, edit: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(text)
    edit(document)
    return json.dumps(document)


BY_ADA, BY_BOTH, BY_EVE = (seal_envelope(PAYLOAD, TYPE, keys) for keys in ([ADA], [ADA, BOB], [EVE]))
OTHER = base64.b64encode(b'{"name":"another"}').decode()
ADA_ID, BOB_ID = (f"{key.name}+{key.verify_key.id.hex()}" for key in (ADA, BOB))


def signature_of(text: str, at: int = 0) -> dict[str, str]:
    signature: dict[str, str] = json.loads(text)["signatures"][at]
    return signature


UNENDORSED: dict[str, tuple[str, int]] = {
    "one of two signed": (BY_ADA, 2),
    "two of three signed": (BY_BOTH, 3),
    "signed by another key of the same name": (BY_EVE, 1),
    "the payload changed": (edited(BY_ADA, lambda d: d.update(payload=OTHER)), 1),
    "no signatures": (edited(BY_ADA, lambda d: d.update(signatures=[])), 1),
    "a signature by another key under a steward's id": (
        edited(BY_EVE, lambda d: d["signatures"][0].update(keyid=ADA_ID)),
        1,
    ),
    "one steward's signature once more under another's id": (
        edited(BY_ADA, lambda d: d["signatures"].append({**signature_of(BY_ADA), "keyid": BOB_ID})),
        2,
    ),
    "a signature over another type": (
        edited(seal_envelope(PAYLOAD, "application/other", [ADA]), lambda d: d.update(payloadType=TYPE)),
        1,
    ),
    "a signature of no bytes": (edited(BY_ADA, lambda d: d["signatures"][0].update(sig="")), 1),
    "a signature of one byte": (edited(BY_ADA, lambda d: d["signatures"][0].update(sig="AA==")), 1),
    "a key id that is a number": (edited(BY_ADA, lambda d: d["signatures"][0].update(keyid=7)), 1),
}


@pytest.mark.parametrize("attack", UNENDORSED)
def test_a_quorum_is_not_met_by(attack: str) -> None:
    text, quorum = UNENDORSED[attack]
    with pytest.raises(TrustError, match=rf"signed by \d/{quorum} stewards; a valid signature is missing"):
        open_envelope(text, TYPE, STEWARDS, quorum)
    assert not endorsement(text, TYPE, STEWARDS, quorum).met


def replaced(**fields: object) -> str:
    return edited(BY_ADA, lambda d: d.update(**fields))


MALFORMED: dict[str, str] = {
    "nothing": "",
    "any text": "hello",
    "another document": "{}",
    "a list": "[]",
    "a number": "7",
    "text cut short": BY_ADA[:-3],
    "a payload that is no base64": replaced(payload="%%%"),
    "a payload that is a number": replaced(payload=7),
    "signatures that are no list": replaced(signatures=7),
    "a signature that is text": replaced(signatures=["x"]),
    "a signature without a key id": replaced(signatures=[{"sig": "AA=="}]),
    "a signature without bytes": replaced(signatures=[{"keyid": ADA_ID}]),
    "a signature that is a number": replaced(signatures=[{"keyid": ADA_ID, "sig": 7}]),
    "a key id that is a list": replaced(signatures=[{"keyid": [], "sig": "AA=="}]),
    "the same signature twice": replaced(signatures=[signature_of(BY_ADA)] * 2),
    "nesting beyond reason": "[" * 100_000,
    "an integer of many digits": "9" * 10_000,
    "half a surrogate pair": replaced(payload="\ud800"),
    "another type": seal_envelope(PAYLOAD, "application/other", [ADA]),
    "a type that is a number": replaced(payloadType=7),
}


@pytest.mark.parametrize("attack", MALFORMED)
def test_an_envelope_is_refused_with(attack: str) -> None:
    for read in (
        lambda text: open_envelope(text, TYPE, STEWARDS, 1),
        lambda text: endorsement(text, TYPE, STEWARDS, 1),
        lambda text: peek_envelope(text, TYPE),
    ):
        with pytest.raises(TrustError, match=r"envelope.* expected, got"):
            read(MALFORMED[attack])


@given(st.text() | st.from_type(type(None)).map(lambda _: "null"))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(TrustError):
        open_envelope(text, TYPE, STEWARDS, 1)


def test_who_signed_is_told_in_full_beyond_the_quorum() -> None:
    verdict = endorsement(BY_BOTH, TYPE, STEWARDS, 1)
    assert verdict == Endorsement(quorum=1, signed=("ada", "bob"), unsigned=("cyd",))
    assert (verdict.met, verdict.missing, str(verdict)) == (True, 0, "signed by 2/1 stewards")


def test_who_is_missing_is_told_too() -> None:
    verdict = endorsement(BY_ADA, TYPE, STEWARDS, 3)
    assert (verdict.met, verdict.missing) == (False, 2)
    assert str(verdict) == "signed by 1/3 stewards; a valid signature is missing from bob, cyd"
    with pytest.raises(TrustError, match=f"a {TYPE.replace('+', '.')} signed by 3 of 3 stewards expected"):
        open_envelope(BY_ADA, TYPE, STEWARDS, 3)


def test_signatures_by_strangers_are_passed_over() -> None:
    stranger = SigningKey.create("stranger")
    text = seal_envelope(PAYLOAD, TYPE, [stranger, ADA])
    assert open_envelope(text, TYPE, STEWARDS, 1) == PAYLOAD
    assert endorsement(text, TYPE, STEWARDS, 1).signed == ("ada",)


TWICE = VerifyKey("ada-again", ADA.verify_key.public)
MISTAKES: dict[str, tuple[list[VerifyKey], int, str]] = {
    "a quorum of none": (STEWARDS, 0, "a quorum from 1 to 3"),
    "a quorum of more than there are": (STEWARDS, 4, "a quorum from 1 to 3"),
    "no stewards": ([], 1, "a quorum from 1 to 0"),
    "one key under two names": ([ADA.verify_key, TWICE], 2, "different keys expected"),
    "two keys under one name": ([ADA.verify_key, EVE.verify_key], 1, "different key names expected"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_quorum_cannot_be_asked_with(mistake: str) -> None:
    keys, quorum, message = MISTAKES[mistake]
    with pytest.raises(UsageError, match=message):
        open_envelope(BY_ADA, TYPE, keys, quorum)


def test_an_envelope_is_sealed_with_different_keys_and_at_least_one() -> None:
    with pytest.raises(UsageError, match="at least one signing key expected"):
        seal_envelope(PAYLOAD, TYPE, [])
    with pytest.raises(UsageError, match="different keys expected"):
        seal_envelope(PAYLOAD, TYPE, [ADA, ADA])


def test_signatures_put_on_one_after_another_give_the_envelope_of_all() -> None:
    assert (
        add_signature(BY_ADA, TYPE, BOB)
        == add_signature(seal_envelope(PAYLOAD, TYPE, [BOB]), TYPE, ADA)
        == BY_BOTH
    )
    assert add_signature(BY_BOTH, TYPE, ADA) == BY_BOTH


def test_a_signature_that_is_none_is_replaced_by_its_owner() -> None:
    damaged = edited(
        BY_ADA, lambda d: d["signatures"][0].update(sig=signature_of(seal_envelope(b"", TYPE, [ADA]))["sig"])
    )
    assert signers_of(damaged, TYPE, STEWARDS) == ()
    assert add_signature(damaged, TYPE, ADA) == BY_ADA


@given(st.lists(st.sampled_from([ADA, BOB, CYD]), min_size=1, max_size=5), st.data())
def test_the_order_of_signing_and_merging_does_not_show(keys: list[SigningKey], data: st.DataObject) -> None:
    whole = seal_envelope(PAYLOAD, TYPE, list({key.name: key for key in keys}.values()))
    merged = seal_envelope(PAYLOAD, TYPE, [keys[0]])
    for key in keys[1:]:
        if data.draw(st.booleans()):
            merged = add_signature(merged, TYPE, key)
        else:
            one = seal_envelope(PAYLOAD, TYPE, [key])
            first, second = data.draw(st.permutations([merged, one]))
            merged = merge_envelopes(first, second, TYPE)
    assert merged == whole
    assert set(signers_of(merged, TYPE, STEWARDS)) == {key.name for key in keys}


def test_copies_are_brought_together_with_strangers_signatures_and_all() -> None:
    both = merge_envelopes(BY_EVE, seal_envelope(PAYLOAD, TYPE, [BOB]), TYPE)
    assert signers_of(both, TYPE, STEWARDS) == ("bob",)
    assert signers_of(both, TYPE, [EVE.verify_key, BOB.verify_key]) == ("ada", "bob")


FORGED_ADA = edited(BY_EVE, lambda d: d["signatures"][0].update(keyid=ADA_ID))
UNMERGED: dict[str, tuple[str, str]] = {
    "another payload": (seal_envelope(b"{}", TYPE, [BOB]), "two envelopes over the same bytes expected"),
    "another type": (seal_envelope(PAYLOAD, "application/other", [BOB]), "an envelope of type"),
    "no envelope": ("{}", "a DSSE envelope expected"),
    "another signature under the same key's id": (
        FORGED_ADA,
        f"one signature by {re.escape(ADA_ID)} expected",
    ),
}


@pytest.mark.parametrize("case", UNMERGED)
def test_an_envelope_is_not_merged_with(case: str) -> None:
    other, message = UNMERGED[case]
    for pair in ((BY_ADA, other), (other, BY_ADA)):
        with pytest.raises(TrustError, match=message):
            merge_envelopes(*pair, TYPE)


@pytest.mark.parametrize("attack", MALFORMED)
def test_nothing_is_signed_or_read_in(attack: str) -> None:
    with pytest.raises(TrustError, match=r"envelope.* expected, got"):
        add_signature(MALFORMED[attack], TYPE, ADA)
    with pytest.raises(TrustError, match=r"envelope.* expected, got"):
        signers_of(MALFORMED[attack], TYPE, STEWARDS)


def test_a_key_and_the_one_that_takes_its_name_over_sign_side_by_side() -> None:
    text = seal_envelope(PAYLOAD, TYPE, [ADA, EVE])
    assert signers_of(text, TYPE, [ADA.verify_key]) == signers_of(text, TYPE, [EVE.verify_key]) == ("ada",)
    with pytest.raises(UsageError, match="different key names expected"):
        signers_of(text, TYPE, [ADA.verify_key, EVE.verify_key])
    with pytest.raises(UsageError, match="different keys expected"):
        signers_of(text, TYPE, [ADA.verify_key, TWICE])


LITTER: dict[str, Callable[[dict[str, Any]], object]] = {
    "a number beyond every reader beside a signature": lambda d: d["signatures"][0].update(x=2**70),
    "half a surrogate pair beside a signature": lambda d: d["signatures"][0].update(x="\ud800"),
    "a signature under a number": lambda d: d["signatures"].append({"keyid": 7, "sig": "AA=="}),
    "a signature under nothing": lambda d: d["signatures"].append({"keyid": None, "sig": "AA=="}),
    "a signature under half a surrogate pair": lambda d: d["signatures"].append(
        {"keyid": "\ud800", "sig": "AA=="}
    ),
    "more beside the payload": lambda d: d.update(x=2**70),
}


@pytest.mark.parametrize("litter", LITTER)
def test_what_nobody_signed_is_left_behind(litter: str) -> None:
    assert add_signature(edited(BY_ADA, LITTER[litter]), TYPE, BOB) == BY_BOTH
    assert merge_envelopes(edited(BY_ADA, LITTER[litter]), BY_BOTH, TYPE) == BY_BOTH
