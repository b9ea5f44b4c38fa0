"""What changed inside the candidate: looked for in every generation, and further when a person is asked.

    >>> always(parts, profiles).changed.words.flips
    0.12

It is read by a worker that has run no job before and can keep nothing. What could not be made is absent, with the
reason, and holds up nothing by itself: the tripwires that want it have then fired.
"""

from collections.abc import Sequence
from functools import partial

from msgspec import UNSET, structs

from detent.engine import figures_of
from detent.errors import DetentError, TrustError
from detent.evaluate import Inquiry, always_looking, best, deeper_job, deeper_looking, lineage_at, oldest
from detent.loop.measure import completions
from detent.loop.parts import Parts
from detent.tripwires.looks import probe_prompts
from detent.values import Explained, Interpreted, InterpretJob, Profile
from detent.values.inside import ALWAYS, DEEPER, Section, always_job

LONGEST = 300
"""Characters of a reason that are kept."""


def always(parts: Parts, profiles: Sequence[Profile]) -> Explained:
    """The best candidate against the incumbent, generation 0's model, and what it descends from; each once."""
    state, candidate = parts.book.state, best(profiles).subject
    made = Explained(
        depth="always",
        candidate=candidate,
        incumbent=state.incumbent,
        first=state.first,
        basis=lineage_at(state, candidate).before,
        changed=Interpreted(),
    )
    extra = parts.charter.subject.room
    try:
        prompts = probe_prompts(parts.tasks, parts.tops, parts.charter.run.seed)
    except DetentError as error:
        return structs.replace(made, **dict.fromkeys(made.pairs, _nothing(error, ALWAYS)))
    looks = {
        field: _looked(parts, always_job(models, prompts, extra, first=oldest(state, models[0])))
        for field, models in made.pairs.items()
    }
    made = structs.replace(made, **looks)
    return structs.replace(made, flops=always_looking(made, state.sizes, prompts, extra))


def deeper(parts: Parts) -> Explained:
    """All other sections, of the candidate and what it descends from, for whoever has to say yes or no."""
    state, charter = parts.book.state, parts.charter
    about = state.slots["explained/v1"]
    assert isinstance(about, Explained)  # noqa: S101  the slot's own kind
    made = structs.replace(about, depth="deeper", since=UNSET, learnt=UNSET, flops=0.0)
    try:
        prompts = probe_prompts(parts.tasks, parts.tops, parts.charter.run.seed)
        asked = Inquiry(parts.tasks, parts.tops, charter.run.seed, charter.subject.room, prompts, DEEPER)
        with parts.opening() as ask:
            job = deeper_job(
                lineage_at(state, about.candidate),
                asked,
                partial(completions, ask, extra_tokens=charter.subject.room),
            )
            found = figures_of(ask(job))
    except TrustError:
        raise
    except DetentError as error:
        return structs.replace(made, changed=_nothing(error, DEEPER))
    probed = () if job.known is UNSET else job.known.models
    made = structs.replace(made, changed=found, models=probed, gained=len(job.gained))
    problems = [] if job.known is UNSET else job.known.prompts
    return structs.replace(
        made, flops=deeper_looking(made, state.sizes, (prompts, problems), charter.subject.room)
    )


def _looked(parts: Parts, job: InterpretJob) -> Interpreted:
    try:
        with parts.opening() as ask:
            return figures_of(ask(job))
    except TrustError:
        raise  # the overseer's own: a model is not what the ledger says, and nothing goes on from there
    except DetentError as error:
        return _nothing(error, job.sections)


def _nothing(error: DetentError, sections: Sequence[Section]) -> Interpreted:
    """No figures, and why: one line of what went wrong, whoever it was."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    return Interpreted(absent=dict.fromkeys(sections, f"it could not be made: {said}"))
