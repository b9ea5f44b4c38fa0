"""What outsiders add to a generation: their word that the ledger only grew, and what nobody here could choose."""

from datetime import datetime, timedelta

from detent.charter import Charter, entropy_mode
from detent.errors import TrustError
from detent.evaluate import HeadAt, entropy_of, round_after
from detent.loop.parts import Outsiders, Parts
from detent.values import BeaconDrawn, Cosigned, Intent, Round


def entropy(parts: Parts, intent: Intent) -> bytes:
    """What the intent's seed takes from outside, written down before anything is drawn from it.

    The size that is cosigned is the one at which the intent is the last entry: until then nothing else is sent to
    witnesses, who sign no smaller size after a larger one.

    Raises:
        PeerError: too few answer; the opening waits, and the next session goes on with it.
        TrustError: what they say does not belong to this ledger.
    """
    if intent.entropy == "none":
        return b""
    book, size = parts.book, parts.book.state.intent_index + 1
    everybody = intent.witnesses if intent.entropy == "witnesses" else ()
    outsiders = _outsiders(parts)
    cosigned = book.once(
        "cosigned/v1/seal",
        lambda: Cosigned(purpose="seal", size=size, note=outsiders.cosign(size, everybody)),
    )
    drawn: BeaconDrawn | None = None
    if intent.round is not None:
        wanted = intent.round
        drawn = book.once("beacon/v1", lambda: outsiders.draw(wanted))
    head = HeadAt(outsiders.log.name, size, book.record.root(size))
    return entropy_of(intent, head, outsiders.log, outsiders.met, cosigned=cosigned, drawn=drawn)


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
    earliest = datetime.fromisoformat(now) + timedelta(seconds=beacon.margin_seconds)
    return round_after(beacon.chain, beacon.genesis, beacon.period, earliest)


def _outsiders(parts: Parts) -> Outsiders:
    if parts.outsiders is None:
        raise TrustError(
            "the witnesses that the intent names expected, got a charter without any; amending it puts the turn back"
        )
    return parts.outsiders
