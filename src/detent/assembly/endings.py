"""Why a run stopped, as one paragraph for the person who has to do something about it.

>>> ending("lease_spent", state, charter, Path("demo"))
'the lease is spent: 8 of 8 generations. Grant another with: detent lease demo --generations 8'
"""

from collections.abc import Callable
from pathlib import Path

from detent.charter import Charter
from detent.oversight import Stop, after, reasons_to_ask
from detent.values import State, Watched

EXIT_CODES: dict[Stop, int] = {
    "halted": 10,
    "asked": 11,
    "paused": 12,
    "lease_spent": 0,
    "lease_expired": 13,
    "compute_spent": 13,
    "review": 14,
    "pace": 14,
    "unevaluated": 14,
    "amended": 0,
    "finished": 0,
    "enough": 0,
}
"""How `detent run` ends. A lease that is spent as granted, or nothing left to do, is no failure."""


def ending(stop: Stop, state: State, charter: Charter, folder: Path) -> str:
    """What it means and what the choices are."""
    return _ENDINGS[stop](state, charter, folder)


def _held(state: State, _: Charter, folder: Path) -> str:
    held = state.hold
    if held is None:
        return f"the run is held. Look at it with: detent status {folder}"
    again = "a quorum of stewards lifts it" if held.kind == "halted" else "stewards let it go on"
    return (
        f"{held.kind} by {held.by}: {held.because}. Look at detent status {folder} and the report; "
        f"{again} with: detent resume {folder} --because ... ; or go back with: detent rollback {folder} --to G"
    )


def _asked(state: State, charter: Charter, folder: Path) -> str:
    asked, watched = state.request, state.slots.get("watch/v1")
    if asked is None:
        return f"a person is asked. See: detent requests {folder}"
    # A halt may have come after the question was written: what is asked now is told.
    reasons = (
        reasons_to_ask(state, charter, watched, asked.candidate)
        if isinstance(watched, Watched)
        else asked.reasons
    )
    promoted = "promoting the candidate" if asked.candidate else "going on"
    return (
        f"request {asked.number} waits for a person until {asked.expires}, before {promoted}: "
        f"{'; '.join(reasons)}. Look with: detent show {folder} {asked.number}; then detent approve or detent deny "
        f"{folder} {asked.number} --because ...; no answer means no"
    )


def _lease_spent(state: State, charter: Charter, folder: Path) -> str:
    return f"the lease is spent: {state.spent} of {state.granted} generations. {_another(charter, folder)}"


def _lease_expired(_: State, charter: Charter, folder: Path) -> str:
    return (
        "no lease covers this moment: what was granted has expired, and without a steward nothing goes on. "
        f"{_another(charter, folder)}"
    )


def _compute_spent(state: State, charter: Charter, folder: Path) -> str:
    paying = [grant for grant in state.grants if grant.left > 0]
    used = ", ".join(f"{grant.used:.3g} of {grant.petaflop:g}" for grant in paying)
    return f"the lease's compute is spent: {used} petaflop. {_another(charter, folder)}"


def _another(charter: Charter, folder: Path) -> str:
    return f"Grant another with: detent lease {folder} --generations {charter.pace.lease.generations}"


def _review(state: State, charter: Charter, folder: Path) -> str:
    until = after(state.promoted_at, hours=charter.pace.review_hours)
    return (
        f"generation {state.incumbent_generation} was promoted at {state.promoted_at}; people have until {until} "
        f"to look at it (pace.review_hours). Then: detent run {folder}"
    )


def _pace(_: State, charter: Charter, folder: Path) -> str:
    return (
        f"{charter.pace.generations_per_day} generations were closed within a day, as many as the charter allows "
        f"(pace.generations_per_day). Later: detent run {folder}"
    )


def _unevaluated(_: State, charter: Charter, folder: Path) -> str:
    return (
        f"the incumbent has no full evaluation, and pace.evaluation_lag = {charter.pace.evaluation_lag} lets nothing "
        f"go on without one. Put one back that has: detent rollback {folder} --to G"
    )


def _finished(_: State, __: Charter, ___: Path) -> str:
    return "every task is at the top of its ladder: nothing left to climb under this charter"


def _amended(state: State, _: Charter, folder: Path) -> str:
    version = state.charter.version if state.charter else 0
    return f"the charter is now version {version}. Go on with: detent run {folder}"


def _enough(state: State, _: Charter, folder: Path) -> str:
    left = state.lease_left(state.latest_at)
    return f"done as asked; {left} generations left. Go on with: detent run {folder}"


_ENDINGS: dict[Stop, Callable[[State, Charter, Path], str]] = {
    "halted": _held,
    "asked": _asked,
    "paused": _held,
    "lease_spent": _lease_spent,
    "lease_expired": _lease_expired,
    "compute_spent": _compute_spent,
    "review": _review,
    "pace": _pace,
    "unevaluated": _unevaluated,
    "amended": _amended,
    "finished": _finished,
    "enough": _enough,
}
