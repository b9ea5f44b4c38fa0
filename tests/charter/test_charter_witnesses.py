"""[witnesses] in a charter: who may look on, and what is no protection."""

import pytest
from tests.charter.charter_faults import added, faults
from tests.charter.charter_texts import CATALOGUE, DRAFT

from detent.charter import entropy_mode, met_by, parse_draft, policy_of, sealing_keys
from detent.ledger import CosigningKey

A, B, C, Q = (CosigningKey.create(f"{name}.example/w") for name in "abcq")
P = CosigningKey.create("p.example/w", "ml-dsa-44")
PQ_OF_A = CosigningKey.create(A.name, "ml-dsa-44")
LINES = {
    name: f"witness {name} {key.verify_key} https://{name}.example/"
    for name, key in {"a": A, "b": B, "c": C, "p": P, "q": Q}.items()
}
TWO_OF_THREE = "\n".join([LINES["a"], LINES["b"], LINES["c"], "group labs 2 a b c", "quorum labs"])
BEACON = (
    f'[witnesses.beacon]\nurl = "https://beacon.example"\nchain = "{"c" * 64}"\ninfo = "what the server says"'
)


def table(policy: str = TWO_OF_THREE, more: str = "") -> str:
    return f'[witnesses]\npolicy = """\n{policy}\n"""\n{more}'


def text(policy: str = TWO_OF_THREE, more: str = "") -> str:
    old, new = added(table(policy, more))
    return DRAFT.replace(old, new, 1)


def test_without_the_table_nobody_looks_on() -> None:
    draft = parse_draft(DRAFT, CATALOGUE)
    assert (policy_of(draft), entropy_mode(draft), sealing_keys(draft)) == (None, "none", ())
    assert not met_by(draft, [A.verify_key, B.verify_key, C.verify_key])


def test_all_witnesses_add_entropy_in_the_policys_order_unless_some_are_named() -> None:
    assert sealing_keys(parse_draft(text(), CATALOGUE)) == tuple(str(each.verify_key) for each in (A, B, C))
    named = parse_draft(text(more='sealing = ["c", "a"]'), CATALOGUE)
    assert sealing_keys(named) == (str(C.verify_key), str(A.verify_key))
    assert sealing_keys(parse_draft(text(more='entropy = "none"'), CATALOGUE)) == ()


def test_a_quorum_is_counted_by_keys_whatever_they_are_called() -> None:
    draft = parse_draft(text(), CATALOGUE)
    namesake = CosigningKey.create(B.name)
    assert met_by(draft, [A.verify_key, B.verify_key])
    assert not met_by(draft, [A.verify_key, namesake.verify_key, Q.verify_key])


def test_with_a_beacon_witnesses_of_any_kind_may_sign() -> None:
    both = "\n".join([LINES["p"], LINES["a"], "group both all p a", "quorum both"])
    draft = parse_draft(text(both, f'entropy = "beacon"\n{BEACON}'), CATALOGUE)
    assert entropy_mode(draft) == "beacon"
    assert sealing_keys(draft) == (str(P.verify_key), str(A.verify_key))


REFUSED = {
    "no policy": (table(""), "one quorum line expected"),
    "a policy that is none": (table("quorums labs"), "policy, line 1"),
    "a quorum of nobody": (table("quorum none"), "nobody reach"),
    "a quorum that half of them reach": (table(TWO_OF_THREE.replace(" 2 ", " 1 ")), "two histories"),
    "a quorum that one liar can split": (table(more="faulty = 1"), "more than 1 witnesses in common"),
    "a log line": (table(f"log {A.verify_key}\n{TWO_OF_THREE}"), "key of type 1 or 6"),
    "a witness without a URL": (
        table(TWO_OF_THREE.replace(" https://b.example/", "")),
        "a URL beginning with",
    ),
    "a witness on another kind of URL": (
        table(TWO_OF_THREE.replace("https://b", "file://b")),
        "a URL beginning with",
    ),
    "one key under two names": (
        table(
            "\n".join(
                [LINES["a"], LINES["a"].replace("witness a", "witness b"), "group g all a b", "quorum g"]
            )
        ),
        "a public key that is not in the policy yet",
    ),
    "an Ed25519 and an ML-DSA-44 key of one witness under two names": (
        table(
            "\n".join(
                [
                    LINES["a"],
                    f"witness pq {PQ_OF_A.verify_key} https://pq.example/",
                    "group g all a pq",
                    "quorum g",
                ]
            ),
            'sealing = ["a"]',
        ),
        "it would count twice",
    ),
    "two keys at one URL": (
        table(TWO_OF_THREE.replace("https://b.example/", "https://a.example")),
        "it would count twice",
    ),
    "entropy of an unknown kind": (
        table(more='entropy = "dice"'),
        '"none", "witnesses" or "beacon" expected',
    ),
    "entropy by somebody who is no witness": (table(more='sealing = ["d"]'), "each of a, b, c once at most"),
    "entropy by one witness twice": (table(more='sealing = ["a", "a"]'), "each of a, b, c once at most"),
    "entropy by signatures that differ each time": (
        table("\n".join([LINES["p"], LINES["a"], "group g all p a", "quorum g"])),
        "Ed25519 keys of the witnesses that add entropy",
    ),
    "names of those who add entropy where none is added": (
        table(more='entropy = "none"\nsealing = ["a"]'),
        "nothing expected beside",
    ),
    "a beacon that adds nothing": (table(more=BEACON), "no beacon expected"),
    "a beacon's entropy without a beacon": (table(more='entropy = "beacon"'), "a beacon expected"),
    "a beacon that is not described": (
        table(more='entropy = "beacon"\n' + BEACON.replace("info", "information")),
        "witnesses.beacon.info",
    ),
    "a grace of no time": (table(more="grace_minutes = 0"), "minutes, a number above 0"),
}


@pytest.mark.parametrize(("given", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_witnesses_are_refused_with(given: str, says: str) -> None:
    old, new = added(given)
    lines = faults(DRAFT.replace(old, new, 1))
    assert any(says in line for line in lines), lines
