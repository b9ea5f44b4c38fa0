"""What each closed generation left in force: the same rule goes on from it, and goes back to it.

Everything comes from the closed turns, so that whoever has the entries can say what a rollback restores.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from detent.values.changes import Setting
from detent.values.entries import DataMade, Decided, IntentWritten, Mastered, Profiled, Proposed
from detent.values.entry import Entry
from detent.values.people import Answered, Requested
from detent.values.profiles import Profile
from detent.values.trained import JudgeTrained

History = Mapping[int, Mapping[str, Entry]]


class InForce(NamedTuple):
    """The fields of the state that a rollback puts back.

    Models, profiles, data, mastered levels, judge, settings, anchor.
    """

    incumbent: str = ""
    incumbent_generation: int = 0
    team: tuple[str, ...] = ()
    visible: Mapping[str, Profile] = {}
    fresh: Profile | None = None
    data: tuple[DataMade, ...] = ()
    mastered: Mapping[str, frozenset[int]] = {}
    judge: str = ""
    settings: Mapping[str, Setting] = {}
    anchor: str = ""


def line(history: History, last: int) -> list[int]:
    """The generations that led to `last`, oldest first: none that a rollback had undone by then.

    >>> line(history_whose_generation_6_went_back_to_3, 7)
    [0, 1, 2, 3, 7]
    """
    found: list[int] = []
    generation = last
    while generation >= 0:
        decided = history[generation].get("decision/v1")
        if isinstance(decided, Decided) and decided.decision == "rollback" and decided.to is not None:
            generation = decided.to
        else:
            found.append(generation)
            generation -= 1
    return found[::-1]


def restored(history: History, to: int, since: int = 0) -> InForce:
    """What was in force when generation `to` was closed.

    since: the first turn under the charter in force; what earlier ones have set otherwise was of another charter.

    Labels that were made later are not trained on again, and levels mastered later are no longer asked for.
    What was spent (openings, error budget, leases, compute) stays spent.
    """
    found = InForce()
    for generation in line(history, to):
        found = left(found, history[generation])
        if generation < since:
            found = found._replace(settings={})
    return found


def files_of(history: History, generation: int) -> frozenset[str]:
    """Digests of the models and data files that are in force again after a rollback to that generation."""
    return _files(restored(history, generation))


def every_files(history: History) -> Iterator[frozenset[str]]:
    """The same of every closed generation, in order: each goes on from the one before, or from where it went back."""
    there: list[InForce] = []
    for generation, slots in sorted(history.items()):
        decided = slots.get("decision/v1")
        if isinstance(decided, Decided) and decided.decision == "rollback" and decided.to is not None:
            there.append(there[decided.to])
        else:
            there.append(left(there[generation - 1] if generation else InForce(), slots))
        yield _files(there[generation])


def left(before: InForce, slots: Mapping[str, Entry]) -> InForce:
    """What a turn that was closed, and by no rollback, leaves in force.

    Only a promotion adds mastered levels. Labels stay, also of a candidate that the gate did not pass; not those
    of a turn that people were asked about and did not allow: nobody goes on from what people did not want.
    before: what was in force; whether what this turn has measured and labelled is in it already is the same.
    """
    decided = slots["decision/v1"]
    assert isinstance(decided, Decided)  # noqa: S101  the slot's own kind
    anchor = decided.incumbent if decided.decision == "promote" and not _smaller(slots) else before.anchor
    after = before._replace(
        incumbent=decided.incumbent,
        team=decided.team,
        anchor=anchor,
        visible=_visible(before, slots, {decided.incumbent, anchor, *decided.team}),
        data=tuple(data for data in before.data if data.generation != decided.generation),
    )
    if allowed(slots, decided.at):
        after = after._replace(data=(*after.data, *_of(slots, DataMade)), judge=_judge(slots, before.judge))
    if decided.decision != "promote":
        return after
    fresh, mastered = slots.get("profile/v1/fresh"), slots.get("mastery/v1")
    return after._replace(
        incumbent_generation=decided.generation,
        fresh=fresh.profile if isinstance(fresh, Profiled) else None,
        mastered=_with_rungs(before.mastered, mastered.added if isinstance(mastered, Mastered) else {}),
        settings=_settings(slots, before.settings),
    )


def allowed(slots: Mapping[str, Entry], at: str) -> bool:
    """Whether nobody was asked about a turn, or somebody approved, and the request had not expired at that time."""
    asked, answered = slots.get("request/v1"), slots.get("answer/v1")
    if not isinstance(asked, Requested):
        return True
    return isinstance(answered, Answered) and answered.verdict == "approve" and at < asked.expires


def _settings(slots: Mapping[str, Entry], before: Mapping[str, Setting]) -> Mapping[str, Setting]:
    """What worked is carried on: a change of settings stays once a model that it made was promoted."""
    proposed = slots.get("proposal/v1")
    return {**before, **proposed.proposal.settings} if isinstance(proposed, Proposed) else before


def _smaller(slots: Mapping[str, Entry]) -> bool:
    """Whether what a turn opened the seal for was a smaller candidate: it proves nothing better than the anchor."""
    written = slots.get("intent/v1")
    return isinstance(written, IntentWritten) and written.intent.smaller


def _judge(slots: Mapping[str, Entry], before: str) -> str:
    made = slots.get("judge/v1")
    return made.digest if isinstance(made, JudgeTrained) else before


def _files(there: InForce) -> frozenset[str]:
    return frozenset(
        {there.incumbent, there.anchor, *there.team, there.judge, *(made.digest for made in there.data)}
        - {""}
    )


def _of(slots: Mapping[str, Entry], kind: type[Any]) -> list[Any]:
    return [entry for entry in slots.values() if isinstance(entry, kind)]


def _visible(before: InForce, slots: Mapping[str, Entry], models: set[str]) -> dict[str, Profile]:
    new = {e.profile.subject: e.profile for e in _of(slots, Profiled) if e.purpose == "visible"}
    return {digest: profile for digest, profile in {**before.visible, **new}.items() if digest in models}


def _with_rungs(
    mastered: Mapping[str, frozenset[int]], added: Mapping[str, Iterable[int]]
) -> dict[str, frozenset[int]]:
    more = {task: mastered.get(task, frozenset()) | frozenset(levels) for task, levels in added.items()}
    return {**mastered, **more}
