"""COSE receipts: read again by a decoder of the test's own, and everything somebody could hand over instead."""

import contextlib
import hashlib
import sys
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.policy_people import LOG, OTHER_LOG, mutated
from tests.ledger.test_ledger_proof_files import ENTRIES, head, node

from detent.errors import TrustError, UsageError
from detent.ledger import make_receipt, verify_receipt
from detent.ledger._merkle import leaf_hash
from detent.ledger.proofs import inclusion_path, verify_inclusion


def receipt_of(index: int, size: int = 11) -> bytes:
    return make_receipt(index, size, inclusion_path(index, size, node), ENTRIES[index], LOG)


class Tag:
    """A tagged item."""

    def __init__(self, number: int, item: object) -> None:
        self.number, self.item = number, item


def decode(data: bytes) -> Any:
    """One item of CBOR, RFC 8949 section 3, as much of it as a receipt needs; nothing may follow."""
    item, rest = decode_first(data)
    assert rest == b""
    return item


def decode_first(data: bytes) -> tuple[Any, bytes]:
    major, low, data = data[0] >> 5, data[0] & 31, data[1:]
    if (major, low) == (7, 22):
        return None, data
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    count, data = (int.from_bytes(data[:width], "big"), data[width:]) if width else (low, data)
    shortest = low < 24 if not width else count >= (24 if width == 1 else 1 << 4 * width)
    assert shortest, "deterministic CBOR writes a number in as few bytes as it can"
    items: list[Any] = []
    if major == 6:
        item, data = decode_first(data)
        return Tag(count, item), data
    for _ in range(count * (major - 3)):
        item, data = decode_first(data)
        items.append(item)
    forms: dict[int, Callable[[], tuple[Any, bytes]]] = {
        0: lambda: (count, data),
        1: lambda: (-1 - count, data),
        2: lambda: (data[:count], data[count:]),
        3: lambda: (data[:count].decode(), data[count:]),
        4: lambda: (items, data),
        5: lambda: (dict(zip(items[::2], items[1::2], strict=True)), data),
    }
    return forms[major]()


def encode(item: object) -> bytes:
    """The shortest CBOR of an item, as the test writes what is signed."""
    match item:
        case bytes():
            return counted(2, len(item)) + item
        case str():
            return counted(3, len(item.encode())) + item.encode()
        case list():
            return counted(4, len(item)) + b"".join(map(encode, item))
    raise AssertionError(item)


def counted(major: int, count: int) -> bytes:
    assert count < 256
    return bytes([major << 5 | count]) if count < 24 else bytes([major << 5 | 24, count])


def test_a_receipt_is_the_one_of_the_rfcs_to_a_decoder_that_is_not_ours() -> None:
    tag = decode(receipt_of(6))
    assert tag.number == 18
    protected, unprotected, payload, signature = tag.item
    headers = decode(protected)
    assert list(headers) == [1, 4, 15, 395]
    assert (headers[1], headers[395], payload) == (-8, 1, None)
    assert headers[15] == {1: "example.com/run", 2: "example.com/run/6"}
    key = bytes.fromhex("a3010120062158 20".replace(" ", "")) + LOG.verify_key.public
    assert headers[4] == hashlib.sha256(key).digest()  # RFC 9679: {1: 1, -1: 6, -2: x}
    assert list(unprotected) == [396]
    (proof,) = unprotected[396][-1]
    size, index, path = decode(proof)
    assert (size, index) == (11, 6)
    verify_inclusion(leaf_hash(ENTRIES[6]), index, size, path, head().root)
    LOG.verify_key.verify(signature, encode(["Signature1", protected, b"", head().root]))


def test_every_entry_of_every_tree_gets_a_receipt_that_holds() -> None:
    for size in range(2, 12):
        for index in range(size):
            found = verify_receipt(receipt_of(index, size), ENTRIES[index], LOG.verify_key)
            assert (found.index, found.size, found.root) == (index, size, head(size).root)


def test_the_same_receipt_has_the_same_bytes() -> None:
    assert receipt_of(6) == receipt_of(6)


def test_it_says_what_it_shows_and_that_nobody_cosigned() -> None:
    said = verify_receipt(receipt_of(6), ENTRIES[6], LOG.verify_key).sentences
    assert said[0] == f"the entry is number 6 of example.com/run under root {head().root.hex()}"
    assert said[2].startswith("nobody cosigned it")


def test_a_tree_of_one_entry_has_no_receipt() -> None:
    with pytest.raises(UsageError, match="two entries or more"):
        receipt_of(0, 1)


def test_a_receipt_is_never_made_for_a_path_that_leads_nowhere() -> None:
    with pytest.raises(TrustError, match="valid inclusion proof"):
        make_receipt(6, 11, (bytes(32),), ENTRIES[6], LOG)


def test_what_a_receipt_signs_is_never_a_checkpoint() -> None:
    protected = decode(receipt_of(6)).item[0]
    with pytest.raises(UnicodeDecodeError):
        encode(["Signature1", protected, b"", head().root]).decode()


Parts = dict[str, Any]


def parts() -> Parts:
    protected, unprotected, payload, signature = cbor2.loads(receipt_of(6)).value
    return {
        "headers": cbor2.loads(protected),
        "unprotected": unprotected,
        "payload": payload,
        "proof": cbor2.loads(unprotected[396][-1][0]),
        "signature": signature,
        "tag": 18,
        "signer": LOG,
    }


def assembled(change: Callable[[Parts], object]) -> bytes:
    """The receipt with something changed in it, and, where the log itself changed it, signed again."""
    made = parts()
    change(made)
    if "proofs" not in made:
        made["proofs"] = [cbor2.dumps(made["proof"])]
    if 396 in made["unprotected"]:
        made["unprotected"] = {396: {-1: made["proofs"]}}
    protected = made.get("protected", cbor2.dumps(made["headers"], canonical=True))
    if made["signer"] is not None:
        made["signature"] = made["signer"].sign(encode(["Signature1", protected, b"", head().root]))
    item = [protected, made["unprotected"], made["payload"], made["signature"]]
    return cbor2.dumps(cbor2.CBORTag(made["tag"], item) if made["tag"] else item)


def change(part: str, **to: Any) -> Callable[[Parts], object]:
    return lambda made: made.update({part: to["to"]})


def headers(**to: Any) -> Callable[[Parts], object]:
    labels = {"alg": 1, "crit": 2, "claims": 15, "vds": 395}
    return lambda made: made["headers"].update({labels[name]: value for name, value in to.items()})


PATH = [list(inclusion_path(6, 11, node)), list(inclusion_path(7, 11, node))]
REFUSED = {
    "another algorithm": headers(alg=-7),
    "no algorithm": headers(alg=None),
    "an algorithm that is true": headers(alg=True),
    "a critical header": headers(crit=[99]),
    "another kind of tree": headers(vds=2),
    "a kind of tree that is true": headers(vds=True),
    "no claims": headers(claims=None),
    "claims in a list": headers(claims=["example.com/run"]),
    "another issuer": headers(claims={1: "example.com/other", 2: "example.com/run/6"}),
    "another entry as subject": headers(claims={1: "example.com/run", 2: "example.com/run/7"}),
    "no subject": headers(claims={1: "example.com/run"}),
    "protected headers that are no map": change("protected", to=cbor2.dumps([1, 2])),
    "protected headers that are empty": change("protected", to=b""),
    "protected headers with an item after": change("protected", to=cbor2.dumps({1: -19}) + b"\0"),
    "protected headers that say alg twice": change("protected", to=bytes.fromhex("a201320132")),
    "protected headers of a length that is not given": change("protected", to=bytes.fromhex("bf0132ff")),
    "another log's signature": change("signer", to=OTHER_LOG),
    "a payload": change("payload", to=head().root),
    "no tag": change("tag", to=0),
    "the tag of a MAC": change("tag", to=17),
    "no proofs": change("unprotected", to={}),
    "two proofs": change("proofs", to=[cbor2.dumps([11, 6, PATH[0]])] * 2),
    "no proof in the list": change("proofs", to=[]),
    "a proof that is not wrapped in bytes": change("proofs", to=[[11, 6, PATH[0]]]),
    "the neighbour's index": change("proof", to=[11, 7, PATH[0]]),
    "the neighbour's proof": change("proof", to=[11, 7, PATH[1]]),
    "an index beyond the tree": change("proof", to=[11, 11, PATH[0]]),
    "a negative index": change("proof", to=[11, -1, PATH[0]]),
    "a huge size": change("proof", to=[2**200, 6, PATH[0]]),
    "a size that is a fraction": change("proof", to=[11.0, 6, PATH[0]]),
    "a size that is true": change("proof", to=[True, 0, PATH[0]]),
    "no hashes": change("proof", to=[11, 6, []]),
    "hashes in the other order": change("proof", to=[11, 6, PATH[0][::-1]]),
    "a hash left out": change("proof", to=[11, 6, PATH[0][:-1]]),
    "a hash too many": change("proof", to=[11, 6, [*PATH[0], bytes(32)]]),
    "a thousand hashes": change("proof", to=[11, 6, [bytes(32)] * 1000]),
    "a short hash": change("proof", to=[11, 6, [b"", *PATH[0][1:]]]),
    "a hash as text": change("proof", to=[11, 6, ["x" * 32, *PATH[0][1:]]]),
    "hashes beside size and index": change("proof", to=[11, 6, *PATH[0]]),
    "a word too many": change("proof", to=[11, 6, PATH[0], 0]),
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED.keys())
def test_a_receipt_is_refused_with(changed: Callable[[Parts], object]) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        verify_receipt(assembled(changed), ENTRIES[6], LOG.verify_key)


ACCEPTED = {
    "nothing changed": headers(),
    "Ed25519, the name that says the curve": headers(alg=-19),
    "more protected headers": lambda made: made["headers"].update({16: "application/scitt-receipt+cose"}),
}


@pytest.mark.parametrize("changed", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_receipt_holds_with(changed: Callable[[Parts], object]) -> None:
    assert verify_receipt(assembled(changed), ENTRIES[6], LOG.verify_key).index == 6


def test_another_entry_is_not_shown() -> None:
    with pytest.raises(TrustError, match="does not verify"):
        verify_receipt(receipt_of(6), ENTRIES[7], LOG.verify_key)


def test_another_logs_key_is_not_enough() -> None:
    with pytest.raises(TrustError, match=r"issuer 'example\.com/other' expected"):
        verify_receipt(receipt_of(6), ENTRIES[6], OTHER_LOG.verify_key)


WHOLE = receipt_of(6)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_receipt_cut_short_is_refused(length: int) -> None:
    with pytest.raises(TrustError):
        verify_receipt(WHOLE[:length], ENTRIES[6], LOG.verify_key)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_receipt_with_one_byte_changed_shows_nothing_else(place: int, changed: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= changed
    with contextlib.suppress(TrustError):  # the size is not signed
        found = verify_receipt(bytes(data), ENTRIES[6], LOG.verify_key)
        assert (found.index, found.root) == (6, head().root)


@given(mutated(WHOLE))
def test_a_damaged_receipt_shows_nothing_else(data: bytes) -> None:
    with contextlib.suppress(TrustError):
        found = verify_receipt(data, ENTRIES[6], LOG.verify_key)
        assert (found.index, found.root) == (6, head().root)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_receipts(data: bytes) -> None:
    for bad in (data, WHOLE + data + b"\0", b"\xd2\x84" + data, b"\xd2\x84\x43" + data):
        with pytest.raises(TrustError):
            verify_receipt(bad, ENTRIES[6], LOG.verify_key)


HOSTILE = {
    "a list in a list, a thousand deep": b"\x81" * 1000 + b"\0",
    "a list that says it has 2^64 - 1 items": b"\x9b" + b"\xff" * 8,
    "bytes that say they are 2^63 long": b"\x5b\x7f" + b"\xff" * 7,
    "a list that holds itself": bytes.fromhex("d81c81d81d00"),
    "a regular expression": bytes.fromhex("d823") + b"\x69(a+)+$(a*",
    "a number of a million digits as a fraction": bytes.fromhex("c4821a000f424001"),
    "a map with a list as key": bytes.fromhex("a1810101"),
    "a date beyond every calendar": bytes.fromhex("c11b7fffffffffffffff"),
    "a megabyte": b"\0" * 1_000_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_cbor_is_refused(data: bytes) -> None:
    for bad in (data, b"\xd2\x84" + data, b"\xd2\x84\x40" + data):
        with pytest.raises(TrustError):
            verify_receipt(bad, ENTRIES[6], LOG.verify_key)


def test_without_cbor2_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cbor2", None)
    with pytest.raises(UsageError, match=r"pip install 'detent\[cose\]'"):
        receipt_of(6)
