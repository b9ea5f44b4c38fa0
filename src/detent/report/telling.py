"""From a ledger's entries to a Story.

>>> story = tell(entries, name="digits", purpose="Longer strings, same rules", top={"copy": 15})
>>> story.turns[-1].decision, story.ladder_now
('promote', 0.67)
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum, sqrt

from msgspec import UNSET

from detent.errors import TrustError
from detent.evaluate import horizons
from detent.report.adapters import adapter_document
from detent.report.story import Batch, Descent, Fate, Opening, Session, Standing, Story, Trial, Turn
from detent.report.tried import screenings
from detent.values import (
    Audited,
    CandidateTrained,
    DataMade,
    Decided,
    Diagnosed,
    Entry,
    IntentWritten,
    JudgeTested,
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
    told = list(entries)
    state = fold(told)
    chapters = dict(sorted(state.history.items()))
    written = chapters if not state.slots else {**chapters, state.generation: state.slots}
    turns = tuple(turn for turn in map(tell_turn, chapters.values()) if turn is not None)
    return Story(
        name=name,
        purpose=purpose,
        top=dict(top),
        state=state,
        turns=turns,
        standings=_standings(turns, written),
        openings=tuple(opening for opening in map(_opening, written.values()) if opening is not None),
        batches=tuple(
            _batch(entry) for entry in told if isinstance(entry, DataMade) and entry.trial is UNSET
        ),
        models=_models(written, state, turns),
        sessions=tuple(_session(entry) for entry in told if isinstance(entry, SessionStarted)),
        written={generation: dict(slots) for generation, slots in written.items()},
        under_way=tuple(state.slots),
        began=told[0].at if told else "",
        last=told[-1].at if told else "",
        exams=tuple(entry for entry in told if isinstance(entry, JudgeTested)),
        served=tuple(entry for entry in told if isinstance(entry, ServerAsked)),
        adapter=adapter_document(told),
        screenings=screenings(state),
    )


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


def _standings(turns: Sequence[Turn], written: Mapping[int, Slots]) -> tuple[Standing, ...]:
    """One a closed turn: how the model it left in force did when it was last measured on fresh problems."""
    fresh: dict[str, tuple[int, Profile]] = {}
    for generation, slots in written.items():
        entry = slots.get("profile/v1/fresh")
        if isinstance(entry, Profiled):
            fresh[entry.profile.subject] = generation, entry.profile
    known = ((turn, fresh[turn.incumbent]) for turn in turns if turn.incumbent in fresh)
    return tuple(_standing(turn, *measurement) for turn, measurement in known)


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


def _models(written: Mapping[int, Slots], state: State, turns: Sequence[Turn]) -> tuple[Descent, ...]:
    decided = {turn.generation: turn for turn in turns}
    entries = [entry for slots in written.values() for entry in slots.values()]
    taught = {entry.parent for entry in entries if isinstance(entry, Tuned) and entry.digest != entry.parent}
    return tuple(
        _descent(
            entry,
            "taught further"
            if entry.digest in taught
            else _fate(entry.digest, decided.get(entry.generation), state),
        )
        for entry in entries
        if isinstance(entry, SubjectBuilt | CandidateTrained)
        or (isinstance(entry, Tuned) and entry.digest != entry.parent)
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


def _descent(entry: SubjectBuilt | CandidateTrained | Tuned, fate: Fate) -> Descent:
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
        fate=fate,
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
