"""Which models a look inside a run compares: of record, by generation.

>>> picked = pick(state, 3, None)
>>> picked.against, picked.lineage.before == state.history[2]["decision/v1"].incumbent
(2, True)
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET

from detent.engine import ModelStore
from detent.errors import SubjectError, UsageError
from detent.evaluate import Lineage, basis_of, best
from detent.values import Decided, Entry, IntentWritten, Profiled, Requested, State
from detent.values.ancestry import ancestors
from detent.values.past import line


class Picked(NamedTuple):
    """generation: whose candidate is after. against: the generation at whose end before was there.

    trained_from: whether before is what after was trained from, and not the model that was in force.
    """

    generation: int
    against: int
    lineage: Lineage
    trained_from: bool = False


def pick(state: State, generation: int, against: int | None) -> Picked:
    """The candidate of a generation, promoted or not, and the model that it had to beat.

    Where it does not descend from that, but from another member of the team, it is the one it was trained from: what
    differs from the one in force was not all learnt.
    against: the generation whose model in force, at its end, is compared instead.

    Raises:
        UsageError: there is no such generation, or it made no model, or the two are the same.
    """
    after = _candidate(state, generation)
    if against is None:
        if generation == 0:
            raise UsageError("a generation from 1 on expected, got 0: no model was in force before it")
        against = _promoted_in(state, generation - 1)
        descent = basis_of(_descent(state, generation, after), _decided(state, against).incumbent)
        chain = descent or _reign(state, against)
    elif against not in state.history:
        raise UsageError(
            f"a closed generation of this run to compare with expected, got {against}{_there(state)}"
        )
    else:
        chain = _reign(state, against)
    before = chain[-1]
    if before == after:
        raise UsageError(
            f"two models expected, got one: after generation {against} that of generation {generation} was in force; "
            "name an earlier generation with --against"
        )
    earlier = (
        UNSET if before == chain[0] else (chain[0], before)
    )  # as in every generation: all since its first
    lineage = Lineage(chain[0], before, after, between=tuple(chain[1:-1]), earlier=earlier)
    trained_from = before != _decided(state, against).incumbent
    return Picked(generation, generation - 1 if trained_from else against, lineage, trained_from)


def _descent(state: State, generation: int, model: str) -> tuple[str, ...]:
    """What the model of a generation, closed or in progress, descends from."""
    own = state.history.get(generation, state.slots)
    return ancestors([*(state.history[one] for one in line(state.history, generation - 1)), own], model)


def _reign(state: State, against: int) -> tuple[str, ...]:
    """The model in force at the end of a generation, after what it descends from."""
    model = _decided(state, against).incumbent
    return (*ancestors([state.history[one] for one in line(state.history, against)], model), model)


def _candidate(state: State, generation: int) -> str:
    """Of a closed generation what was decided about; of the one in progress what goes to the gate."""
    if generation in state.history:
        decided = _decided(state, generation)
        if not decided.candidate:
            raise UsageError(
                f"a generation that made a model expected, got {generation} ({decided.decision})"
            )
        return decided.candidate
    if generation != state.generation or not state.slots:
        raise UsageError(f"a generation of this run expected, got {generation}{_there(state)}")
    asked, intent = state.slots.get("request/v1"), state.slots.get("intent/v1")
    if isinstance(asked, Requested) and asked.candidate:
        return asked.candidate
    if isinstance(intent, IntentWritten):
        return intent.intent.candidate
    return _best(state.slots, generation)


def _best(slots: Mapping[str, Entry], generation: int) -> str:
    """The best of those that are measured, which is the one that goes to the gate if any does."""
    measured = [
        one.profile for one in slots.values() if isinstance(one, Profiled) and one.purpose == "visible"
    ]
    made = {slot for slot in slots if slot.startswith("candidate/v1/")}
    if not made or len(measured) < len(made):
        raise UsageError(
            f"a generation whose candidates are measured expected, got {generation}, which is in progress; wait, or "
            "name one before it"
        )
    return best(measured).subject


def _decided(state: State, generation: int) -> Decided:
    decided = state.history[generation]["decision/v1"]
    assert isinstance(decided, Decided)  # noqa: S101  the slot's own kind
    return decided


def _promoted_in(state: State, last: int) -> int:
    """The generation that put in force what was in force at the end of `last`."""
    for generation in reversed(line(state.history, last)):
        if _decided(state, generation).decision == "promote":
            return generation
    return 0


def _there(state: State) -> str:
    newest = len(state.history) - 1
    return f"; closed ones are 0 to {newest}" if newest >= 0 else "; none is closed yet: run it first"


def with_weights(
    lineage: Lineage, state: State, models: ModelStore, *, probed: bool
) -> tuple[Lineage, list[str]]:
    """The lineage as far as its weights are there, and a sentence for what had to be left out.

    probed: whether the first model, and those between, are needed.

    Raises:
        UsageError: weights of one of the models that are needed were let go as the charter's [retention] allows.
        SubjectError: they are not there for another reason.
        TrustError: they are not those of their digest.
    """
    first = {"the first model": lineage.first} if probed else {}
    for said, digest in {**first, "before": lineage.before, "after": lineage.after}.items():
        try:
            models.path(digest)
        except SubjectError as error:
            if digest not in state.collected:
                raise
            raise UsageError(
                f"the weights models/{digest} ({said}) expected, got none: they were let go as the charter's "
                "[retention] allows; name generations whose weights are kept"
            ) from error
    left_out = []
    between = tuple(one for one in lineage.between if probed and _is_there(models, one))
    if probed and (gone := len(lineage.between) - len(between)):
        left_out.append(f"note        the weights of {gone} earlier models are gone: probes skip them")
    earlier = lineage.earlier
    if earlier is not UNSET and not _is_there(models, earlier[0]):
        left_out.append("note        the first model's weights are gone: no cosine with what changed since")
        earlier = UNSET
    return lineage._replace(between=between, earlier=earlier), left_out


def _is_there(models: ModelStore, digest: str) -> bool:
    try:
        models.path(digest)
    except SubjectError:
        return False
    return True
