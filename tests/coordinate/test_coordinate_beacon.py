"""A beacon in drand's format: real rounds of two real chains, and servers that lie."""

import contextlib
import hashlib
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import py_arkworks_bls12381 as bls
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.coordinate.witness_world import say, serving

from detent.coordinate import Chain, Round, check_round, fetch_chain, fetch_round
from detent.errors import PeerError, TrustError, UsageError

DEFAULT_HASH = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce"
QUICKNET_HASH = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
DEFAULT_INFO: dict[str, object] = {
    "public_key": "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a5699"
    "37c529eeda66c7293784a9402801af31",
    "period": 30,
    "genesis_time": 1595431050,
    "hash": DEFAULT_HASH,
    "groupHash": "176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a",
    "schemeID": "pedersen-bls-chained",
    "metadata": {"beaconID": "default"},
}
QUICKNET_INFO: dict[str, object] = {
    "public_key": "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
    "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb"
    "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    "period": 3,
    "genesis_time": 1692803367,
    "hash": QUICKNET_HASH,
    "groupHash": "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
    "schemeID": "bls-unchained-g1-rfc9380",
    "metadata": {"beaconID": "quicknet"},
}
DEFAULT_72785: dict[str, object] = {
    "round": 72785,
    "randomness": "8b676484b5fb1f37f9ec5c413d7d29883504e5b669f604a1ce68b3388e9ae3d9",
    "signature": "82f5d3d2de4db19d40a6980e8aa37842a0e55d1df06bd68bddc8d60002e8e959"
    "eb9cfa368b3c1b77d18f02a54fe047b80f0989315f83b12a74fd8679c4f12aae"
    "86eaf6ab5690b34f1fddd50ee3cc6f6cdf59e95526d5a5d82aaa84fa6f181e42",
    "previous_signature": "a609e19a03c2fcc559e8dae14900aaefe517cb55c840f6e69bc8e4f66c8d18e8"
    "a609685d9917efbfb0c37f058c2de88f13d297c7e19e0ab24813079efe57a182"
    "554ff054c7638153f9b26a60e7111f71a0ff63d9571704905d3ca6df0b031747",
}
QUICKNET_1000: dict[str, object] = {
    "round": 1000,
    "randomness": "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
    "signature": "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
    "e342b73a8dd2bacbe47e4b6b63ed5e39",
}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


DEFAULT = Chain.parse(encoded(DEFAULT_INFO), DEFAULT_HASH)
QUICKNET = Chain.parse(encoded(QUICKNET_INFO), QUICKNET_HASH)
REAL: dict[str, tuple[dict[str, object], Chain, dict[str, object]]] = {
    "the League of Entropy's first chain": (dict(DEFAULT_INFO), DEFAULT, dict(DEFAULT_72785)),
    "its quicknet": (dict(QUICKNET_INFO), QUICKNET, dict(QUICKNET_1000)),
}
Answers = dict[str, tuple[int, bytes]]


def beacon(answers: Answers) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    return lambda handler, _: say(handler, *answers.get(handler.path, (404, b"not yet")), "application/json")


@pytest.mark.parametrize("name", REAL)
def test_real_chains_and_rounds_are_believed(name: str) -> None:
    info, chain, public = REAL[name]
    number = int(str(public["round"]))
    answers = {
        f"/api/{chain.hash}/info": (200, encoded(info)),
        f"/api/{chain.hash}/public/{number}": (200, encoded(public | {"something": ["new"]})),
    }
    with serving(beacon(answers)) as url:
        assert fetch_chain(f"{url}/api/", chain.hash, deadline=5) == chain
        found = fetch_round(f"{url}/api", chain, number, deadline=5)
        with pytest.raises(PeerError, match="404 'not yet'"):
            fetch_round(f"{url}/api", chain, number + 1, deadline=5)
    assert found.randomness.hex() == public["randomness"]
    assert check_round(chain, found)


def test_rounds_are_due_when_the_chain_says() -> None:
    assert QUICKNET.time_of(1) == 1692803367
    assert QUICKNET.time_of(1000) == 1692806364
    assert QUICKNET.first_after(1692806364) == 1001
    assert QUICKNET.first_after(1692806363) == 1000
    assert QUICKNET.first_after(0) == 1


@given(st.integers(0, 2**40))
def test_the_first_round_after_a_moment_is_after_it_and_the_one_before_is_not(moment: int) -> None:
    number = DEFAULT.first_after(moment)
    assert DEFAULT.time_of(number) > moment
    assert number == 1 or DEFAULT.time_of(number - 1) <= moment


OTHER_CHAINS: dict[str, object] = {
    "nothing": "",
    "a list": [],
    "another period": QUICKNET_INFO | {"period": 30},
    "another genesis": QUICKNET_INFO | {"genesis_time": 1692803366},
    "another key": QUICKNET_INFO | {"public_key": str(QUICKNET_INFO["public_key"])[:-1] + "b"},
    "another seed": QUICKNET_INFO | {"groupHash": "00" * 32},
    "another name": QUICKNET_INFO | {"metadata": {"beaconID": "default"}},
    "another chain": DEFAULT_INFO,
    "a scheme unknown here": QUICKNET_INFO | {"schemeID": "bls-bn254-unchained-on-g1"},
    "the other scheme": QUICKNET_INFO | {"schemeID": "pedersen-bls-chained"},
    "a period of zero": QUICKNET_INFO | {"period": 0},
    "a negative period": QUICKNET_INFO | {"period": -3},
    "a period of 2^32": QUICKNET_INFO | {"period": 2**32},
    "a genesis of 2^63": QUICKNET_INFO | {"genesis_time": 2**63},
    "a key that is no hex": QUICKNET_INFO | {"public_key": "zz"},
    "a number for a key": QUICKNET_INFO | {"public_key": 5},
    "no key": {key: value for key, value in QUICKNET_INFO.items() if key != "public_key"},
}


@pytest.mark.parametrize("what", OTHER_CHAINS)
def test_a_chain_is_not_the_one_that_was_named_when_its_description_has(what: str) -> None:
    document = encoded(OTHER_CHAINS[what])
    with pytest.raises(TrustError, match=r"ask another server|name a chain"):
        Chain.parse(document, QUICKNET_HASH)
    with (
        serving(lambda handler, _: say(handler, 200, document)) as url,
        pytest.raises(PeerError, match="believed"),
    ):
        fetch_chain(url, QUICKNET_HASH, deadline=5)


def test_a_chain_whose_key_is_the_point_at_infinity_is_none_for_everything_is_its_signature() -> None:
    key, seed = b"\xc0" + bytes(95), bytes(32)
    named = hashlib.sha256(struct.pack(">Iq", 3, 0) + key + seed).hexdigest()
    document = {
        "public_key": key.hex(),
        "period": 3,
        "genesis_time": 0,
        "groupHash": seed.hex(),
        "schemeID": "bls-unchained-g1-rfc9380",
    }
    with pytest.raises(TrustError, match="whose key anybody can sign for"):
        Chain.parse(encoded(document), named)


WRONG_ROUNDS: dict[str, tuple[Chain, object]] = {
    "another number": (QUICKNET, QUICKNET_1000 | {"round": 1001}),
    "no number": (QUICKNET, {"signature": QUICKNET_1000["signature"]}),
    "a number in words": (QUICKNET, QUICKNET_1000 | {"round": "1000"}),
    "other randomness": (QUICKNET, QUICKNET_1000 | {"randomness": "00" * 32}),
    "no randomness": (QUICKNET, QUICKNET_1000 | {"randomness": ""}),
    "a signature that is no hex": (QUICKNET, QUICKNET_1000 | {"signature": "xy" * 48}),
    "an empty signature": (QUICKNET, QUICKNET_1000 | {"signature": ""}),
    "the signature before it missing": (DEFAULT, DEFAULT_72785 | {"previous_signature": ""}),
    "no JSON": (QUICKNET, None),
}


@pytest.mark.parametrize("what", WRONG_ROUNDS)
def test_a_round_is_refused_when_its_answer_has(what: str) -> None:
    chain, document = WRONG_ROUNDS[what]
    number = 1000 if chain is QUICKNET else 72785
    with serving(lambda handler, _: say(handler, 200, encoded(document))) as url, pytest.raises(PeerError):
        fetch_round(url, chain, number, deadline=5)


SIGNATURE = bytes.fromhex(str(QUICKNET_1000["signature"]))
LATER, BEFORE = (bytes.fromhex(str(DEFAULT_72785[name])) for name in ("signature", "previous_signature"))
MADE_UP: dict[str, tuple[Chain, Round]] = {
    "the signature of another round": (QUICKNET, Round(1001, SIGNATURE)),
    "a signature of another length": (QUICKNET, Round(1000, SIGNATURE[:-1])),
    "a signature that is no point": (QUICKNET, Round(1000, b"\x80" + bytes(46) + b"\x01")),
    "zeros": (QUICKNET, Round(1000, bytes(48))),
    "the point at infinity": (QUICKNET, Round(1000, b"\xc0" + bytes(47))),
    "a point outside of the subgroup": (QUICKNET, Round(1000, b"\x80" + bytes(46) + b"\x04")),
    "the negative of the signature": (QUICKNET, Round(1000, bytes([SIGNATURE[0] ^ 0x20]) + SIGNATURE[1:])),
    "a signature by another key": (
        QUICKNET,
        Round(1000, (bls.G1Point.hash_to_curve(b"x", b"y") * bls.Scalar(5)).to_compressed_bytes()),
    ),
    "a signature before it, which the scheme has not": (QUICKNET, Round(1000, SIGNATURE, SIGNATURE)),
    "a signature of another chain": (QUICKNET, Round(1000, LATER)),
    "another signature before it": (DEFAULT, Round(72785, LATER, LATER)),
    "no signature before it": (DEFAULT, Round(72785, LATER)),
    "the round after": (DEFAULT, Round(72786, LATER, BEFORE)),
    "both exchanged": (DEFAULT, Round(72785, BEFORE, LATER)),
    "round 0": (QUICKNET, Round(0, SIGNATURE)),
    "a negative round": (QUICKNET, Round(-1, SIGNATURE)),
    "a round of 2^63": (QUICKNET, Round(2**63, SIGNATURE)),
}


@pytest.mark.parametrize("what", MADE_UP)
def test_a_made_up_round_is_refused(what: str) -> None:
    chain, found = MADE_UP[what]
    with pytest.raises(TrustError, match="expected, got"):
        check_round(chain, found)


def test_round_1_of_a_chained_beacon_follows_its_seed() -> None:
    secret = bls.Scalar(123_456_789)
    chain = replace(DEFAULT, public_key=(bls.G1Point() * secret).to_compressed_bytes())

    def signed(number: int, previous: bytes) -> Round:
        message = hashlib.sha256(previous + number.to_bytes(8, "big")).digest()
        point = bls.G2Point.hash_to_curve(message, b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_")
        return Round(number, (point * secret).to_compressed_bytes(), previous)

    first = signed(1, chain.seed)
    second = signed(2, first.signature)
    assert check_round(chain, first)
    assert check_round(chain, second)
    with pytest.raises(TrustError):
        check_round(chain, signed(2, chain.seed))


MISBEHAVING: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = {
    "nothing": lambda _handler, _body: time.sleep(3),
    "too much": lambda handler, _: say(handler, 200, b" " * 20_000 + encoded(QUICKNET_1000)),
    "a very deep document": lambda handler, _: say(handler, 200, b'{"x":' * 3_000),
    "another very deep one": lambda handler, _: say(handler, 200, b"[" * 16_000),
    "HTML": lambda handler, _: say(handler, 200, b"<html>"),
    "bytes that are no text": lambda handler, _: say(handler, 200, b'{"round":1000,"signature":"\xff"}'),
    "a surrogate": lambda handler, _: say(handler, 200, encoded(QUICKNET_1000 | {"signature": "\ud800"})),
    "a redirect": lambda handler, _: say(handler, 302, b""),
    "500": lambda handler, _: say(handler, 500, b"oops"),
    "425": lambda handler, _: say(handler, 425, b"too early"),
}


@pytest.mark.parametrize("what", MISBEHAVING)
def test_a_server_that_answers_with_it_is_no_beacon(what: str) -> None:
    with serving(MISBEHAVING[what]) as url:
        with pytest.raises(PeerError, match="expected"):
            fetch_round(url, QUICKNET, 1000, deadline=1)
        with pytest.raises(PeerError, match="expected"):
            fetch_chain(url, QUICKNET_HASH, deadline=1)


def test_a_hash_that_is_none_is_not_asked_for() -> None:
    for text in ("", "quicknet", "../" + "0" * 61, "A" * 64):
        with pytest.raises(UsageError, match="64 hex digits"):
            fetch_chain("https://api.drand.sh", text, deadline=1)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from(list(QUICKNET_INFO)), st.integers() | st.text()).map(encoded)
)
def test_no_document_breaks_the_reading(document: bytes) -> None:
    with contextlib.suppress(TrustError):
        Chain.parse(document, QUICKNET_HASH)


def test_without_the_library_it_says_that_the_signature_was_not_verified() -> None:
    code = (
        "import sys; sys.modules['py_arkworks_bls12381'] = None\n"
        "from detent.coordinate import Chain, Round, check_round\n"
        f"chain = Chain.parse({encoded(QUICKNET_INFO)!r}, {QUICKNET_HASH!r})\n"
        f"print(check_round(chain, Round(1000, bytes.fromhex({QUICKNET_1000['signature']!r}))))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (said.stdout, said.stderr) == ("False\n", "")
