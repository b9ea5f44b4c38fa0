"""What changed inside the candidate: looked for in every generation, and further when a person is asked.

    >>> always(parts, profiles).changed.words.flips
    0.12

It is read by a worker that has run no job before and can keep nothing. What could not be made is absent, with the
reason, and holds up nothing by itself: the tripwires that want it have then fired.
"""

from collections.abc import Sequence

from msgspec import UNSET, structs

from detent.errors import DetentError, EngineError
from detent.evaluate import always_looking, best
from detent.loop.parts import Parts
from detent.loop.so_far import probe_items
from detent.values import Explained, Interpreted, InterpretJob, Profile
from detent.values.inside import ALWAYS, always_job

LONGEST = 300
"""Characters of a reason that are kept."""


def always(parts: Parts, profiles: Sequence[Profile]) -> Explained:
    """The best candidate against the incumbent, and against generation 0's model where that is another."""
    state, candidate = parts.book.state, best(profiles).subject
    made = Explained(
        depth="always",
        candidate=candidate,
        incumbent=state.incumbent,
        first=state.first,
        changed=Interpreted(),
    )
    extra = parts.charter.subject.room
    try:
        prompts = tuple(item.problem.prompt for item in probe_items(parts))
    except DetentError as error:
        return structs.replace(made, changed=_nothing(error), since=UNSET)
    looks = {
        field: _looked(parts, always_job(models, prompts, extra, first=state.first))
        for field, models in made.pairs.items()
    }
    made = structs.replace(made, **looks)
    return structs.replace(made, flops=always_looking(made, state.sizes, prompts, extra))


def _looked(parts: Parts, job: InterpretJob) -> Interpreted:
    try:
        with parts.opening() as ask:
            found = ask(job)
        if not isinstance(found, Interpreted):
            raise EngineError(f"a look inside expected, got {type(found).__name__}; run again")
    except DetentError as error:
        return _nothing(error)
    return found


def _nothing(error: DetentError) -> Interpreted:
    """No figures, and why: one line of what went wrong, whoever it was."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    return Interpreted(absent=dict.fromkeys(ALWAYS, f"it could not be made: {said}"))
