"""The tripwires of the charter's author: what their functions are given of the run as it stands.

    >>> numbers(parts, profiles, readings).generation
    3

Totals cross, and nothing else: a stranger's code sees no prompt, no answer and no model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from detent.charter import Charter
from detent.evaluate import best, horizon
from detent.loop.parts import Parts, Wire
from detent.tasks import Lookout
from detent.tripwires import CATALOGUE, own
from detent.values import Audited, Decided, OutcomeWritten, Profile, Profiled, Reading


def own_wires_of(charter: Charter, lookouts: Mapping[str, Lookout]) -> tuple[Wire, ...]:
    """The author's tripwires whose code is in `lookouts`, as the charter set them.

    No session begins without the code of each; who reads them again later may lack one's.
    """
    return tuple(
        Wire(name, wire.action, _reader(lookouts[name]))
        for name, wire in charter.tripwires.items()
        if wire.own and name in lookouts
    )


def numbers(parts: Parts, profiles: Sequence[Profile], readings: Sequence[Reading]) -> own.Numbers:
    """This generation so far, in totals; of the readings those of the built-in wires."""
    state, candidate = parts.book.state, best(profiles)
    fresh, audited = state.slots.get("profile/v1/fresh"), state.slots.get("audit/v1")
    afresh = fresh.profile if isinstance(fresh, Profiled) else None
    labels = audited.labels if isinstance(audited, Audited) else {}
    outcome = state.slots.get("outcome/v1")
    return own.Numbers(
        generation=state.generation,
        promoted=isinstance(outcome, OutcomeWritten) and outcome.outcome.verdict == "better",
        ladder=own.LadderNumbers(
            incumbent=state.fresh.ladder() if state.fresh else None,
            candidate=afresh.ladder() if afresh else None,
            earlier=tuple(_earlier(parts)),
        ),
        tasks={
            task: own.TaskNumbers(
                visible=scores,
                fresh=afresh.scores[task] if afresh else None,
                horizon=horizon(candidate, task).level,
                audit=labels.get(task),
            )
            for task, scores in candidate.scores.items()
        },
        flops=state.flops,
        readings=own.reading_numbers(reading for reading in readings if reading.wire in CATALOGUE),
    )


def _reader(lookout: Lookout) -> Callable[[Parts, Sequence[Profile], Sequence[Reading]], Reading]:
    return lambda parts, profiles, readings: own.watch(lookout, numbers(parts, profiles, readings))


def _earlier(parts: Parts) -> Iterator[tuple[int, float]]:
    """The fresh ladder score of each model that was put in force on the way here."""
    for generation, slots in parts.book.state.past.items():
        fresh, decided = slots.get("profile/v1/fresh"), slots.get("decision/v1")
        if isinstance(fresh, Profiled) and isinstance(decided, Decided) and decided.decision == "promote":
            yield generation, fresh.profile.ladder()
