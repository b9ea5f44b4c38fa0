"""Revisions asked again of the team that is said to have made them: whose words a file of revised answers holds.

On the machine's own kind the same file must come of the same jobs, to the byte. Elsewhere the same revisions must be
kept, all but a few; how sure their writers are may differ by `relabelling.SURE`.
"""

from collections.abc import Iterator

from detent.audit.constitutions import constitution_of
from detent.audit.differences import Remade, judged, not_made
from detent.audit.findings import counted
from detent.audit.lesson import examples_of
from detent.audit.relabelling import differing_examples, with_recorded_digits
from detent.audit.turns import Turn
from detent.errors import EngineError, TrustError
from detent.evaluate import profile_items, public_stream
from detent.propose import (
    REVISING,
    asked_of,
    kept_revisions,
    lasting_rungs,
    revise_job,
    revised_rungs,
    sources_for,
)
from detent.values import DataMade, DataProposal, Example, Method, Proposed, Revised


def revisions_again(turn: Turn) -> Iterator[Remade]:
    """Every file of revised answers of the generation."""
    proposed = turn.entry("proposal/v1", Proposed)
    for method, origin in REVISING.items():
        made = turn.entry(f"data/v1/{origin}", DataMade)
        if made is not None and proposed is not None:
            yield _again(turn, method, made, proposed.proposal)


def _again(turn: Turn, method: Method, made: DataMade, proposal: DataProposal) -> Remade:
    if gone := turn.gone(proposal.team):
        return not_made("revisions", gone)
    try:
        recorded = examples_of(turn.case, made.digest)
    except TrustError as error:
        return not_made("revisions", str(error))
    if recorded is None:
        return not_made("revisions", turn.case.without(f"data/{made.digest}.jsonl"))
    again = _revised(turn, method, proposal)
    if not turn.rule.exact:
        again = with_recorded_digits(recorded, again)
    detail = (
        f"{counted(len(recorded), 'revision')} by {method} in data/{made.digest[:8]}..., asked again of "
        f"{counted(len(proposal.team), 'model')}"
    )
    steps = turn.places(f"data/v1/{REVISING[method]}")
    differing = differing_examples(recorded, again)
    return judged("revisions", detail, differing, asked=len(recorded), rule=turn.rule, steps=steps)


def _revised(turn: Turn, method: Method, proposal: DataProposal) -> list[Example]:
    charter, constitution = turn.signed.charter, constitution_of(turn.case, turn.signed)
    stream = public_stream(charter.run.seed, f"revisions by {method}", turn.generation)
    rungs = revised_rungs(proposal, method, charter, constitution)
    sources = sources_for(rungs, constitution, {**turn.tasks, **turn.principles})
    asked = asked_of(profile_items(sources, rungs, stream))
    jobs = [
        revise_job(model, asked, charter.feedback, charter.subject.room, constitution)
        for model in proposal.team
    ]
    found = []
    for result in turn.engine.run_all(jobs, turn.means.watch):
        if not isinstance(result, Revised):
            raise EngineError(f"revisions expected from a revise job, got {type(result).__name__}; run again")
        found.append(result.revisions)
    return kept_revisions(asked, found, charter.feedback, lasting_rungs(rungs, constitution))
