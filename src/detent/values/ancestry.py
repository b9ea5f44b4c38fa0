"""From which models a model was trained: its own past, which is not always that of the models that were in force.

    >>> ancestors(state.turns, digest)
    ('00...', '3c...', '9f...')

A team has several members, and each goes on from its own models: a candidate need not descend from the incumbent that
it is to replace. Two members began from different seeds, so what differs inside them is not what was learnt.
"""

from collections.abc import Iterable, Mapping

from detent.values.entries import Decided
from detent.values.entry import Entry
from detent.values.trained import SubjectBuilt, Trained


def ancestors(turns: Iterable[Mapping[str, Entry]], model: str) -> tuple[str, ...]:
    """The models that a model descends from, one a turn, the first member of generation 0 at first; without itself.

    Of each turn it is the one with which training went on; what a turn made on the way to it is left out.
    """
    made: dict[str, Trained] = {}
    members: set[str] = set()
    for slots in turns:
        for entry in slots.values():
            if isinstance(entry, Trained):
                made.setdefault(entry.digest, entry)
            elif isinstance(entry, Decided):
                members |= {entry.incumbent, *entry.team}
    found: list[str] = []
    seen = {model}
    while (entry_of := made.get(model)) is not None and not isinstance(entry_of, SubjectBuilt):
        model = entry_of.parent
        if model in seen:  # of a record that somebody forged
            break
        seen.add(model)
        if model in members:
            found.append(model)
    return tuple(reversed(found))
