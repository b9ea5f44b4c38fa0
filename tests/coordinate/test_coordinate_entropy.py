import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from detent.coordinate import HeadAt, entropy_of
from detent.errors import DetentError
from detent.ledger import Checkpoint, CosignerKey, CosigningKey, Note, sign_note
from detent.signing import SigningKey
from detent.values import BeaconDrawn, Cosigned, Intent, Round

LOG = SigningKey.create("example.com/run")
A, B, C = (CosigningKey.create(f"w.example/{name}") for name in "abc")
HEAD = HeadAt("example.com/run", 42, hashlib.sha256(b"root").digest())
AT = 1_900_000_000
OUT = Round("c" * 64, 7, "2030-03-17T17:50:00Z")  # 200 seconds after AT
SIGNATURE = b"\x05" * 48
DRAWN = BeaconDrawn(
    chain="c" * 64, round=7, randomness=hashlib.sha256(SIGNATURE).hexdigest(), signature=SIGNATURE.hex()
)


def cosigned(*signers: CosigningKey, head: HeadAt = HEAD, at: int = AT, log: SigningKey = LOG) -> Cosigned:
    checkpoint = Checkpoint(*head)
    note = sign_note(checkpoint.text(), log)
    lines = (*note.signatures, *(key.cosign(checkpoint, at) for key in signers))
    return Cosigned(purpose="seal", size=head.size, note=str(Note(note.text, lines)))


def vkeys(*signers: CosigningKey) -> tuple[str, ...]:
    return tuple(str(key.verify_key) for key in signers)


INTENT = Intent(
    k=1,
    alpha=0.025,
    candidate="c",
    incumbent="i",
    charter_version=1,
    charter="",
    targets=(),
    tasks={},
    evaluator="",
    entropy="witnesses",
    witnesses=vkeys(A, B),
)
BEACON = replace(INTENT, entropy="beacon", witnesses=vkeys(A, B, C), round=OUT)


def two(keys: Collection[CosignerKey]) -> bool:
    return len(keys) >= 2


def added(intent: Intent, cosigned: Cosigned | None, drawn: BeaconDrawn | None = None) -> bytes:
    return entropy_of(intent, HEAD, LOG.verify_key, two, cosigned=cosigned, drawn=drawn)


def test_without_outsiders_nothing_is_added() -> None:
    assert added(replace(INTENT, entropy="none", witnesses=()), None) == b""


def test_cosignatures_count_in_the_order_of_the_intent_and_no_others_count() -> None:
    both = added(INTENT, cosigned(C, B, A))
    assert both == added(INTENT, cosigned(A, B))
    assert len(both) == 2 * 72
    swapped = added(replace(INTENT, witnesses=vkeys(B, A)), cosigned(A, B))
    assert swapped == both[72:] + both[:72]


def test_a_beacons_round_counts_once_a_quorum_signed_before_it_was_out() -> None:
    assert added(BEACON, cosigned(A, B), DRAWN) == hashlib.sha256(SIGNATURE).digest()


def doubled() -> Cosigned:
    """One witness, two times: whoever can choose between them has two tries."""
    once, again = cosigned(A, B), cosigned(A, at=AT + 1)
    return replace(once, note=once.note + again.note.splitlines(keepends=True)[-1])


def late() -> Cosigned:
    return cosigned(A, B, C, at=AT + 200)


@dataclass
class Try:
    cosigned: Any
    intent: Intent = INTENT
    drawn: BeaconDrawn | None = None


REFUSED = {
    "no cosignatures": Try(None),
    "one of two witnesses": Try(cosigned(A)),
    "another witness in its place": Try(cosigned(A, C)),
    "a namesake's key": Try(cosigned(A, CosigningKey.create(B.name))),
    "cosignatures of a larger ledger": Try(cosigned(A, B, head=HEAD._replace(size=43))),
    "cosignatures of another root": Try(cosigned(A, B, head=HEAD._replace(root=bytes(32)))),
    "cosignatures of another log": Try(
        cosigned(
            A, B, head=HEAD._replace(origin="example.com/other"), log=SigningKey.create("example.com/other")
        )
    ),
    "a note the log did not sign": Try(cosigned(A, B, log=SigningKey.create("example.com/run"))),
    "two cosignatures by one witness": Try(doubled()),
    "an entry that claims another size": Try(replace(cosigned(A, B), size=41)),
    "no note at all": Try(replace(cosigned(A, B), note="")),
    "no round": Try(cosigned(A, B), BEACON),
    "another round": Try(cosigned(A, B), BEACON, replace(DRAWN, round=8)),
    "a round of another chain": Try(cosigned(A, B), BEACON, replace(DRAWN, chain="d" * 64)),
    "a round that was out before they signed": Try(late(), BEACON, DRAWN),
    "a round with less than a quorum before it": Try(cosigned(A), BEACON, DRAWN),
    "randomness that is not the signature's hash": Try(
        cosigned(A, B), BEACON, replace(DRAWN, randomness="00" * 32)
    ),
    "randomness that is no hex": Try(cosigned(A, B), BEACON, replace(DRAWN, randomness="xyz")),
    "an intent without the round": Try(cosigned(A, B), replace(BEACON, round=None), DRAWN),
}


@pytest.mark.parametrize("one", REFUSED.values(), ids=REFUSED.keys())
def test_the_seal_does_not_open_with(one: Try) -> None:
    with pytest.raises(DetentError, match="expected"):
        added(one.intent, one.cosigned, one.drawn)
