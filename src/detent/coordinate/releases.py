"""Links of a seal whose chain an auditor holds: one for each opening, for one intent, on the auditor's signed word.

    >>> asked = Asked(tip, k=3, head=HeadAt(origin, 42, root), leaf=leaf, cosigned=digest_of(note))
    >>> note = fetch_release(url, key, asked, proof, deadline=600)      # a signed note
    >>> believed_release(note, key, asked).hex()[:8]
    '1c348295'

So the operator does not know an opening's problems before others have cosigned the ledger whose last entry is its
intent; and learns them for that intent alone, since all that goes into the seed stands in the note: root, leaf, and the
cosignatures as they were then, so that a witness who signs again cannot help either.

The note's text (C2SP signed-note) has nine lines:

    detent/release/v1
    <tip of the chain, hex>
    <k>
    <origin of the ledger>
    <size at which the intent is the last entry>
    <root of the ledger at that size, hex>
    <leaf hash of the intent's entry, hex>
    <SHA-256 of the cosigned checkpoint, hex>
    <s_k, hex>
"""

import hashlib
import re
import time
from dataclasses import dataclass
from random import SystemRandom
from typing import NamedTuple, Self

from detent.coordinate import _http
from detent.coordinate.entropy import HeadAt
from detent.errors import DetentError, PeerError, TrustError
from detent.evaluate import check_reveal
from detent.ledger import Note, ProofFile, open_note
from detent.signing import VerifyKey

HEADER = "detent/release/v1"
LONGEST_ATTEMPT = 10.0
"""Seconds for one request."""

_LARGEST_ANSWER = 16_384
_HASH = re.compile("[0-9a-f]{64}")
_NUMBER = re.compile("[1-9][0-9]{0,18}")
_OK, _CONFLICT, _ITS_OWN_FAULT = 200, 409, 500
_AGAIN = {408, 425, 429}
_PAUSES = (0.2, 30.0)  # seconds before asking again: at first, and at most
_RANDOM = SystemRandom()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link is released for.

    tip: s_0 of the chain. head: of the ledger at which the intent is the last entry. leaf: RFC 6962 leaf hash of it.
    cosigned: SHA-256 of the checkpoint with all its signatures; the entropy of mode "witnesses" is among them.
    """

    tip: bytes
    k: int
    head: HeadAt
    leaf: bytes
    cosigned: bytes

    def __str__(self) -> str:
        origin, size, root = self.head
        place = f"entry {size - 1} of {origin[:120]} (leaf {self.leaf.hex()[:12]}, root {root.hex()[:12]})"
        return f"link {self.k} of the chain {self.tip.hex()[:12]} for {place}"


class Release(NamedTuple):
    """What a note says: the link, and what it was released for."""

    asked: Asked
    link: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text; whether the link is on the chain is not looked at.

        Raises:
            TrustError: it is none.
        """
        lines = text.split("\n")
        if len(lines) != 10 or lines[0] != HEADER or lines[9]:  # noqa: PLR2004  nine lines, each with its end
            raise TrustError(f"a note of nine lines, the first {HEADER}, expected, got {text[:80]!r}")
        for at in (1, 5, 6, 7, 8):
            if _HASH.fullmatch(lines[at]) is None:
                raise TrustError(
                    f"64 hex digits on line {at + 1} of a release expected, got {lines[at][:80]!r}"
                )
        for at in (2, 4):
            if _NUMBER.fullmatch(lines[at]) is None:
                raise TrustError(f"a number on line {at + 1} of a release expected, got {lines[at][:80]!r}")
        tip, root, leaf, cosigned, link = (bytes.fromhex(lines[at]) for at in (1, 5, 6, 7, 8))
        return cls(Asked(tip, int(lines[2]), HeadAt(lines[3], int(lines[4]), root), leaf, cosigned), link)

    @property
    def text(self) -> str:
        """The note's text."""
        asked, head = self.asked, self.asked.head
        ledger = (head.origin, head.size, head.root.hex())
        proven = (asked.leaf.hex(), asked.cosigned.hex())
        lines = (HEADER, asked.tip.hex(), asked.k, *ledger, *proven, self.link.hex())
        return "".join(f"{line}\n" for line in lines)


def digest_of(note: str) -> bytes:
    """What stands for a cosigned checkpoint in a release."""
    return hashlib.sha256(note.encode()).digest()


def believed_release(note: str, key: VerifyKey, asked: Asked) -> bytes:
    """s_k, of 32 bytes, that the auditor with that key released for exactly this.

    Raises:
        TrustError: the auditor did not sign it, or signed it for something else.
        SealError: it is not on the chain.
    """
    link = signed_release(note, key, asked)
    check_reveal(link, asked.k, asked.tip)
    return link


def signed_release(note: str, key: VerifyKey, asked: Asked) -> bytes:
    """The same for whoever looks at the chain by themselves. Raises TrustError as `believed_release`."""
    release = Release.parse(open_note(note.encode(), [key]).text)
    if release.asked != asked:
        raise TrustError(
            f"{asked} expected to be released, got {release.asked}; it is for another intent, or of a fork"
        )
    return release.link


def link_in(note: str) -> bytes:
    """s_k as a note has it that was believed before.

    Raises:
        TrustError: it is no release.
    """
    return Release.parse(Note.parse(note.encode()).text).link


def fetch_release(url: str, key: VerifyKey, asked: Asked, proof: ProofFile, *, deadline: float) -> str:
    """Have the auditor release a link; returns the signed note. Asking again for the same gives the same note.

    Args:
        url: under which the auditor lives.
        key: that signs its notes.
        asked: what for.
        proof: that the intent, whole in `extra`, is the last entry of a ledger that witnesses cosigned.
        deadline: seconds from now; while nobody answers, it is asked again until then.

    Raises:
        UsageError: the URL is none that may be asked.
        PeerError: no answer in time, a refusal, or an answer that cannot be believed.
        TrustError: the link was released for another intent, or one after it was.
    """
    until, pause = time.monotonic() + deadline, _PAUSES[0]
    while True:
        note, why = _tried(url, key, asked, str(proof).encode(), until)
        if note:
            return note
        if time.monotonic() + pause > until:
            raise PeerError(f"link {asked.k} of the seal expected from its auditor at {url}, got none: {why}")
        time.sleep(pause)
        pause = min(pause * _RANDOM.uniform(1.5, 2.5), _PAUSES[1])


def _tried(url: str, key: VerifyKey, asked: Asked, body: bytes, until: float) -> tuple[str, str]:
    """The note, and "" for what it says; or "" and why there is none yet, and may be later."""
    attempt = min(until, time.monotonic() + LONGEST_ATTEMPT)
    try:
        answer = _http.fetch("POST", url, "release", until=attempt, largest=_LARGEST_ANSWER, body=body)
    except PeerError as error:
        return "", str(error)
    said = f"got HTTP {answer.status} {answer.shown!r}"
    if answer.status in _AGAIN or answer.status >= _ITS_OWN_FAULT:
        return "", said
    wanted = f"link {asked.k} of the seal expected from its auditor at {url}"
    if answer.status == _CONFLICT:
        raise TrustError(
            f"{wanted} for this intent, {said}: this ledger is not the one that the auditor saw. It was set back, or "
            "forked: restore the newest copy of the run folder"
        )
    if answer.status != _OK:
        raise PeerError(f"{wanted}, {said}; ask who runs it")
    try:
        note = answer.body.decode()
        believed_release(note, key, asked)
    except (DetentError, ValueError) as error:
        raise PeerError(f"{wanted}, got no such thing: {error}") from error
    return note, ""
