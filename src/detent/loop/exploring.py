"""Changes beside the data: suggested, tried side by side in the open, and one of them, or none, is this turn's.

    change = exploring.changed(parts, weak)

Each trial is a turn of its own up to the visible profile: a plan with the change, its labels, its training for a few
steps, its profile, on the same problems and with the same luck as the plan as it is, which is number 0. What looks best
by more than chance is proposed, made anew with the whole team and measured anew; trials promote nothing.
"""

from collections.abc import Callable
from functools import partial

from msgspec import structs

from detent.engine import Engine
from detent.errors import DetentError, StorageError, TrustError
from detent.loop import learn, measure, suggesting, tuning
from detent.loop.abreast import abreast
from detent.loop.parts import Parts
from detent.propose import (
    change_at,
    choice,
    complete,
    due,
    planned,
    standing,
    touches_methods,
    trial_name,
    tried,
)
from detent.values import Change, Diagnosis, Progress, Proposed, Suggested, Withdrawn

LONGEST_REASON = 1_000
"""Characters of why a trial was withdrawn."""


def changed(parts: Parts, weak: Diagnosis) -> Change | None:
    """The change that this turn proposes beside the data; None for none."""
    if "proposal/v1" in parts.book.state.slots or not due(parts.charter, weak):
        return None
    found = parts.book.once("suggested/v1", lambda: suggesting.suggested(parts, weak))
    worked = [_rung(parts, weak, found, rung) for rung in range(len(parts.charter.explore.rungs))]
    change, reading = choice(found, parts.book.state.trials, parts.charter)
    if any(worked):
        parts.say(f"generation {parts.book.state.generation}: {reading}")
    return change


def _rung(parts: Parts, weak: Diagnosis, found: Suggested, rung: int) -> bool:
    """Try everything that stands at a rung, side by side; whether anything was left to do."""
    numbers = standing(found, parts.book.state.trials, parts.charter.explore, rung)
    if numbers == (0,):
        return False  # nothing is left to be compared with
    if all(complete(parts.book.state.trials.get(trial_name(number, rung), {})) for number in numbers):
        return False  # a session before this one did it
    at = f"rung {rung + 1} of {len(parts.charter.explore.rungs)}"
    changes = [change.said for number in numbers if (change := change_at(found, number)) is not None]
    parts.say(f"{at}: trying the plan as it is, and {'; '.join(changes)}")
    whole = touches_methods(found)

    def piece(number: int, engine: Engine) -> None:
        within = parts.within(trial_name(number, rung), engine)
        _trial(within, weak, change_at(found, number), rung, methods=whole)

    watch = partial(_told, parts.watch, f"{at}, {len(numbers)} trials side by side")
    pieces: list[Callable[[Engine], None]] = [partial(piece, number) for number in numbers]
    for number, came in zip(numbers, abreast(parts.engine, watch, pieces), strict=True):
        # The disk's or the record's fault, or of the plan that has no change, is not the change's.
        if isinstance(came, StorageError | TrustError) or (number == 0 and isinstance(came, DetentError)):
            raise came
        if isinstance(came, DetentError):
            within = parts.within(trial_name(number, rung), parts.engine)
            within.book.once("withdrawn/v1", partial(Withdrawn, because=str(came)[:LONGEST_REASON]))
    return True


def _told(watch: Callable[[Progress], None], at: str, progress: Progress) -> None:
    """What workers do, with where in the screening that is: the trials of a rung ask for it all together."""
    watch(structs.replace(progress, note=f"{at}; {progress.note}" if progress.note else at))


def _trial(parts: Parts, weak: Diagnosis, change: Change | None, rung: int, *, methods: bool) -> None:
    """A turn in small. methods: whether a judge's word teaches too: only where a change says something of it."""
    book = parts.book
    if "withdrawn/v1" in book.state.slots:
        return

    def proposed() -> Proposed:
        plan = planned(parts.charter, book.state, weak, parts.constitution, change)
        return Proposed(proposal=tried(plan, parts.charter, rung))

    plan = book.once("proposal/v1", proposed).proposal
    labels = book.once("data/v1", lambda: learn.label(parts, plan))
    candidates = learn.train(parts, plan, labels)
    if methods:
        candidates = tuning.tuned(parts, plan, candidates)
    measure.visible(parts, candidates)
