"""When a person is needed, as the fold of a ledger says it: a question waits, the run is held, a tripwire, the lease.

    >>> [occasion.kind for occasion in occasions(State(), state, now="2026-01-31T12:00:00Z", low=1)]
    ['request']

Pure. An occasion is named after the entry it comes from, so that whoever looks again, or begins anew, finds the same.
"""

from collections.abc import Iterator

from msgspec import Struct

from detent.values import Requested, State, Watched
from detent.values.text import one_line
from detent.web.noticing import Kind

LONGEST_LINE = 300
MOST_LINES = 12


class Occasion(Struct, frozen=True):
    """What a person is to be told of.

    key: what on the ledger it hangs on, within its kind. title, lines: for people; words of others in them are cut and
    shown on one line. generation: of the turn it concerns.
    """

    kind: Kind
    key: str
    title: str
    lines: tuple[str, ...]
    generation: int


def occasions(before: State, after: State, now: str, low: int) -> Iterator[Occasion]:
    """What needs a person now, and tripwires that fired between the two states; of a first look, those of this turn.

    Args:
        before: as it was told of the last time; State() where this is the first.
        after: as it is.
        now: the time, RFC 3339.
        low: so many generations left are nearly none.
    """
    if after.request is not None and after.answer is None:
        yield _asked(after, after.request)
    if after.hold is not None:
        hold = after.hold
        said = (f"by {_line(hold.by)}", f"because {_line(hold.because)}")
        yield Occasion("held", f"{hold.kind} {hold.index}", f"the run is {hold.kind}", said, after.generation)
    yield from _fired(before, after)
    yield from _leased(after, now, low)


def _asked(state: State, asked: Requested) -> Occasion:
    lines = (
        f"request {asked.number} ends at {_line(asked.expires)}; no answer means no",
        *(f"why: {_line(reason)}" for reason in asked.reasons),
        *(f"not checked: {_line(what)}" for what in asked.unchecked),
    )
    title = f"a person is asked about generation {state.generation}"
    return Occasion("request", str(state.request_index), title, lines[:MOST_LINES], state.generation)


def _fired(before: State, after: State) -> Iterator[Occasion]:
    closed = range(before.generation, after.generation) if before.entries else ()
    turns = [
        (generation, after.history[generation]) for generation in closed if generation < len(after.history)
    ]
    for generation, slots in [*turns, (after.generation, after.slots)]:
        watched = slots.get("watch/v1")
        if not isinstance(watched, Watched):
            continue
        serious = [
            (reading, watched.actions.get(reading.wire, "record"))
            for reading in watched.readings
            if reading.fired
        ]
        lines = [
            f"{_line(r.wire)} ({action}): {_line(r.said)}" for r, action in serious if action != "record"
        ]
        if lines:
            title = f"{len(lines)} tripwire{'s' * (len(lines) > 1)} fired in generation {generation}"
            yield Occasion("tripwire", str(generation), title, tuple(lines[:MOST_LINES]), generation)


def _leased(state: State, now: str, low: int) -> Iterator[Occasion]:
    if not state.grants:
        return
    left = state.lease_left(now)
    begun = any(grant.spent or grant.used for grant in state.grants if grant.covers(now))
    kind: Kind = "lease_spent" if left == 0 else "lease_low"
    if left == 0:
        title, line = "the lease is spent or has expired", "no generation begins without another one"
    elif left <= low and begun:
        title, line = "the lease is nearly spent", f"{left} more generation{'s' * (left > 1)} may begin"
    else:
        return
    yield Occasion(kind, str(state.leases), title, (f"{line}: detent lease",), state.generation)


def _line(text: str) -> str:
    return one_line(text, LONGEST_LINE)
