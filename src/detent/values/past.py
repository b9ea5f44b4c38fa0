"""What was in force at the end of an earlier generation, for going back to it.

Everything comes from the closed turns, so that whoever has the entries can say what a rollback restores.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from detent.values.entries import DataMade, Decided, Entry, Mastered, Profiled
from detent.values.profiles import Profile

History = Mapping[int, Mapping[str, Entry]]


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


def restored(history: History, to: int) -> dict[str, Any]:
    """The fields of the state as they were when generation `to` was closed: models, data, mastered levels.

    Labels that were made later are not trained on again, and levels mastered later are no longer asked for.
    What was spent (openings, error budget, leases, compute) stays spent.
    """
    kept = line(history, to)
    past = [entry for generation in kept for entry in history[generation].values()]
    decided = next(entry for entry in reversed(past) if isinstance(entry, Decided))
    fresh = [entry.profile for entry in _of(past, Profiled) if entry.purpose == "fresh"]
    reports = {
        profile.subject: profile for profile in fresh
    }  # a generation that was not promoted may have none
    return {
        "incumbent": decided.incumbent,
        "incumbent_generation": _since(history, kept, decided.incumbent),
        "team": decided.team,
        "visible": _visible(past, {decided.incumbent, *decided.team}),
        "fresh": reports.get(decided.incumbent),
        "data": tuple(_of(past, DataMade)),
        "mastered": _mastered(_of(past, Mastered)),
    }


def _of(entries: Iterable[Entry], kind: type[Any]) -> list[Any]:
    return [entry for entry in entries if isinstance(entry, kind)]


def _since(history: History, kept: list[int], incumbent: str) -> int:
    promotions = [
        generation
        for generation in kept
        if isinstance(decided := history[generation].get("decision/v1"), Decided)
        and decided.decision == "promote"
        and decided.incumbent == incumbent
    ]
    return promotions[-1] if promotions else 0


def _visible(past: list[Entry], models: set[str]) -> dict[str, Profile]:
    profiles = [entry.profile for entry in _of(past, Profiled) if entry.purpose == "visible"]
    return {profile.subject: profile for profile in profiles if profile.subject in models}


def _mastered(entries: list[Mastered]) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for entry in entries:
        for task, levels in entry.added.items():
            found[task] = found.get(task, frozenset()) | frozenset(levels)
    return found
