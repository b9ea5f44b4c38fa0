"""From a ledger's entries to a Story.

>>> story = tell(entries, name="digits", purpose="Longer strings, same rules", top={"copy": 15})
>>> story.turns[-1].decision, story.ladder_now
('promote', 0.67)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum, sqrt

from msgspec import UNSET, structs

from detent.errors import TrustError
from detent.evaluate import horizons
from detent.report.adapters import adapter_document
from detent.report.story import Batch, Descent, Fate, Opening, Session, Standing, Story, Trial, Turn
from detent.report.tried import Screenings, screened
from detent.values import (
    Audited,
    CandidateTrained,
    DataMade,
    Decided,
    Diagnosed,
    Entry,
    IntentWritten,
    JudgeTested,
    ModelFetched,
    OutcomeWritten,
    Profile,
    Profiled,
    Proposed,
    ServerAsked,
    SessionStarted,
    Source,
    State,
    SubjectBuilt,
    Suggested,
    Tuned,
    fold,
)

Slots = Mapping[str, Entry]
NORMAL_95 = 1.96


def tell(entries: Iterable[Entry], name: str, purpose: str, top: Mapping[str, int]) -> Story:
    """The story of a run.

    Args:
        entries: every entry of the ledger, decoded, in order.
        name: the charter's name.
        purpose: the charter's purpose.
        top: improved tasks and the top level of each ladder.

    Raises:
        TrustError: the entries do not follow each other as a run's must.
    """
    teller = Teller()
    teller.add(entries)
    return teller.story(name, purpose, top)


class Teller:
    """Tells a run that goes on: what was told of closed generations is not told again.

    state: to begin with, nothing folded; its `history` says how closed generations are kept.
    brief: closed turns without their traces, how evidence grew, which are most of a long run's story: `tell_turn` of
        what `written` has of a generation says it with them.
    """

    def __init__(self, state: State | None = None, *, brief: bool = False) -> None:
        self.state = State() if state is None else state
        self._brief = brief
        self._began = self._last = ""
        self._turns: list[Turn] = []
        self._fresh: dict[str, tuple[int, Profile]] = {}
        self._standings: dict[tuple[int, int], Standing] = {}
        self._made: list[Descent] = []
        self._screenings = Screenings()
        self._batches: list[Batch] = []
        self._sessions: list[Session] = []
        self._exams: list[JudgeTested] = []
        self._served: list[ServerAsked] = []
        self._adapters: list[Entry] = []

    def add(self, entries: Iterable[Entry]) -> int:
        """Fold and note them, in order; returns how many. What comes before an entry that is refused stays.

        Raises:
            TrustError: an entry stands where it cannot stand.
        """
        added = 0
        for entry in entries:
            after = fold((entry,), self.state)
            if isinstance(entry, Decided):
                self._close(entry, self.state)
            self._note(entry)
            self.state = after  # last, so that what cannot be told is not passed over
            added += 1
        return added

    def story(self, name: str, purpose: str, top: Mapping[str, int]) -> Story:
        """The story so far; arguments as of `tell`."""
        state, turns = self.state, tuple(self._turns)
        now = screened(state.generation, state.slots, state.trials)
        openings = (*(turn.opening for turn in turns), _opening(state.slots))
        return Story(
            name=name,
            purpose=purpose,
            top=dict(top),
            state=state,
            turns=turns,
            standings=tuple(self._told_standings()),
            openings=tuple(opening for opening in openings if opening is not None),
            batches=tuple(self._batches),
            models=_models([*self._made, *_made(state.slots)], state, turns),
            sessions=tuple(self._sessions),
            written=Chapters(state),
            under_way=tuple(state.slots),
            began=self._began,
            last=self._last,
            exams=tuple(self._exams),
            served=tuple(self._served),
            adapter=adapter_document(self._adapters),
            screenings=self._screenings.then(now) if now else self._screenings,
        )

    def _note(self, entry: Entry) -> None:
        self._began, self._last = self._began or entry.at, entry.at
        match entry:
            case DataMade() if entry.trial is UNSET:
                self._batches.append(_batch(entry))
            case SessionStarted():
                self._sessions.append(_session(entry))
            case JudgeTested():
                self._exams.append(entry)
            case ServerAsked():
                self._served.append(entry)
            case SubjectBuilt() | ModelFetched():
                self._adapters.append(entry)
            case _:
                pass

    def _close(self, entry: Decided, before: State) -> None:
        slots = {**before.slots, entry.slot: entry}
        turn = tell_turn(slots)
        if turn is not None:
            self._turns.append(_briefly(turn) if self._brief else turn)
        self._fresh |= _fresh(before.generation, slots)
        self._made += _made(slots)
        if (tried := screened(before.generation, slots, before.trials)) is not None:
            self._screenings = self._screenings.then(tried)

    def _told_standings(self) -> Iterator[Standing]:
        """One a closed turn: how the model it left in force did when it was last measured on fresh problems."""
        fresh = self._fresh | _fresh(self.state.generation, self.state.slots)
        for turn in self._turns:
            if turn.incumbent in fresh:
                measured, profile = fresh[turn.incumbent]
                key = turn.generation, measured
                if key not in self._standings:
                    self._standings[key] = _standing(turn, measured, profile)
                yield self._standings[key]


class Chapters(Mapping[int, Mapping[str, Entry]]):
    """What each generation has written, by slot; the one in progress too, once it has written something."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __getitem__(self, generation: int) -> Mapping[str, Entry]:
        if generation == self._state.generation and self._state.slots:
            return self._state.slots
        return self._state.history[generation]

    def __iter__(self) -> Iterator[int]:
        yield from self._state.history
        if self._state.slots:
            yield self._state.generation

    def __len__(self) -> int:
        return len(self._state.history) + bool(self._state.slots)


def tell_turn(slots: Slots) -> Turn | None:
    """One generation from its slots, as `State.history` holds them; None while it is not decided."""
    decided = slots.get("decision/v1")
    if not isinstance(decided, Decided):
        return None
    diagnosed, proposed, audited = (slots.get(f"{kind}/v1") for kind in ("diagnosis", "proposal", "audit"))
    fresh, suggested = slots.get("profile/v1/fresh"), slots.get("suggested/v1")
    return Turn(
        generation=decided.generation,
        at=decided.at,
        decision=decided.decision,
        because=decided.because,
        candidate=decided.candidate,
        incumbent=decided.incumbent,
        team=decided.team,
        diagnosis=diagnosed.diagnosis if isinstance(diagnosed, Diagnosed) else None,
        proposal=proposed.proposal if isinstance(proposed, Proposed) else None,
        tried=len(suggested.changes) if isinstance(suggested, Suggested) else 0,
        opening=_opening(slots),
        labels=audited.labels if isinstance(audited, Audited) else {},
        ladder=fresh.profile.ladder()
        if isinstance(fresh, Profiled) and decided.decision == "promote"
        else None,
    )


def ladder_interval(profile: Profile) -> tuple[float, float]:
    """95 % interval of `profile.ladder()`: normal approximation, variances added over tasks and levels.

    Each rung's score is an independent binomial of `asked` problems, weighted 1/(tasks x levels of its task).
    It is too short where every rung is at 0 or 1, since their variance is then estimated as nothing.
    """
    tasks = len(profile.scores)
    variance = fsum(
        score.rate * (1 - score.rate) / score.asked / (tasks * len(scores)) ** 2
        for scores in profile.scores.values()
        for score in scores
        if score.asked
    )
    ladder, width = profile.ladder(), NORMAL_95 * sqrt(variance)
    return max(0.0, ladder - width), min(1.0, ladder + width)


def _opening(slots: Slots) -> Opening | None:
    written, closed = slots.get("intent/v1"), slots.get("outcome/v1")
    if not isinstance(written, IntentWritten):
        return None
    intent, outcome = written.intent, closed.outcome if isinstance(closed, OutcomeWritten) else None
    if not 0 < intent.alpha < 1:
        raise TrustError(
            f"an error probability between 0 and 1 expected at opening {intent.k}, got {intent.alpha}; "
            "the ledger is damaged: run `detent verify`"
        )
    results = {result.name: result for result in outcome.results} if outcome else {}
    return Opening(
        k=intent.k,
        generation=written.generation,
        alpha=intent.alpha,
        candidate=intent.candidate,
        incumbent=intent.incumbent,
        trials=tuple(Trial(target, results.get(target.name)) for target in intent.targets),
        verdict=outcome.verdict if outcome else "open",
        gain=outcome.gain if outcome else None,
        because=outcome.because if outcome else "",
        witnesses=intent.witnesses,
        smaller=intent.smaller,
        anchor=intent.anchor or "",
    )


def _fresh(generation: int, slots: Slots) -> dict[str, tuple[int, Profile]]:
    entry = slots.get("profile/v1/fresh")
    return {entry.profile.subject: (generation, entry.profile)} if isinstance(entry, Profiled) else {}


def _standing(turn: Turn, measured: int, profile: Profile) -> Standing:
    low, high = ladder_interval(profile)
    return Standing(
        generation=turn.generation,
        measured=measured,
        promoted=turn.promoted,
        profile=profile,
        ladder=profile.ladder(),
        low=low,
        high=high,
        horizons=horizons(profile),
    )


def _batch(entry: DataMade) -> Batch:
    kept = {task: sum(levels.values()) for task, levels in entry.counts.items()}
    offered = {task: sum(levels.values()) for task, levels in entry.offered.items()}
    return Batch(entry.digest, entry.generation, entry.origin, kept, offered or kept)


def _briefly(turn: Turn) -> Turn:
    """The same turn without the traces of its tests."""
    opening = turn.opening
    if opening is None:
        return turn
    trials = tuple(
        structs.replace(trial, result=trial.result and structs.replace(trial.result, trace=()))
        for trial in opening.trials
    )
    return structs.replace(turn, opening=structs.replace(opening, trials=trials))


def _made(slots: Slots) -> list[Descent]:
    """The models of a turn, nothing decided; a judge's word that taught nothing made none."""
    return [
        _descent(entry)
        for entry in slots.values()
        if isinstance(entry, SubjectBuilt | CandidateTrained)
        or (isinstance(entry, Tuned) and entry.digest != entry.parent)
    ]


def _models(made: Sequence[Descent], state: State, turns: Sequence[Turn]) -> tuple[Descent, ...]:
    decided = {turn.generation: turn for turn in turns}
    taught = {model.parent for model in made if model.method}
    return tuple(
        structs.replace(
            model,
            fate="taught further"
            if model.digest in taught
            else _fate(model.digest, decided.get(model.generation), state),
        )
        for model in made
    )


def _fate(digest: str, turn: Turn | None, state: State) -> Fate:
    if turn is None:
        return "not decided"
    if turn.promoted and digest == turn.candidate:
        return "in force" if digest == state.incumbent else "promoted"
    return "carried on" if digest in turn.team else "discarded"


def _shares(sources: Sequence[Source]) -> dict[str, float]:
    total = fsum(source.weight for source in sources)
    weights: dict[str, float] = {}
    for source in sources:
        weights[source.data] = weights.get(source.data, 0.0) + source.weight
    return {data: weight / total for data, weight in weights.items()} if total > 0 else weights


def _descent(entry: SubjectBuilt | CandidateTrained | Tuned) -> Descent:
    return Descent(
        digest=entry.digest,
        generation=entry.generation,
        member=entry.member,
        parent=entry.parent,
        data=dict.fromkeys(entry.data, 1.0) if isinstance(entry, Tuned) else _shares(entry.data),
        steps=entry.steps,
        seed=entry.seed,
        parameters=entry.parameters,
        flops=entry.flops,
        fate="not decided",
        method=entry.method if isinstance(entry, Tuned) else "",
    )


def _session(entry: SessionStarted) -> Session:
    return Session(
        at=entry.at,
        software=entry.software,
        seed=entry.seed,
        threads=entry.threads,
        confined=entry.confined,
        unconfined_because=entry.unconfined_because,
        evaluator=entry.evaluator,
    )
