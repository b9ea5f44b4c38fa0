"""State: what the ledger's entries add up to. A pure fold; whoever has the entries has the state.

>>> fold([]).generation
0
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, structs

from detent.errors import TrustError
from detent.values.entries import (
    Answered,
    CandidateTrained,
    CharterSigned,
    Collected,
    DataMade,
    Decided,
    Entry,
    IntentWritten,
    LeaseGranted,
    Ordered,
    OutcomeWritten,
    Profiled,
    Refused,
    Requested,
    SessionStarted,
    SubjectBuilt,
    Watched,
)
from detent.values.grants import Grant, charged, ended, given_up, live, spent_once
from detent.values.holds import Hold, after_order, after_watch, check_allowed
from detent.values.past import InForce, allowed, files_of, left, line, restored
from detent.values.profiles import Profile


class State(Struct, frozen=True):
    """Where a run stands.

    generation: the turn in progress; 0 until the first subject is complete, then 1, 2, ...
    slots: what the turn in progress has already written; a turn that starts again takes it from here.
    incumbent: digest of the model in force, "" before generation 0.
    team: digests of the models that training goes on from.
    visible: the newest visible profile of each model that is still in play.
    fresh: the fresh profile of the incumbent. data: what may be trained on: of closed turns what they left.
    intent_index: where the last intent stands on the ledger.
    sessions_since_intent: how often a run began since it; an opening that no session completes becomes void.
    openings: how many intents were written (k of the last one).
    mastered: per task, the rungs that must never be lost.
    baseline: the first session under the charter in force: what code and libraries it was begun with.
    grants: the leases and what is used of each. spent: generations closed, 0 not counted.
    paying: number of the lease under which the turn in progress began.
    hold: what keeps the run from going on. returning: the generation that a rollback is to put back.
    requests: how many there were; request_index: where the last one stands on the ledger, and since when.
    taught_flops: floating point operations of generation 0. flops: of everything trained and labelled since.
    closed_at: when each turn was closed. closed_index: where the newest decision stands on the ledger.
    promoted_at: when a turn last promoted.
    latest_at: time of the newest entry.
    history: every closed turn's slots, by generation.
    collected: digests of models, data and answers that were deleted as the charter allows, and not made again since.
    """

    entries: int = 0
    charter: CharterSigned | None = None
    session: SessionStarted | None = None
    baseline: SessionStarted | None = None
    grants: tuple[Grant, ...] = ()
    paying: int = 0
    spent: int = 0
    hold: Hold | None = None
    returning: int | None = None
    requests: int = 0
    request_index: int = 0
    requested_at: str = ""
    generation: int = 0
    slots: dict[str, Entry] = {}
    incumbent: str = ""
    incumbent_generation: int = 0
    team: tuple[str, ...] = ()
    visible: dict[str, Profile] = {}
    openings: int = 0
    open_intent: bool = False
    intent_index: int = 0
    sessions_since_intent: int = 0
    promoted: int = 0
    alpha_spent: float = 0.0
    mastered: dict[str, frozenset[int]] = {}
    first_fresh: Profile | None = None
    fresh: Profile | None = None
    data: tuple[DataMade, ...] = ()
    taught_flops: float = 0.0
    flops: float = 0.0
    closed_at: dict[int, str] = {}
    closed_index: int = 0
    promoted_at: str = ""
    latest_at: str = ""
    history: dict[int, dict[str, Entry]] = {}
    collected: frozenset[str] = frozenset()

    @property
    def leases(self) -> int:
        """How many leases were granted."""
        return len(self.grants)

    @property
    def granted(self) -> int:
        """Generations granted by all of them."""
        return sum(grant.generations for grant in self.grants)

    def lease_left(self, at: str) -> int:
        """Generations that are granted, not spent, and not expired at that time (RFC 3339)."""
        return sum(grant.left for grant in self.grants if grant.covers(at))

    @property
    def models(self) -> frozenset[str]:
        """Digests of all models on record, those that others were made from too."""
        turns = (*self.history.values(), self.slots)
        made = [
            entry
            for slots in turns
            for entry in slots.values()
            if isinstance(entry, SubjectBuilt | CandidateTrained)
        ]
        return frozenset(digest for entry in made for digest in (entry.digest, entry.parent))

    @property
    def request(self) -> Requested | None:
        """What a person was asked about the turn in progress."""
        found = self.slots.get("request/v1")
        return found if isinstance(found, Requested) else None

    @property
    def answer(self) -> Answered | None:
        """What was answered."""
        found = self.slots.get("answer/v1")
        return found if isinstance(found, Answered) else None

    @property
    def past(self) -> dict[int, dict[str, Entry]]:
        """The closed turns that led to where the run stands: `history` without what a rollback undid."""
        return {
            generation: self.history[generation] for generation in line(self.history, self.generation - 1)
        }

    def latest(self, slot: str) -> Entry | None:
        """The newest entry of that slot: of this turn, else of the last turn of the past that wrote one."""
        if slot in self.slots:
            return self.slots[slot]
        past = self.past
        for generation in sorted(past, reverse=True):
            if slot in past[generation]:
                return past[generation][slot]
        return None


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
        case Refused():
            pass
        case Collected():
            changes |= _collected(state, entry)
        case _:
            check_allowed(state.hold, entry, begun=bool(state.slots), returning=state.returning is not None)
            _expect(entry.generation == state.generation, entry, f"generation {state.generation}")
            _expect(entry.slot not in state.slots, entry, "no second entry of its kind in a generation")
            changes["slots"] = {**state.slots, entry.slot: entry}
            if not state.slots and state.returning is None:
                state = structs.replace(state, paying=_paying(state, entry))
            changes |= _turn_changes(state, entry, changes["slots"])
            if isinstance(entry, SubjectBuilt | CandidateTrained | DataMade):
                changes["collected"] = state.collected - {entry.digest}  # made again
    return structs.replace(state, **changes)


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
    return {"charter": entry, "grants": grants, "returning": returning, "baseline": None}


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
    in_force = {state.incumbent, *state.team, *(made.digest for made in state.data)}
    in_force |= {
        made.digest for made in state.slots.values() if isinstance(made, SubjectBuilt | CandidateTrained)
    }
    gone = {*entry.models, *entry.data, *entry.answers}
    _expect(not gone & in_force, entry, "nothing that is in force among what was deleted")
    return {"collected": state.collected | gone}


def _turn_changes(state: State, entry: Entry, slots: dict[str, Entry]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    match entry:
        case DataMade():
            changes = {"data": (*state.data, entry)} | _computed(state, entry, entry.flops)
        case SubjectBuilt() | CandidateTrained():
            changes = _computed(state, entry, entry.flops)
        case Profiled(purpose="visible"):
            changes = {"visible": state.visible | {entry.profile.subject: entry.profile}}
        case IntentWritten():
            _expect(not state.open_intent, entry, "the outcome of the opening before")
            _expect(entry.intent.k == state.openings + 1, entry, f"opening {state.openings + 1}")
            changes = {
                "openings": entry.intent.k,
                "open_intent": True,
                "intent_index": state.entries,
                "sessions_since_intent": 0,
                "alpha_spent": state.alpha_spent + entry.intent.alpha,
            }
        case OutcomeWritten():
            _expect(
                state.open_intent and entry.outcome.k == state.openings,
                entry,
                "the outcome of an open intent",
            )
            changes = {"open_intent": False}
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
        case _:
            pass  # facts that steer nothing by themselves
    return changes


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
        "history": {**state.history, entry.generation: slots},
        "closed_at": {**state.closed_at, entry.generation: entry.at},
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
    past = restored(state.history, entry.to or 0)
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
