"""What somebody is about to sign, in lines: its kind, its digest, and what it says or changes.

>>> told(envelope, charter_in_force)[0]
'signs an amendment, SHA-256 9f86d081884c...'
"""

from difflib import unified_diff

from detent.charter import ANSWER_TYPE, CHARTER_TYPE, LEASE_TYPE, ORDER_TYPE, SignedCharter
from detent.oversight import payload_digest, type_of
from detent.report import plain
from detent.signing import peek_envelope

KINDS = {
    CHARTER_TYPE: "an amendment",
    LEASE_TYPE: "a lease",
    ORDER_TYPE: "an order",
    ANSWER_TYPE: "an answer",
}


def told(envelope: str, signed: SignedCharter) -> list[str]:
    """What an envelope holds, a line each; of an amendment, what it changes of the charter in force.

    Raises:
        TrustError: it is no envelope.
    """
    kind = type_of(envelope)
    text = peek_envelope(envelope, kind).decode(errors="replace")
    first = f"signs {KINDS.get(kind, 'what no run knows')}, SHA-256 {payload_digest(envelope)}"
    if kind != CHARTER_TYPE:
        return [first, plain(text)]
    changes = unified_diff(
        signed.text.splitlines(), text.splitlines(), "the charter in force", "the amendment", lineterm="", n=0
    )
    return [f"{first}; what it changes:", *map(plain, changes)]
