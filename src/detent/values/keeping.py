"""Which files a run's record names, which of them it needs to go on, and which a rule of retention keeps.

>>> kept(state, models="last 2", data="all", answers="all").models
frozenset({'5f0c...', '81aa...'})

Everything comes from the state, so that whoever has the entries can say what might be deleted, and when.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import UNSET

from detent.values.entries import (
    DataMade,
    Decided,
    OutcomeWritten,
)
from detent.values.entry import Entry
from detent.values.past import every_files, line, restored
from detent.values.serving import ServerAsked
from detent.values.state import State
from detent.values.trained import JudgeTrained, SubjectBuilt, Trained

E = TypeVar("E", bound=Entry)
Slots = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Files:
    """Digests of models, data files and answers files."""

    models: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()

    def __or__(self, other: "Files") -> "Files":
        """What is in one of them."""
        return Files(self.models | other.models, self.data | other.data, self.answers | other.answers)

    def __sub__(self, other: "Files") -> "Files":
        """What is not in the other."""
        return Files(self.models - other.models, self.data - other.data, self.answers - other.answers)

    def __len__(self) -> int:
        """How many there are of all three."""
        return len(self.models) + len(self.data) + len(self.answers)


def recorded(state: State) -> Files:
    """Everything that the record names."""
    turns = _turns(state)
    return Files(
        models=state.models - {""},
        data=frozenset(made.digest for made in _of(turns, DataMade)),
        answers=_answers(turns),
    )


def needed(state: State) -> Files:
    """What a run cannot go on without, whatever its charter says.

    models: those in force, the anchor, the first ones, which all later ones are compared with, those of the turn in
        progress, and the base where the models are adapters.
    data: what may be trained on, and the labels of all turns that led here, whose diversity is looked at together.
    answers: those of the turn in progress.
    """
    now = [state.slots, *state.trials.values()]
    made = [entry for slots in now for entry in slots.values() if isinstance(entry, Trained)]
    models = {state.incumbent, state.anchor, *state.team, *state.visible, state.judge}
    models |= {digest for model in made for digest in (model.digest, model.parent)}
    models |= _in_force(state.history.get(0, {})) | bases(state)
    return Files(
        models=frozenset(models) - {""},
        data=frozenset(made.digest for made in (*state.data, *_of([*state.past.values(), *now], DataMade))),
        answers=_answers(now),
    )


def bases(state: State) -> frozenset[str]:
    """The models that adapters on record need: that of which the first ones were made, for all later ones too."""
    turns = [state.history.get(0, {}), state.slots]
    return frozenset(made.parent for made in _of(turns, SubjectBuilt) if made.lora is not UNSET)


def kept(state: State, models: str, data: str, answers: str) -> Files:
    """What a rule keeps, beside what is needed.

    Args:
        state: where the run stands.
        models: "all"; "promoted": those that a generation which promoted left in force; "last N": those that the last
            N generations which led here left in force. A rollback goes back to no others.
        data: "all"; "in_force": nothing more than what is needed.
        answers: "all"; "last N": those of the last N openings. What a server said stays: nobody can ask it again.
    """
    every = recorded(state)
    return Files(
        models=every.models if models == "all" else _models(state, models),
        data=every.data if data == "all" else frozenset(),
        answers=every.answers
        if answers == "all"
        else frozenset(_ordered_answers(state)[-_number(answers) :]) | _said(_turns(state)),
    )


def lost(state: State, gone: frozenset[str]) -> list[int]:
    """The closed generations that no rollback can put back in force without the files of these digests."""
    return [generation for generation, files in enumerate(every_files(state.history)) if files & gone]


def _models(state: State, rule: str) -> frozenset[str]:
    if rule == "promoted":
        turns = [slots for slots in state.history.values() if _promoted(slots)]
    else:
        led_here = line(state.history, state.generation - 1)
        turns = [state.history[generation] for generation in led_here[-_number(rule) :]]
        anchors = {restored(state.history, generation).anchor for generation in led_here[-_number(rule) :]}
        return frozenset(anchors - {""}).union(*map(_in_force, turns))
    return frozenset(digest for slots in turns for digest in _in_force(slots))


def _promoted(slots: Slots) -> bool:
    decided = slots.get("decision/v1")
    return isinstance(decided, Decided) and decided.decision == "promote"


def _in_force(slots: Slots) -> set[str]:
    """The models that a closed turn left in force."""
    decided, judges = slots.get("decision/v1"), {made.digest for made in _of([slots], JudgeTrained)}
    return {decided.incumbent, *decided.team, *judges} - {""} if isinstance(decided, Decided) else set()


def _number(rule: str) -> int:
    """N of "last N"."""
    return int(rule.removeprefix("last "))


def _turns(state: State) -> list[Slots]:
    """Every turn, and everything that was tried in it as a turn of its own."""
    tried = [slots for trials in state.tried.values() for slots in trials.values()]
    return [*state.history.values(), state.slots, *tried, *state.trials.values()]


def _answers(turns: Iterable[Slots]) -> frozenset[str]:
    every = list(turns)
    return frozenset(_answered(every)) | _said(every)


def _said(turns: Iterable[Slots]) -> frozenset[str]:
    """What servers said."""
    return frozenset(asked.record for asked in _of(turns, ServerAsked))


def _answered(turns: Iterable[Slots]) -> list[str]:
    return [made.outcome.answers for made in _of(turns, OutcomeWritten) if made.outcome.answers]


def _ordered_answers(state: State) -> list[str]:
    return _answered(_turns(state))


def _of(turns: Iterable[Slots], kind: type[E]) -> Iterator[E]:
    for slots in turns:
        for entry in slots.values():
            if isinstance(entry, kind):
                yield entry
