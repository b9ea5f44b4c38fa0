"""State: what the ledger's entries add up to. A pure fold; whoever has the entries has the state.

>>> State().generation
0
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from detent.values.ancestry import ancestors
from detent.values.changes import Setting
from detent.values.entries import Cosigned, DataMade, Flipped, Proposed, SessionStarted
from detent.values.entry import Entry
from detent.values.grants import Grant
from detent.values.holds import Hold
from detent.values.lasting import Lasting
from detent.values.past import line
from detent.values.people import Answered, CharterSigned, Requested
from detent.values.profiles import Flips, Profile
from detent.values.trained import Trained

BEFORE_TRIALS = ("diagnosis/v1", "suggested/v1")
"""What a turn has written before anything is tried in it."""


class State(Struct, frozen=True):
    """Where a run stands.

    generation: the turn in progress; 0 until the first subject is complete, then 1, 2, ...
    slots: what the turn in progress has already written; a turn that starts again takes it from here.
    incumbent: digest of the model in force, "" before generation 0.
    team: digests of the models that training goes on from.
    judge: digest of the model that judges labels, "" where there is none.
    anchor: digest of the model that was last promoted as better than the anchor before it; generation 0's at first. The
        incumbent, unless that was promoted for being smaller.
    visible: the newest visible profile of each model that is still in play.
    fresh: the fresh profile of the incumbent. data: what may be trained on: of closed turns what they left.
    intent_index: where the last intent stands on the ledger.
    sessions_since_intent: how often a run began since it; an opening that no session completes becomes void.
    cosigned: the newest cosignatures.
    openings: how many intents were written (k of the last one).
    mastered: per task, the rungs that must never be lost.
    since: the first turn that began under the charter in force.
    baseline: the first session under the charter in force: what code and libraries it was begun with.
    grants: the leases and what is used of each. spent: generations closed, 0 not counted.
    paying: number of the lease under which the turn in progress began.
    hold: what keeps the run from going on. returning: the generation that a rollback is to put back.
    requests: how many there were; request_index: where the last one stands on the ledger, and since when.
    taught_flops: floating point operations of generation 0's training. flops: of all that models did since: training,
        labels, answers to profiles, to the gate and to tripwires.
    closed_at: when each turn was closed. closed_index: where the newest decision stands on the ledger.
    promoted_at: when a turn last promoted.
    latest_at: time of the newest entry.
    history: every closed turn's slots, by generation.
    trials: what the turn in progress has tried, by trial, each as slots of its own. tried: of every closed turn.
    settings: of the charter's recipe and feedback, what promoted changes have set otherwise.
    given: digests of the models that the charter names folders of, by what they are given as.
    collected: digests of models, data and answers that were deleted as the charter allows, and not made again since.
    """

    entries: int = 0
    charter: CharterSigned | None = None
    since: int = 0
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
    judge: str = ""
    anchor: str = ""
    visible: dict[str, Profile] = {}
    openings: int = 0
    open_intent: bool = False
    intent_index: int = 0
    sessions_since_intent: int = 0
    cosigned: Cosigned | None = None
    promoted: int = 0
    alpha_spent: float = 0.0
    mastered: dict[str, frozenset[int]] = {}
    first_fresh: Profile | None = None
    fresh: Profile | None = None
    data: tuple[DataMade, ...] = ()
    taught_flops: float = 0.0
    flops: float = 0.0
    closed_at: Lasting[str] = Lasting()
    closed_index: int = 0
    promoted_at: str = ""
    latest_at: str = ""
    history: Lasting[dict[str, Entry]] = Lasting()
    trials: dict[str, dict[str, Entry]] = {}
    tried: Lasting[dict[str, dict[str, Entry]]] = Lasting()
    settings: dict[str, Setting] = {}
    given: dict[str, str] = {}
    collected: frozenset[str] = frozenset()

    @property
    def first(self) -> str:
        """Digest of generation 0's model: what it was before it took part in its own training; "" until then."""
        return getattr(self.history[0]["decision/v1"], "incumbent", "") if self.history else ""

    def ancestors(self, model: str) -> tuple[str, ...]:
        """The models that a model of the turn in progress descends from, oldest first: see `detent.values.ancestry`."""
        return ancestors([*self.past.values(), self.slots], model)

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
        return _models_in(self._turns())

    @property
    def models_before_trials(self) -> frozenset[str]:
        """The same without what this turn has tried: two changes that come to the same make the same model."""
        past = (slots for trials in self.tried.values() for slots in trials.values())
        return _models_in([*self.history.values(), self.slots, *past])

    @property
    def sizes(self) -> dict[str, int]:
        """Parameters of every model that was trained, by digest."""
        return {
            entry.digest: entry.parameters
            for slots in self._turns()
            for entry in slots.values()
            if isinstance(entry, Trained)
        }

    def _turns(self) -> Iterator[dict[str, Entry]]:
        """All turns, and all that was tried in them."""
        yield from self.history.values()
        yield self.slots
        for trials in (*self.tried.values(), self.trials):
            yield from trials.values()

    @property
    def set_now(self) -> dict[str, Setting]:
        """What is set otherwise than in the charter in the turn in progress, from its proposal on."""
        proposed = self.slots.get("proposal/v1")
        change = proposed.proposal.settings if isinstance(proposed, Proposed) else {}
        return {**self.settings, **change} if change else self.settings

    def within(self, trial: str) -> "State":
        """The state as a trial of the turn in progress meets it: a turn of its own, which nobody else's goes into."""
        own = self.trials.get(trial, {})
        before = {slot: self.slots[slot] for slot in BEFORE_TRIALS if slot in self.slots}
        made = tuple(entry for entry in own.values() if isinstance(entry, DataMade))
        return structs.replace(self, slots={**before, **own}, data=(*self.data, *made))

    @property
    def request(self) -> Requested | None:
        """What a person was asked about the turn in progress."""
        found = self.slots.get("request/v1")
        return found if isinstance(found, Requested) else None

    @property
    def answer(self) -> Answered | None:
        """What was answered; of a yes and the no that came after it, the no."""
        found = self.slots.get("answer/v1")
        return found if isinstance(found, Answered) else None

    def open_to(self, verdict: str) -> bool:
        """Whether the request may still be answered so: until the decision a no replaces a yes, and nothing a no."""
        answer = self.answer
        waits = answer is None or (answer.verdict == "approve" and verdict == "deny")
        return self.request is not None and waits

    @property
    def past(self) -> dict[int, dict[str, Entry]]:
        """The closed turns that led to where the run stands: `history` without what a rollback undid."""
        return {
            generation: self.history[generation] for generation in line(self.history, self.generation - 1)
        }

    @property
    def flips(self) -> dict[str, dict[str, Flips]]:
        """All that methods made right and wrong under the charter in force, [method][task], what a rollback undid too.

        An amendment begins anew: so people can switch on again what was switched off.
        """
        found: dict[str, dict[str, Flips]] = {}
        for generation in range(self.since, len(self.history)):
            slots = self.history[generation]
            for entry in (slots[slot] for slot in slots if slot.startswith("flips/")):
                if isinstance(entry, Flipped):
                    row = found.setdefault(entry.method, {})
                    for task, one in entry.flips.items():
                        row[task] = row.get(task, Flips(0, 0, 0)).with_more(one)
        return found

    def latest(self, slot: str) -> Entry | None:
        """The newest entry of that slot: of this turn, else of the last turn of the past that wrote one."""
        if slot in self.slots:
            return self.slots[slot]
        past = self.past
        for generation in sorted(past, reverse=True):
            if slot in past[generation]:
                return past[generation][slot]
        return None


def _models_in(turns: Iterable[dict[str, Entry]]) -> frozenset[str]:
    made = [entry for slots in turns for entry in slots.values() if isinstance(entry, Trained)]
    return frozenset(digest for entry in made for digest in (entry.digest, entry.parent))
