"""What changed inside the candidate: looked for in every generation, and further when a person is asked.

    >>> always(parts, profiles).changed.words.flips
    0.12

It is read by a worker that has run no job before and can keep nothing. What could not be made is absent, with the
reason, and holds up nothing by itself: the tripwires that want it have then fired.
"""

from collections.abc import Sequence
from functools import partial

from msgspec import UNSET, structs

from detent.errors import DetentError, EngineError, TrustError
from detent.evaluate import Inquiry, always_looking, best, deeper_job, deeper_looking, lineage_at, oldest
from detent.loop.measure import Ask
from detent.loop.parts import Parts
from detent.loop.so_far import probe_items
from detent.values import AnswerJob, Answers, Explained, Interpreted, InterpretJob, Profile, Result
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
        prompts = tuple(item.problem.prompt for item in probe_items(parts))
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
        prompts = tuple(item.problem.prompt for item in probe_items(parts))
        asked = Inquiry(parts.tasks, parts.tops, charter.run.seed, charter.subject.room, prompts, DEEPER)
        with parts.opening() as ask:
            job = deeper_job(lineage_at(state, about.candidate), asked, partial(_answers, parts, ask))
            found = _figures(ask(job))
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
            return _figures(ask(job))
    except TrustError:
        raise  # the overseer's own: a model is not what the ledger says, and nothing goes on from there
    except DetentError as error:
        return _nothing(error, job.sections)


def _answers(parts: Parts, ask: Ask, model: str, prompts: Sequence[str]) -> Sequence[str]:
    found = ask(AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=parts.charter.subject.room))
    if not isinstance(found, Answers):
        raise EngineError(f"answers expected, got {type(found).__name__}; run again")
    return found.completions


def _figures(found: Result) -> Interpreted:
    if not isinstance(found, Interpreted):
        raise EngineError(f"a look inside expected, got {type(found).__name__}; run again")
    return found


def _nothing(error: DetentError, sections: Sequence[Section]) -> Interpreted:
    """No figures, and why: one line of what went wrong, whoever it was."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    return Interpreted(absent=dict.fromkeys(sections, f"it could not be made: {said}"))
