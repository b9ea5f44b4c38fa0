"""What holds a run: paused (no generation begins) or halted (nothing goes on), by whom, and what ends it.

>>> after_order(None, Ordered(order="halt", to=None, because="the news", signers=("ada",), envelope=""), 7).kind
'halted'
"""

from typing import Literal

from msgspec import Struct, structs

from detent.errors import TrustError
from detent.values.entries import Decided, OutcomeWritten, Watched
from detent.values.entry import Entry
from detent.values.people import Answered, Ordered

LONGEST = 1_000
"""Characters of reasons that are kept together; each stands whole in its order."""


class Hold(Struct, frozen=True):
    """Why nothing goes on. by: a steward's name or a tripwire's. index: of the entry on the ledger.

    beneath: a pause that is still there when the halt is lifted.
    """

    kind: Literal["paused", "halted"]
    by: str
    because: str
    index: int
    beneath: "Hold | None" = None


def after_order(hold: Hold | None, entry: Ordered, index: int) -> Hold | None:
    """What holds the run after an order. A pause never weakens a halt, and only `lift` ends one.

    Raises:
        TrustError: there is nothing to resume or to lift.
    """
    by = ", ".join(entry.signers)
    match entry.order:
        case "halt":
            return Hold("halted", by, entry.because, index, _pause(hold))
        case "pause":
            pause = Hold("paused", by, entry.because, index)
            if hold is not None and hold.kind == "halted":
                return structs.replace(hold, beneath=_joined(hold.beneath, pause))
            return _joined(hold, pause)
        case "resume" | "lift":
            wanted = "paused" if entry.order == "resume" else "halted"
            if hold is None or hold.kind != wanted:
                raise TrustError(
                    f"a {wanted} run expected for the order {entry.order}, got one that is "
                    f"{hold.kind if hold else 'not held'}; the order says nothing here"
                )
            return hold.beneath
        case "rollback":
            return hold


def after_watch(hold: Hold | None, entry: Watched, index: int) -> Hold | None:
    """What holds the run after its tripwires were read: one that is to halt it, and fired, does."""
    halting = [r for r in entry.readings if r.fired and entry.actions.get(r.wire) == "halt"]
    if not halting:
        return hold
    return Hold(
        "halted", ", ".join(reading.wire for reading in halting), halting[0].said, index, _pause(hold)
    )


def _joined(before: Hold | None, pause: Hold) -> Hold:
    """Two pauses are one, as new as the newer: who lets the run go on must have seen both."""
    if before is None:
        return pause
    names = dict.fromkeys([*before.by.split(", "), *pause.by.split(", ")])
    return structs.replace(pause, by=", ".join(names), because=f"{before.because}; {pause.because}"[:LONGEST])


def _pause(hold: Hold | None) -> Hold | None:
    """The pause that a halt comes on top of."""
    return hold if hold is None or hold.kind == "paused" else hold.beneath


def check_allowed(hold: Hold | None, entry: Entry, *, begun: bool, returning: bool) -> None:
    """Refuse a turn's entry that a hold forbids; only what a rollback needs, and a no, goes through a halt.

    Args:
        hold: what holds the run.
        entry: of a turn.
        begun: whether the turn has begun.
        returning: whether stewards ordered a rollback that is not carried out yet.

    Raises:
        TrustError: it may not stand here.
    """
    if returning:
        if not isinstance(entry, Decided | OutcomeWritten):
            raise TrustError(f"the rollback that was ordered expected, got {entry.kind}; run `detent run`")
    elif isinstance(entry, Answered) and entry.verdict == "deny":
        return  # saying no is stopping too
    elif hold is not None and (hold.kind == "halted" or not begun):
        raise TrustError(
            f"no {entry.kind} expected while the run is {hold.kind} by {hold.by}, got one; "
            f"`detent {'lift' if hold.kind == 'halted' else 'resume'}` comes first"
        )
