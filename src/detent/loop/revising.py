"""Self-refinement, and the constitution's supervised phase: draft, criticise, revise, and learn what came of it.

The subject is taught to revise from seed answers that were spoilt, and then revises its own at the frontier; by a
principle, where the constitution asks. Rules alone say which revisions are kept; an audit counts what they made right
and what wrong, and the next proposal uses the method by that.
"""

from collections.abc import Sequence

from detent.errors import EngineError
from detent.evaluate import flipped, profile_items
from detent.loop.parts import Parts
from detent.propose import (
    REVISING,
    asked_of,
    checkers_of,
    corrections,
    counts_of,
    kept_revisions,
    lasting_rungs,
    offered_on,
    principle_of,
    revise_job,
    revised_rungs,
    revision_flops,
    revision_origin,
    sources_for,
    taught_principles,
)
from detent.values import (
    DataMade,
    DataProposal,
    Flipped,
    Item,
    Method,
    Origin,
    Result,
    Revised,
    Revision,
)


def corrected(parts: Parts, seeds: DataMade) -> DataMade | None:
    """What revising is taught from, made of the seed data; None where the charter wants none, or asks in words."""
    feedback = parts.charter.feedback
    if not feedback.corrected or feedback.forms == "words":
        return None
    return parts.book.once("data/v1/corrections", lambda: _corrections(parts, seeds))


def _corrections(parts: Parts, seeds: DataMade) -> DataMade:
    feedback, stream = parts.charter.feedback, parts.stream(f"corrections of {seeds.digest}")
    made = corrections(
        parts.data.read(seeds.digest),
        stream,
        feedback.corrections,
        refined="refine" in feedback.methods,
        principles=taught_principles(feedback, parts.constitution),
    )
    return DataMade(
        digest=parts.data.put(made),
        origin=Origin("corrections"),
        counts=counts_of(made),
        offered={},
        stream=stream.hex(),
    )


def revise(parts: Parts, plan: DataProposal) -> None:
    """Every method of the charter's that revises: its file of this generation, and what an audit says of it."""
    for method in REVISING:
        if plan.tasks_of(method):
            _revise_by(parts, plan, method)


def _revise_by(parts: Parts, plan: DataProposal, method: Method) -> None:
    made = parts.book.once(f"data/v1/{REVISING[method]}", lambda: _revised(parts, plan, method))
    parts.book.once(f"flips/v1/{method}", lambda: _audited(parts, plan, method, made))


def _rungs(parts: Parts, plan: DataProposal, method: Method) -> dict[str, dict[int, int]]:
    return revised_rungs(plan, method, parts.charter, parts.constitution)


def _items(parts: Parts, rungs: dict[str, dict[int, int]], stream: bytes) -> list[Item]:
    """The problems that are drafted, with the answers that stay on this side."""
    return profile_items(sources_for(rungs, parts.constitution, parts.asked), rungs, stream)


def _revised(parts: Parts, plan: DataProposal, method: Method) -> DataMade:
    stream, feedback = parts.stream(f"revisions by {method}"), parts.charter.feedback
    rungs = _rungs(parts, plan, method)
    asked = asked_of(_items(parts, rungs, stream))
    jobs = [
        revise_job(model, asked, feedback, parts.charter.subject.room, parts.constitution)
        for model in plan.team
    ]
    revisions = [_revisions(result) for result in parts.ask_all(jobs)]
    lasting = lasting_rungs(rungs, parts.constitution)
    kept = kept_revisions(asked, revisions, feedback, lasting)
    sizes = [parts.book.state.sizes[model] for model in plan.team]
    return DataMade(
        digest=parts.data.put(kept),
        origin=revision_origin(method, plan.team, feedback),
        counts=counts_of(kept),
        offered=offered_on(rungs),
        stream=stream.hex(),
        flops=revision_flops(sizes, jobs[0]),
    )


def _revisions(result: Result) -> Sequence[Revision]:
    if not isinstance(result, Revised):
        raise EngineError(f"revisions expected from a revise job, got {type(result).__name__}; run again")
    return result.revisions


def _audited(parts: Parts, plan: DataProposal, method: Method, made: DataMade) -> Flipped:
    """Totals leave this function, single outcomes never do. Drawn when the file has its digest."""
    stream = parts.stream(f"flips of {made.digest}")
    flips = flipped(
        parts.data.read(made.digest),
        _items(parts, _rungs(parts, plan, method), bytes.fromhex(made.stream)),
        checkers_of(made.counts, parts.asked),
        stream=stream,
        most=parts.charter.feedback.flips,
        named=str if method == "refine" else principle_of,
    )
    return Flipped(method=method, data=made.digest, flips=flips, stream=stream.hex())
