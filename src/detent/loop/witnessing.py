"""What outsiders add to a generation: their word that the ledger only grew, and what nobody here could choose."""

from datetime import UTC, datetime

from detent.charter import Charter, entropy_mode
from detent.coordinate import Chain, HeadAt, cosigners, entropy_of, signed_in_time
from detent.errors import TrustError
from detent.loop.parts import Outsiders, Parts
from detent.values import BeaconDrawn, Cosigned, Intent, IntentWritten, Round


def witness_intent(parts: Parts, intent: Intent) -> bool:
    """Have the intent cosigned, as it asks; whether that was in time, before the beacon's round came out.

    The size that is cosigned is the one at which the intent is the last entry: until then nothing else is sent to
    witnesses, who sign no smaller size after a larger one.

    Raises:
        PeerError: too few answer; the opening waits, and the next session goes on with it.
        TrustError: what they say does not belong to this ledger.
    """
    if intent.entropy == "none":
        return True
    outsiders, cosigned = _outsiders(parts), _cosigned(parts, intent)
    return signed_in_time(
        intent, cosigners(cosigned, _head(parts), outsiders.log, intent.witnesses), outsiders.met
    )


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
