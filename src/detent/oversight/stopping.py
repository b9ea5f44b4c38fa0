"""Whether the loop may go on: what holds it, who has to answer, and what is left of the lease.

>>> why_stop(state_with_nothing_left, charter, now="2026-01-01T00:00:00Z", enough=False)
'lease_spent'
"""

from datetime import timedelta
from typing import Literal

from detent.charter import Charter
from detent.oversight.moments import after, moment
from detent.values import Diagnosed, State
from detent.values.grants import spent_once

Stop = Literal[
    "halted",
    "asked",
    "paused",
    "finished",
    "lease_spent",
    "lease_expired",
    "compute_spent",
    "review",
    "pace",
    "unevaluated",
    "amended",
    "enough",
]
"""Why the next step may not be made.

halted, paused: a steward or a tripwire stopped the run.
asked: a person was asked about the generation in progress, and has not answered.
finished: every task is at the top of its ladder.
lease_spent, lease_expired, compute_spent: no lease has generations, time, compute left.
review: the time for people to look at the last promotion is not over (pace.review_hours).
pace: as many generations were closed within a day as the charter allows.
unevaluated: the incumbent has gone without a full evaluation for longer than pace.evaluation_lag.
amended: the charter is another one now; the run goes on when it is opened again.
enough: as many generations as this call was asked for, and there is more to do.
"""


def why_stop(state: State, charter: Charter, now: str, *, enough: bool) -> Stop | None:
    """Why the next step may not be made at the time `now` (RFC 3339), or None when it may.

    A turn that has begun is gone on with, whatever the pace says: it was granted when it began. Not after its
    lease has expired, though: no steward, no progress.
    """
    if state.returning is not None:
        return None
    if state.hold is not None and state.hold.kind == "halted":
        return "halted"
    begun = bool(state.slots)
    if not begun and state.hold is not None:
        return "paused"
    if unanswered(state, now):
        return "asked"
    if not begun and state.generation > 0 and finished(state):
        return "finished"
    return _unpaid(state, now) or (None if begun else _too_fast(state, charter, now)) or _enough(enough)


def unanswered(state: State, now: str) -> bool:
    """Whether somebody was asked, has not answered, and still may."""
    return state.request is not None and state.answer is None and now < state.request.expires


def finished(state: State) -> bool:
    """Whether the newest diagnosis found nothing left to climb."""
    diagnosed = state.latest("diagnosis/v1")
    return isinstance(diagnosed, Diagnosed) and diagnosed.diagnosis.nothing_to_do


def _enough(enough: bool) -> Stop | None:
    return "enough" if enough else None


def _unpaid(state: State, now: str) -> Stop | None:
    """A turn in progress needs a lease that has not expired; a new one also generations and compute."""
    in_time = [grant for grant in state.grants if now < grant.expires]
    if state.generation == 0:
        return None if in_time else "lease_expired"
    if state.slots:  # what could not be decided under any lease is not worked on either
        return None if spent_once(state.grants, state.paying, now) else "lease_expired"
    left = [grant for grant in in_time if grant.left > 0]
    if left:
        return None if any(grant.covers(now) for grant in left) else "compute_spent"
    expired = any(grant.left > 0 for grant in state.grants)
    return "lease_expired" if expired else "lease_spent"


def _too_fast(state: State, charter: Charter, now: str) -> Stop | None:
    """Rules of [pace] about when the next generation may begin."""
    if state.generation == 0:
        return None
    pace = charter.pace
    reviewed = state.incumbent_generation == 0 or now >= after(state.promoted_at, hours=pace.review_hours)
    if not reviewed:
        return "review"
    if pace.generations_per_day and _closed_today(state, now) >= pace.generations_per_day:
        return "pace"
    return None if _evaluated(state, pace.evaluation_lag) else "unevaluated"


def _closed_today(state: State, now: str) -> int:
    since = moment(now) - timedelta(days=1)
    return sum(moment(at) > since for generation, at in state.closed_at.items() if generation > 0)


def _evaluated(state: State, lag: int) -> bool:
    """The incumbent was evaluated on every rung of every task, or became so at most `lag` generations ago."""
    if state.fresh is not None and state.fresh.subject == state.incumbent:
        return True
    return state.generation - 1 - state.incumbent_generation < lag
