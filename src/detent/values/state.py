"""State: what the ledger's entries add up to. A pure fold; whoever has the entries has the state.

>>> fold([]).generation
0
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, structs

from detent.errors import TrustError
from detent.values.entries import (
    CharterSigned,
    DataMade,
    Decided,
    Entry,
    IntentWritten,
    LeaseGranted,
    Mastered,
    OutcomeWritten,
    Profiled,
    SessionStarted,
)
from detent.values.profiles import Profile


class State(Struct, frozen=True):
    """Where a run stands.

    generation: the turn in progress; 0 until the first subject is complete, then 1, 2, ...
    slots: what the turn in progress has already written; a turn that starts again takes it from here.
    incumbent: digest of the model in force, "" before generation 0.
    team: digests of the models that training goes on from.
    visible: the newest visible profile of each model that is still in play.
    intent_index: where the last intent stands on the ledger.
    sessions_since_intent: how often a run began since it; an opening that no session completes becomes void.
    openings: how many intents were written (k of the last one).
    mastered: per task, the rungs that must never be lost.
    history: every closed turn's slots, by generation.
    """

    entries: int = 0
    charter: CharterSigned | None = None
    session: SessionStarted | None = None
    leases: int = 0
    granted: int = 0
    spent: int = 0
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
    history: dict[int, dict[str, Entry]] = {}

    @property
    def lease_left(self) -> int:
        """Generations the stewards have granted and the run has not spent."""
        return self.granted - self.spent

    def latest(self, slot: str) -> Entry | None:
        """The newest entry of that slot: of this turn, else of the last closed turn that wrote one."""
        if slot in self.slots:
            return self.slots[slot]
        for generation in sorted(self.history, reverse=True):
            if slot in self.history[generation]:
                return self.history[generation][slot]
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
    changes: dict[str, Any] = {"entries": state.entries + 1}
    match entry:
        case CharterSigned():
            changes["charter"] = entry
        case LeaseGranted():
            _expect(entry.number == state.leases + 1, entry, f"lease {state.leases + 1}")
            changes |= {"leases": entry.number, "granted": state.granted + entry.generations}
        case SessionStarted():
            changes |= {"session": entry, "sessions_since_intent": state.sessions_since_intent + 1}
        case _:
            _expect(entry.generation == state.generation, entry, f"generation {state.generation}")
            _expect(entry.slot not in state.slots, entry, "no second entry of its kind in a generation")
            changes["slots"] = {**state.slots, entry.slot: entry}
            changes |= _turn_changes(state, entry, changes["slots"])
    return structs.replace(state, **changes)


def _turn_changes(state: State, entry: Entry, slots: dict[str, Entry]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    match entry:
        case DataMade():
            changes = {"data": (*state.data, entry)}
        case Profiled(purpose="fresh"):
            changes = {"fresh": entry.profile, "first_fresh": state.first_fresh or entry.profile}
        case Profiled():
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
        case Mastered():
            changes = {"mastered": _with_rungs(state.mastered, entry)}
        case Decided():
            changes = _closed(state, entry, slots)
        case _:
            pass  # facts that steer nothing by themselves
    return changes


def _with_rungs(mastered: dict[str, frozenset[int]], entry: Mastered) -> dict[str, frozenset[int]]:
    return mastered | {
        task: mastered.get(task, frozenset()) | frozenset(levels) for task, levels in entry.added.items()
    }


def _closed(state: State, entry: Decided, slots: dict[str, Entry]) -> dict[str, Any]:
    _expect(not state.open_intent, entry, "the outcome of the open intent before a decision")
    promoted = entry.decision == "promote"
    if promoted and entry.generation > 0:
        _expect(
            _passed(slots, entry.incumbent), entry, "an opening that this model passed before a promotion"
        )
    elif not promoted:
        _expect(entry.incumbent == state.incumbent, entry, "the incumbent unchanged without a promotion")
    kept = {entry.incumbent, *entry.team}
    return {
        "generation": state.generation + 1,
        "spent": state.spent + (1 if entry.generation > 0 else 0),
        "incumbent": entry.incumbent,
        "incumbent_generation": entry.generation if promoted else state.incumbent_generation,
        "team": entry.team,
        "visible": {digest: state.visible[digest] for digest in kept if digest in state.visible},
        "promoted": state.promoted + (1 if promoted and entry.generation > 0 else 0),
        "slots": {},
        "history": {**state.history, entry.generation: slots},
    }


def _passed(slots: dict[str, Entry], model: str) -> bool:
    """Whether this turn's opening was about `model`, and its verdict is better."""
    intent, outcome = slots.get("intent/v1"), slots.get("outcome/v1")
    return (
        isinstance(intent, IntentWritten)
        and isinstance(outcome, OutcomeWritten)
        and outcome.outcome.verdict == "better"
        and intent.intent.candidate == model
    )


def _expect(holds: bool, entry: Entry, wanted: str) -> None:
    if not holds:
        raise TrustError(
            f"{wanted} expected, got {entry.kind} of generation {entry.generation}; "
            "the ledger's order is broken: run `detent verify`"
        )
