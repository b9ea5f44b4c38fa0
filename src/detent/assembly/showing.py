"""What somebody is about to sign, in lines: its kind, its digest, and what it says or changes.

>>> told(envelope, charter_in_force, run.tasks)[0]
'signs an amendment, SHA-256 9f86d081884c...'
"""

from difflib import unified_diff
from pathlib import Path

from detent.assembly.principles import charter_constitution
from detent.assembly.tasks import catalogue
from detent.charter import (
    ANSWER_TYPE,
    CHARTER_TYPE,
    LEASE_TYPE,
    ORDER_TYPE,
    Charter,
    SignedCharter,
    claimed,
)
from detent.errors import DetentError
from detent.oversight import payload_digest, type_of
from detent.report import plain
from detent.signing import peek_envelope

KINDS = {
    CHARTER_TYPE: "an amendment",
    LEASE_TYPE: "a lease",
    ORDER_TYPE: "an order",
    ANSWER_TYPE: "an answer",
}


def told(envelope: str, signed: SignedCharter, files: Path) -> list[str]:
    """What an envelope holds, a line each; of an amendment, what it changes of charter and constitution in force.

    files: the run's own, where constitutions lie; one that is not as it was pinned is said to be missing.

    Raises:
        TrustError: it is no envelope.
    """
    kind = type_of(envelope)
    text = peek_envelope(envelope, kind).decode(errors="replace")
    first = f"signs {KINDS.get(kind, 'what no run knows')}, SHA-256 {payload_digest(envelope)}"
    if kind != CHARTER_TYPE:
        return [first, plain(text)]
    changes = _changes(signed.text, text, "charter")
    return [f"{first}; what it changes:", *changes, *_of_constitution(envelope, signed, files)]


def _of_constitution(envelope: str, signed: SignedCharter, files: Path) -> list[str]:
    """Its principles, since the charter shows a hash; nothing where they stay as they are."""
    try:
        amended = claimed(envelope, catalogue()).charter
    except DetentError:
        return []  # it is no amendment, which is said elsewhere
    if amended.constitution == signed.charter.constitution:
        return []
    before, after = (_text(charter, files) for charter in (signed.charter, amended))
    return _changes(before, after, "constitution")


def _text(charter: Charter, files: Path) -> str:
    try:
        read = charter_constitution(charter, files)
    except DetentError as error:
        return f"(not shown: {error})"
    return "" if read is None else read.text


def _changes(before: str, after: str, what: str) -> list[str]:
    names = (f"the {what} in force", "the amendment" if what == "charter" else f"the {what} of the amendment")
    lines = unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=0)
    return [plain(line) for line in lines]
