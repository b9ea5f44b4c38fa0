"""What the charter's tests share: a catalogue, a small draft, and the charter made of it."""

from collections.abc import Sequence
from math import inf

from detent.charter import Catalogue, LimitForm, SignedCharter, WireForm, complete, endorse, verified
from detent.charter.catalogue import Kind
from detent.signing import SigningKey

TIP = "5e" * 32

DRAFT = """\
name = "small"
purpose = "For tests"

[stewards]
quorum = 1  # one is enough here

[pace]
lease = { generations = 8 }

[direction]
improve = { copy = 9, reverse = 9 }
"""


def least_limit(kind: Kind, bound: float, last_k: int, error_budget: float) -> int:
    """A gate simpler than the real one: what a test needs grows as its bound shrinks."""
    assert last_k >= 1
    assert 0 < error_budget < 1
    return {"superiority": 100, "non_inferiority": round(10 / (bound or 1)), "floor": 150}[kind]


WIRES = {
    "forgetting": WireForm("pause", {"drop": LimitForm(0.05, 0.0, 1.0), "levels": LimitForm(2.0, 1.0, 9.0)}),
    "label_avalanche": WireForm("halt", {"tolerated": LimitForm(0.05, 0.001, 0.5)}),
    "unexplained": WireForm("record", {"angle": LimitForm(None, 0.5, inf)}),
}

CATALOGUE = Catalogue(frozenset({"copy", "reverse", "sort"}), least_limit, WIRES)

ADA, BOB, CYD, DEE, EVE, SAFE = (
    SigningKey.from_seed(name, name.encode().ljust(32))
    for name in ("ada", "bob", "cyd", "dee", "eve", "recovery-1")
)

TEAM = """\
name = "small"
purpose = "For tests"

[stewards]  # four people
quorum = 2
[stewards.roles]
operator = ["ada"]
approver = ["bob", "cyd"]  # bob, "bob" and bob
safety = ["cyd"]
auditor = ["dee"]
[stewards.rules]
approve = { approver = 2, safety = 1 }
lease = { operator = 1 }
resume = { safety = 1 }

[pace]
lease = { generations = 8, hours = 10, petaflop = 1 }

[direction]
improve = { copy = 9, reverse = 9 }
"""
"""Ada operates, Bob and Cyd approve, Cyd sees to safety, Dee audits; the quorum is two of the four."""


def charter_text(draft: str = DRAFT, keys: Sequence[SigningKey] = (ADA,), recovery: str = "") -> str:
    """The complete charter of a draft without tasks of its own."""
    return complete(draft, [str(key.verify_key) for key in keys], TIP, 1000, {}, recovery=recovery)


def team_charter() -> SignedCharter:
    """The charter of `TEAM`, signed, with `SAFE` as its recovery key."""
    text = charter_text(TEAM, (ADA, BOB, CYD, DEE), str(SAFE.verify_key))
    return verified(endorse(text, [ADA, BOB]), CATALOGUE)
