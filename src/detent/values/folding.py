"""The fold: entry after entry, to the state they add up to; what cannot stand where it stands is refused."""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, structs

from detent.errors import TrustError
from detent.values.entries import (
    BeaconDrawn,
    Collected,
    Cosigned,
    DataMade,
    Decided,
    Enclosed,
    Flipped,
    IntentWritten,
    JudgeTested,
    Mastered,
    OutcomeWritten,
    Profiled,
    Proposed,
    Refused,
    Released,
    SessionStarted,
    Watched,
    Withdrawn,
)
from detent.values.entry import Entry
from detent.values.explained import Explained
from detent.values.grants import Grant, charged, ended, given_up, live, spent_once
from detent.values.holds import after_order, after_watch, check_allowed
from detent.values.outside import Inspected, ModelFetched, ModelGiven
from detent.values.past import InForce, allowed, files_of, left, restored
from detent.values.people import Answered, CharterSigned, LeaseGranted, Ordered, Requested
from detent.values.serving import ServerAsked
from detent.values.state import State
from detent.values.trained import CandidateTrained, JudgeTrained, Reshaped, SubjectBuilt, Trained, Tuned

OF_TRIALS = (
    Proposed,
    DataMade,
    Reshaped,
    CandidateTrained,
    ServerAsked,
    Tuned,
    Flipped,
    Profiled,
    Withdrawn,
)
"""What a trial writes: as a turn does, up to the candidates' visible profiles."""


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """Add entries to a state, in order.

    Raises:
        TrustError: an entry stands where it cannot stand (a gap, a second outcome, another generation).
    """
    result = state or State()
    for entry in entries:
        result = _step(result, entry)
    return result


def _step(state: State, entry: Entry) -> State:
    changes: dict[str, Any] = {"entries": state.entries + 1, "latest_at": max(state.latest_at, entry.at)}
    match entry:
        case _ if entry.trial is not UNSET:
            changes |= _tried(state, entry, entry.trial)
        case CharterSigned():
            changes |= _chartered(state, entry)
        case LeaseGranted():
            _expect(entry.number == state.leases + 1, entry, f"lease {state.leases + 1}")
            grant = Grant(entry.number, entry.generations, entry.expires, entry.petaflop, granted=entry.at)
            changes["grants"] = (*state.grants, grant)
        case SessionStarted():
            changes |= {
                "baseline": state.baseline or entry,
                "session": entry,
                "sessions_since_intent": state.sessions_since_intent + 1,
            }
        case Ordered():
            changes |= _ordered(state, entry)
        case ModelGiven():
            _check_beside(state, entry)
            _expect(entry.given_as not in state.given, entry, f"one model that is given as {entry.given_as}")
            changes["given"] = {**state.given, entry.given_as: entry.digest}
        case Refused() | Inspected() | ModelFetched() | Enclosed():
            _check_beside(state, entry)
        case Collected():
            changes |= _collected(state, entry)
        case _:
            check_allowed(state.hold, entry, begun=bool(state.slots), returning=state.returning is not None)
            _expect(entry.generation == state.generation, entry, f"generation {state.generation}")
            overrules = isinstance(entry, Answered) and state.open_to(entry.verdict)
            alone = entry.slot not in state.slots or overrules
            _expect(alone, entry, "no second entry of its kind in a generation")
            changes["slots"] = {**state.slots, entry.slot: entry}
            if not state.slots and state.returning is None:
                state = structs.replace(state, paying=_paying(state, entry))
            changes |= _turn_changes(state, entry, changes["slots"]) | _asked(state, entry)
            changes |= _made_again(state, entry)
    return structs.replace(state, **changes)


def _made_again(state: State, entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Trained | DataMade) and entry.digest in state.collected:
        return {"collected": state.collected - {entry.digest}}
    return {}


def _tried(state: State, entry: Entry, trial: str) -> dict[str, Any]:
    """What a trial writes steers nothing by itself; it is paid for, and none stands on record twice."""
    check_allowed(state.hold, entry, begun=bool(state.slots), returning=state.returning is not None)
    _expect(entry.generation == state.generation, entry, f"generation {state.generation}")
    in_the_open = not isinstance(entry, Profiled) or entry.purpose == "visible"
    made = bool(trial) and isinstance(entry, OF_TRIALS) and in_the_open
    _expect(
        made, entry, "what a trial makes and measures in the open, and nothing else, in one that has a name"
    )
    begun = "suggested/v1" in state.slots and "proposal/v1" not in state.slots
    _expect(begun, entry, "trials between what is suggested and what is proposed")
    own = state.trials.get(trial, {})
    _expect(
        entry.slot not in own and "withdrawn/v1" not in own, entry, "no second entry of its kind in a trial"
    )
    # Or whoever has seen how a change did could still say that it could not be tried.
    measured = isinstance(entry, Withdrawn) and any(isinstance(one, Profiled) for one in own.values())
    _expect(not measured, entry, "a trial withdrawn before it is measured")
    changes: dict[str, Any] = {"trials": {**state.trials, trial: {**own, entry.slot: entry}}}
    if isinstance(entry, DataMade | Trained):
        changes |= _computed(state, entry, entry.flops)
    return changes | _asked(state, entry) | _made_again(state, entry)


def _check_beside(state: State, entry: Entry) -> None:
    """Facts that steer nothing may stand anywhere; which model is given, and from where, before anybody uses it."""
    if isinstance(entry, Enclosed):
        _expect(False, entry, f"the {entry.size} bytes of the file {entry.sha256} in its place")
    begun = isinstance(entry, ModelFetched | ModelGiven) and state.session is not None
    _expect(not begun, entry, "where a model came from before the first session")


def _chartered(state: State, entry: CharterSigned) -> dict[str, Any]:
    """The first charter, or an amendment.

    With the charter its leases end; a turn that began under it is put back, since half of it would be another's.
    """
    if state.charter is None:
        return {"charter": entry}
    version = state.charter.version + 1
    _expect(entry.version == version, entry, f"charter version {version}")
    _expect(state.generation > 0 or not state.slots, entry, "generation 0 to be complete before an amendment")
    _expect(state.returning is None, entry, "the rollback before to be carried out first")
    returning = state.generation - 1 if state.slots else None
    grants = ended(state.grants, entry.at)
    since = state.generation + bool(state.slots)
    return {
        "charter": entry,
        "since": since,
        "grants": grants,
        "returning": returning,
        "baseline": None,
        "settings": {},  # they were of the charter before
    }


def _paying(state: State, entry: Entry) -> int:
    if entry.generation == 0:
        return 0
    grant = live(state.grants, entry.at)
    _expect(grant is not None, entry, f"a lease that covers {entry.at} before a generation begins")
    return grant.number if grant else 0


def _ordered(state: State, entry: Ordered) -> dict[str, Any]:
    if entry.order == "rollback":
        _expect(state.returning is None, entry, "the rollback before to be carried out first")
        _expect(entry.to in state.history, entry, f"a closed generation, 0 to {state.generation - 1},")
        _expect(
            not files_of(state.history, entry.to or 0) & state.collected,
            entry,
            f"a generation whose models and data were not deleted, which {entry.to} is not,",
        )
        return {"returning": entry.to}
    return {"hold": after_order(state.hold, entry, state.entries)}


def _collected(state: State, entry: Collected) -> dict[str, Any]:
    """What is in force is never deleted; what the charter allows beyond that, `verify` looks at."""
    _expect(state.returning is None, entry, "the rollback before to be carried out first")
    halted = state.hold is not None and state.hold.kind == "halted"
    _expect(not halted, entry, "the end of the halt before anything is deleted")
    in_force = {
        state.incumbent,
        state.anchor,
        *state.team,
        state.judge,
        *(made.digest for made in state.data),
    }
    now = (state.slots, *state.trials.values())
    in_force |= {made.digest for slots in now for made in slots.values() if isinstance(made, Trained)}
    gone = {*entry.models, *entry.data, *entry.answers}
    _expect(not gone & in_force, entry, "nothing that is in force among what was deleted")
    return {"collected": state.collected | gone}


def _turn_changes(state: State, entry: Entry, slots: dict[str, Entry]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    match entry:
        case DataMade():
            changes = {"data": (*state.data, entry)} | _computed(state, entry, entry.flops)
        case SubjectBuilt() | Reshaped() | CandidateTrained() | Tuned() | JudgeTrained():
            changes = _computed(state, entry, entry.flops)
        case Profiled(purpose="visible"):
            changes = {"visible": state.visible | {entry.profile.subject: entry.profile}}
        case IntentWritten() | Cosigned() | BeaconDrawn() | Released() | OutcomeWritten():
            changes = _opening_changes(state, entry)
        case Watched():
            changes = {"hold": after_watch(state.hold, entry, state.entries)}
        case Requested():
            _expect(entry.number == state.requests + 1, entry, f"request {state.requests + 1}")
            changes = {
                "requests": entry.number,
                "request_index": state.entries,
                "requested_at": entry.at,
            }
        case Answered():
            asked = state.request
            _expect(asked is not None and asked.number == entry.request, entry, "the request it answers")
        case Decided():
            changes = _closed(state, entry, slots)
            changes["history"] = state.history.then(slots)
            changes["closed_at"] = state.closed_at.then(entry.at)
        case _:
            pass  # facts that steer nothing by themselves
    return changes


def _opening_changes(
    state: State, entry: IntentWritten | Cosigned | BeaconDrawn | Released | OutcomeWritten
) -> dict[str, Any]:
    """Intent, what outsiders add, outcome: in this order, one opening after the other."""
    match entry:
        case IntentWritten():
            _expect(not state.open_intent, entry, "the outcome of the opening before")
            _expect(entry.intent.k == state.openings + 1, entry, f"opening {state.openings + 1}")
            return {
                "openings": entry.intent.k,
                "open_intent": True,
                "intent_index": state.entries,
                "sessions_since_intent": 0,
                "alpha_spent": state.alpha_spent + entry.intent.alpha,
            }
        case Cosigned():
            _expect(entry.size <= state.entries, entry, f"cosignatures of at most {state.entries} entries")
            sealing = entry.purpose == "seal"
            _expect(not sealing or state.open_intent, entry, "an open intent, whose seal they open,")
            return {"cosigned": entry}
        case BeaconDrawn():
            _expect(state.open_intent, entry, "an open intent that names a beacon's round")
            return {}
        case Released():
            _expect(state.open_intent, entry, "an open intent, for which the seal's link is released,")
            return {}
        case OutcomeWritten():
            _expect(
                state.open_intent and entry.outcome.k == state.openings,
                entry,
                "the outcome of an open intent",
            )
            return {"open_intent": False}


def _asked(state: State, entry: Entry) -> dict[str, Any]:
    """What answers took is paid for like training; the share of compute is counted against training alone."""
    if (
        isinstance(entry, Profiled | Mastered | OutcomeWritten | Explained | Watched | JudgeTested | Flipped)
        and entry.generation > 0
    ):
        return _computed(state, entry, entry.flops)
    return {}


def _computed(state: State, entry: Entry, flops: float) -> dict[str, Any]:
    """Generation 0 is what the subject's share of compute is counted against; it spends no lease."""
    if entry.generation == 0:
        return {"taught_flops": state.taught_flops + flops}
    return {"flops": state.flops + flops, "grants": charged(state.grants, state.paying, flops)}


def _closed(state: State, entry: Decided, slots: dict[str, Entry]) -> dict[str, Any]:
    _expect(not state.open_intent, entry, "the outcome of the open intent before a decision")
    _expect((entry.decision == "rollback") == (state.returning is not None), entry, "the rollback ordered")
    changes: dict[str, Any] = {
        "generation": state.generation + 1,
        "slots": {},
        "trials": {},
        "tried": state.tried.then(state.trials),
        "closed_index": state.entries,
        "returning": None,
    }
    if entry.decision == "rollback":
        if state.slots and state.paying:  # begun and given up is spent too
            changes |= {"spent": state.spent + 1, "grants": given_up(state.grants, state.paying)}
        return changes | _returned(state, entry)
    if entry.generation > 0:
        grants = spent_once(state.grants, state.paying, entry.at)
        _expect(grants is not None, entry, f"a lease that covers {entry.at}")
        changes |= {"spent": state.spent + 1, "grants": grants}
    if entry.decision == "promote":
        changes |= _promoted(state, entry, slots)
    else:
        _expect(entry.incumbent == state.incumbent, entry, "the incumbent unchanged without a promotion")
    before = InForce(*(getattr(state, field) for field in InForce._fields))
    return changes | left(before, slots)._asdict()


def _promoted(state: State, entry: Decided, slots: dict[str, Entry]) -> dict[str, Any]:
    if entry.generation > 0:
        _expect(
            _passed(slots, entry.incumbent), entry, "an opening that this model passed before a promotion"
        )
    _expect(_permitted(slots, entry), entry, "an approval before a promotion that a person was asked about")
    fresh = slots.get("profile/v1/fresh")
    return {
        "promoted": state.promoted + (1 if entry.generation > 0 else 0),
        "promoted_at": entry.at,
        "first_fresh": state.first_fresh or (fresh.profile if isinstance(fresh, Profiled) else None),
    }


def _returned(state: State, entry: Decided) -> dict[str, Any]:
    """Back at an earlier generation; what was begun and is given up is spent all the same."""
    _expect(entry.to == state.returning, entry, f"a rollback to generation {state.returning}")
    past = restored(state.history, entry.to or 0, state.since)
    same = (entry.incumbent, entry.team) == (past.incumbent, past.team)
    _expect(same, entry, f"the models of generation {entry.to}")
    return past._asdict()


def _passed(slots: dict[str, Entry], model: str) -> bool:
    """Whether this turn's opening was about `model`, and its verdict is better."""
    intent, outcome = slots.get("intent/v1"), slots.get("outcome/v1")
    return (
        isinstance(intent, IntentWritten)
        and isinstance(outcome, OutcomeWritten)
        and outcome.outcome.verdict == "better"
        and intent.intent.candidate == model
    )


def _permitted(slots: dict[str, Entry], entry: Decided) -> bool:
    """Whether nobody was asked about this turn, or somebody approved of this very model in time."""
    asked = slots.get("request/v1")
    about = not isinstance(asked, Requested) or asked.candidate == entry.incumbent
    return about and allowed(slots, entry.at)


def _expect(holds: bool, entry: Entry, wanted: str) -> None:
    if not holds:
        raise TrustError(
            f"{wanted} expected, got {entry.kind} of generation {entry.generation}; "
            "the ledger's order is broken: run `detent verify`"
        )
