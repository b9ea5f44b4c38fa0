"""What outsiders add to a generation: their word that the ledger only grew, and what nobody here could choose."""

from datetime import UTC, datetime

from detent.charter import Charter, entropy_mode
from detent.coordinate import (
    Asked,
    Chain,
    HeadAt,
    believed_release,
    cosigners,
    digest_of,
    entropy_of,
    link_in,
    signed_in_time,
)
from detent.errors import TrustError
from detent.evaluate import Chain as SealChain
from detent.loop.parts import Outsiders, Parts
from detent.signing import VerifyKey
from detent.values import BeaconDrawn, Cosigned, Intent, IntentWritten, Released, Round, State


def witness_intent(parts: Parts, intent: Intent) -> bool:
    """Have the intent cosigned, as it asks; whether that was in time, before the beacon's round came out.

    The size that is cosigned is the one at which the intent is the last entry: until then nothing else is sent to
    witnesses, who sign no smaller size after a larger one.

    Raises:
        PeerError: too few answer; the opening waits, and the next session goes on with it.
        TrustError: what they say does not belong to this ledger.
    """
    if intent.entropy == "none" and parts.chain is not None:
        return True
    outsiders, cosigned = _outsiders(parts), _cosigned(parts, intent)
    return signed_in_time(
        intent, cosigners(cosigned, _head(parts), outsiders.log, intent.witnesses), outsiders.met
    )


def link(parts: Parts, intent: Intent) -> bytes:
    """s_k of the seal. An auditor gives it for this intent alone, once it is cosigned; their word is written down.

    Raises:
        PeerError, TrustError: as `witness_intent`; also of the auditor.
        SealError: the chain has no such link.
    """
    if parts.chain is not None:
        return parts.chain.reveal(intent.k)
    outsiders, book, auditor = _outsiders(parts), parts.book, parts.charter.auditor
    assert auditor is not None  # noqa: S101  somebody holds the chain
    index = book.state.intent_index
    entry, note = next(iter(book.record.entries(index))), _cosigned(parts, intent).note
    tip, leaf = bytes.fromhex(parts.charter.seal.tip), book.record.leaf_hash(index)
    asked = Asked(tip, intent.k, _head(parts), leaf, digest_of(note))
    released = book.once("released/v1", lambda: Released(note=outsiders.release(asked, entry, note)))
    return believed_release(released.note, VerifyKey.parse(auditor.key), asked)


def known_link(state: State, chain: SealChain | None, k: int) -> bytes:
    """s_k of an opening that ends before it was made: b"" where an auditor holds the chain and had not released it.

    Raises:
        SealError: the chain has no such link.
    """
    if chain is not None:
        return chain.reveal(k)
    released = state.slots.get("released/v1")
    return link_in(released.note) if isinstance(released, Released) else b""


def witness_waiting(parts: Parts) -> None:
    """Have an intent cosigned that waits for it since an earlier session, before this one writes anything.

    Whoever reads the published ledger may show its newest checkpoint to a witness, which then signs none of the size
    that the opening needs. So until the cosignatures are there no entry of a session follows the intent.

    Raises:
        PeerError, TrustError: as `witness_intent`.
    """
    state = parts.book.state
    intent = state.slots.get("intent/v1")
    if state.open_intent and state.returning is None and isinstance(intent, IntentWritten):
        witness_intent(parts, intent.intent)


def entropy(parts: Parts, intent: Intent) -> bytes:
    """What the intent's seed takes from outside, written down before anything is drawn from it.

    Raises:
        PeerError, TrustError: as `witness_intent`; also of the beacon.
    """
    if intent.entropy == "none":
        return b""
    outsiders, cosigned = _outsiders(parts), _cosigned(parts, intent)
    drawn: BeaconDrawn | None = None
    if intent.round is not None:
        wanted = intent.round
        drawn = parts.book.once("beacon/v1", lambda: outsiders.draw(wanted))
    return entropy_of(intent, _head(parts), outsiders.log, outsiders.met, cosigned=cosigned, drawn=drawn)


def before_promoting(parts: Parts) -> None:
    """A quorum of the witnesses has the ledger up to here, or nothing is promoted.

    Raises:
        PeerError, TrustError: as `entropy`; the candidate waits.
    """
    if parts.outsiders is not None:
        outsiders, size = parts.outsiders, parts.book.state.entries
        parts.book.once(
            "cosigned/v1/decision",
            lambda: Cosigned(purpose="decision", size=size, note=outsiders.cosign(size, ())),
        )


def round_for(charter: Charter, now: str) -> Round | None:
    """The round that an intent written now names: far enough ahead that witnesses can sign before it is out."""
    beacon = charter.witnesses.beacon if charter.witnesses else None
    if beacon is None or entropy_mode(charter) != "beacon":
        return None
    chain = Chain.parse(beacon.info.encode(), beacon.chain)
    number = chain.first_after(int(datetime.fromisoformat(now).timestamp()) + beacon.margin_seconds)
    out = datetime.fromtimestamp(chain.time_of(number), UTC)
    return Round(chain.hash, number, out.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _cosigned(parts: Parts, intent: Intent) -> Cosigned:
    everybody = intent.witnesses if intent.entropy == "witnesses" else ()
    outsiders, size = _outsiders(parts), parts.book.state.intent_index + 1
    return parts.book.once(
        "cosigned/v1/seal",
        lambda: Cosigned(purpose="seal", size=size, note=outsiders.cosign(size, everybody)),
    )


def _head(parts: Parts) -> HeadAt:
    size = parts.book.state.intent_index + 1
    return HeadAt(_outsiders(parts).log.name, size, parts.book.record.root(size))


def _outsiders(parts: Parts) -> Outsiders:
    if parts.outsiders is None:
        raise TrustError(
            "the witnesses that the intent names expected, got a charter without any; amending it puts the turn back"
        )
    return parts.outsiders
