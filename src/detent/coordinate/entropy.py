"""What outsiders add to the seal, so that its operator cannot know the problems either (statistics: "The seal").

    >>> entropy_of(intent, head, log_key, met, cosigned=None, drawn=None)     # mode "none"
    b''

witnesses: the cosignatures of all that the intent names, in its order, on the ledger at exactly the size at which the
    intent is the last entry; 72 bytes each, 8 of time and 64 of signature (C2SP tlog-cosignature). Who holds the secret
    knows the problems only once the ledger that names them is out of their hands. A witness of ours answers one size
    once, and repeats its bytes: asking again is no second try.
beacon: the randomness of a drand round that the intent names, where a quorum cosigned that same size before the round
    came out. It serves with witnesses that sign each request anew, which would be free tries.

Who could still cheat, with the operator. In the first mode any one of the witnesses named: Ed25519 lets whoever has a
key sign one text in many ways, so the one that signs last, and again, gives seeds to choose from; to know problems
before there is an intent takes all of them. In the second the beacon's, or so many witnesses as two quorums share, who
cosign two intents before the round, or a quorum whose clocks are behind. Both leave throwing the whole run away.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from detent.errors import TrustError
from detent.ledger import Checkpoint, CosignerKey, Note, open_note, verified_cosignatures
from detent.signing import VerifyKey
from detent.values import BeaconDrawn, Cosigned, Intent

RANDOMNESS_BYTES = 32

Met = Callable[[Collection[CosignerKey]], bool]
"""Whether the witnesses with these keys are a quorum."""


class HeadAt(NamedTuple):
    """The ledger's own root at a size: what a cosigned note must say."""

    origin: str
    size: int
    root: bytes


def entropy_of(
    intent: Intent,
    head: HeadAt,
    log: VerifyKey,
    met: Met,
    *,
    cosigned: Cosigned | None,
    drawn: BeaconDrawn | None,
) -> bytes:
    """What outsiders added to an opening.

    Args:
        intent: of the opening.
        head: of the ledger at exactly (index of the intent's entry) + 1.
        log: that signs the ledger's checkpoints.
        met: the charter's quorum; asked in mode "beacon", since in mode "witnesses" all that are named must sign.
        cosigned: the witnesses' cosignatures of that size; None in mode "none".
        drawn: the beacon's round; None in other modes.

    Raises:
        TrustError: it is not what the intent names, or does not verify.
    """
    if intent.entropy == "none":
        return b""
    if cosigned is None:
        raise TrustError(
            f"cosignatures of the ledger at size {head.size} expected, got none; the seal stays shut"
        )
    times = cosigners(cosigned, head, log, intent.witnesses)
    if intent.entropy == "witnesses":
        return _signatures(Note.parse(cosigned.note.encode()), intent.witnesses)
    return _randomness(intent, times, met, drawn)


def signed_in_time(intent: Intent, times: Mapping[CosignerKey, int], met: Met) -> bool:
    """Whether a quorum cosigned before the intent's round came out; always where it names none."""
    if intent.round is None:
        return True
    out = datetime.fromisoformat(intent.round.at).timestamp()
    return met([key for key, at in times.items() if at < out])


def cosigners(
    cosigned: Cosigned, head: HeadAt, log: VerifyKey, witnesses: tuple[str, ...]
) -> Mapping[CosignerKey, int]:
    """Who of `witnesses` (verify keys) cosigned, and when (seconds since 1970); everything verified.

    Raises:
        TrustError: the note is not the log's, not of that head, or holds a signature that does not verify, or two by
            one witness.
    """
    note = open_note(cosigned.note.encode(), [log])
    found = Checkpoint.parse(note.text)
    if (found.origin, found.size, found.root) != head or cosigned.size != head.size:
        raise TrustError(
            f"a checkpoint of {head.origin} at size {head.size} with root {head.root.hex()[:12]} expected, got "
            f"{found.origin} at {found.size} with root {found.root.hex()[:12]}; it is of another ledger, or a fork"
        )
    keys = [CosignerKey.parse(text) for text in witnesses]
    for key in keys:
        if sum(key.made(line) for line in note.signatures) > 1:
            raise TrustError(
                f"one cosignature by {key.name} expected, got several; only its first one counts"
            )
    return verified_cosignatures(note, keys)


def _signatures(note: Note, witnesses: tuple[str, ...]) -> bytes:
    entropy = b""
    for text in witnesses:
        key = CosignerKey.parse(text)
        made = [line for line in note.signatures if key.made(line)]
        if not made:
            raise TrustError(f"a cosignature by {key.name} expected, as the intent names it, got none")
        entropy += made[0].signature
    return entropy


def _randomness(
    intent: Intent, times: Mapping[CosignerKey, int], met: Met, drawn: BeaconDrawn | None
) -> bytes:
    named = intent.round
    if named is None or drawn is None or (drawn.chain, drawn.round) != (named.chain, named.number):
        raise TrustError(
            f"the beacon's round that the intent names expected, got {drawn}; the seal stays shut"
        )
    if not signed_in_time(intent, times, met):
        raise TrustError(
            f"a quorum of cosignatures made before the round came out at {named.at} expected, got fewer; "
            "the problems could have been known before"
        )
    try:
        randomness, signature = bytes.fromhex(drawn.randomness), bytes.fromhex(drawn.signature)
    except ValueError as error:
        raise TrustError(f"a beacon's round in hex expected, got {drawn}; fetch it again") from error
    if len(randomness) != RANDOMNESS_BYTES or hashlib.sha256(signature).digest() != randomness:
        raise TrustError(
            f"randomness that is the SHA-256 of the round's signature expected, got {drawn.randomness[:64]}"
        )
    return randomness
