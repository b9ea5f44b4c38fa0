"""Where every model comes from: proposed by the team's rule, trained on data that was on the ledger before it.

Diagnosis, proposal and the shares of the training data are pure functions of record and charter, and are computed
again.
"""

from collections.abc import Iterator
from math import inf

from msgspec import structs

from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted
from detent.audit.revising import audited_faults
from detent.audit.signatures import Charters
from detent.audit.states import left_faults
from detent.audit.steps import Step, followed
from detent.audit.trials import difference, parent_of, proposal_faults, reshaped_faults
from detent.audit.tuning import taught, tuned_faults
from detent.charter import SignedCharter
from detent.diagnose import diagnose
from detent.propose import (
    REVISING,
    first_sources,
    given_judge,
    judge_sources,
    optimizer_of,
    sources_of,
)
from detent.values import (
    Audited,
    CandidateTrained,
    Carrying,
    DataMade,
    DataProposal,
    Diagnosed,
    JudgeTrained,
    Proposed,
    Reshaped,
    Source,
    SubjectBuilt,
    Trained,
    Tuned,
)


def check_lineage(case: Case, charters: Charters) -> Finding:
    """Each model's parent, data, steps, seed, optimizer and size are those of proposal, record and charter."""
    faults: list[str] = []
    made: dict[str, Step] = {}
    for step in case.steps:
        signed = charters.at(step)
        if step.hangs or step.entry.generation != step.before.generation:
            continue  # of no turn that is known; `order` says so
        if isinstance(step.entry, Diagnosed):
            faults += followed(step.place, "a diagnosis", _diagnosis_faults(step, step.entry))
        if isinstance(step.entry, Proposed):
            faults += followed(step.place, "a proposal", proposal_faults(case, step, step.entry, signed))
        if isinstance(step.entry, Trained):
            faults += followed(step.place, "a model", _model_faults(case, step, step.entry, signed))
            first = made.setdefault(step.entry.digest, step)
            if first is not step and not _may_be_again(first, step):
                faults.append(f"{step.place}: a new model expected, got that of {first.place} again")
    detail = f"{counted(len(made), 'model')}, each from a known parent and data recorded before it"
    return Finding("lineage", detail, tuple(faults))


def _may_be_again(one: Step, other: Step) -> bool:
    """Whether the same model may stand on record twice.

    Scores that are all the same teach nothing. Changes that come to the same make the same model, in another trial of
    that turn. And where an edit draws nothing by chance, it makes the same of a model whenever it is made.
    """
    was, entry = one.entry, other.entry
    if isinstance(entry, Tuned) and entry.digest == entry.parent:
        return True
    if isinstance(was, Reshaped) and isinstance(entry, Reshaped):
        return (was.parent, was.edit) == (entry.parent, entry.edit)
    return bool(one.trial and other.trial) and one.before.generation == other.before.generation


def _diagnosis_faults(step: Step, entry: Diagnosed) -> Iterator[str]:
    profile = step.before.visible.get(step.before.incumbent)
    if profile is None:
        yield "a visible profile of the incumbent before the diagnosis expected, got none"
    elif (wanted := diagnose(profile, step.before.past)) != entry.diagnosis:
        yield f"the rule's diagnosis expected, with {difference(wanted, entry.diagnosis)}"


def _model_faults(case: Case, step: Step, entry: Trained, signed: SignedCharter) -> Iterator[str]:
    most = signed.charter.constraints.max_parameters
    if not 1 <= entry.parameters <= most:
        yield f"1 to {most:,} parameters expected, as the charter says, got {entry.parameters:,}"
    if not 0 <= entry.flops < inf:  # less than nothing would make a lease larger
        yield f"floating point operations, 0 or more, expected, got {entry.flops}"
    if isinstance(entry, Carrying) and not (
        isinstance(entry, JudgeTrained) and signed.charter.feedback.judge_given
    ):
        yield from left_faults(entry, signed)
    if isinstance(entry, SubjectBuilt):
        yield from _subject_faults(step, entry, signed)
    elif isinstance(entry, Tuned):
        yield from tuned_faults(step, entry, signed)
    elif isinstance(entry, JudgeTrained):
        yield from _judge_faults(step, entry, signed)
    elif isinstance(entry, Reshaped):
        yield from reshaped_faults(case, step, entry, signed)
    else:
        yield from _candidate_faults(step, entry, signed)


def _subject_faults(step: Step, entry: SubjectBuilt, signed: SignedCharter) -> Iterator[str]:
    recipe = signed.charter.recipe
    seed = step.number(signed, f"first training {entry.member}")
    if step.before.generation != 0 or not 0 <= entry.member < recipe.team:
        yield f"a first model of {recipe.team} in generation 0 expected, got member {entry.member}"
    if (entry.seed, entry.steps) != (seed, recipe.seed_steps):
        yield f"{recipe.seed_steps} steps from seed {seed} expected, got {entry.steps} from {entry.seed}"
    if entry.lora != (lora := optimizer_of(signed.charter).lora):
        yield f"the charter's adapter, {lora}, expected, got {entry.lora}"
    seeds = step.before.slots.get("data/v1")
    if isinstance(seeds, DataMade) and entry.data != first_sources(
        seeds, step.before, signed.charter.feedback
    ):
        yield "the seed data, and what teaches revising where the charter wants it, expected, got others"
    yield from _source_faults(step, entry.data, {"seed", "corrections"})


def _candidate_faults(step: Step, entry: CandidateTrained, signed: SignedCharter) -> Iterator[str]:
    proposed = step.before.slots.get("proposal/v1")
    if not isinstance(proposed, Proposed):
        yield "a proposal before its candidates expected, got none"
        return
    if not step.trial and not isinstance(step.before.slots.get("audit/v1"), Audited):
        yield "an audit of the labels before they are trained on expected, got none"
    if not step.trial:
        yield from audited_faults(step, proposed.proposal)
    yield from _training_faults(step, entry, proposed.proposal, signed)
    labels = step.before.slots.get("data/v1")
    if isinstance(labels, DataMade) and entry.data != sources_of(
        proposed.proposal, labels, step.before, signed.charter.feedback
    ):
        yield "the data and shares that the proposal's mix makes of what is on record expected, got others"
    yield from _source_faults(step, entry.data, {"seed", "self", "corrections", *REVISING.values()})


def _judge_faults(step: Step, entry: JudgeTrained, signed: SignedCharter) -> Iterator[str]:
    """A judge is taught from its generation's lessons and answers, as the charter says, from the judge before it."""
    feedback, before = signed.charter.feedback, step.before
    if feedback.judge_given:
        wanted = given_judge(entry.digest, entry.parameters, optimizer_of(signed.charter))
        got = structs.replace(entry, at="", generation=0)
        if before.generation != 0 or got != wanted:
            yield f"the charter's own judge, taken in generation 0 and taught nothing, expected, got {got}"
        return
    if not feedback.judged or not (feedback.labelled or before.generation == 0):
        yield "no judge expected where feedback.methods names none, got one"
        return
    taught, answers = before.slots.get("data/v1/lessons"), before.slots.get("data/v1")
    if not isinstance(taught, DataMade) or not isinstance(answers, DataMade):
        yield "answers, and lessons made from them, before the judge expected, got none"
        return
    if entry.data != judge_sources(taught, answers, before, feedback):
        yield "the lessons and answers on record, in the shares that the rule makes, expected, got others"
    if before.judge and entry.parent != before.judge:
        yield f"the judge {before.judge} in force as the parent expected, got {entry.parent}"
    steps = feedback.judge_steps if before.generation else feedback.judge_seed_steps
    seed = step.number(signed, "training of the judge")
    if (entry.seed, entry.steps) != (seed, steps):
        yield f"{steps} steps from seed {seed} expected, got {entry.steps} from {entry.seed}"
    if entry.optimizer != optimizer_of(signed.charter):
        yield f"the charter's {optimizer_of(signed.charter)} expected, got {entry.optimizer}"
    yield from _source_faults(step, entry.data, {"seed", "self", "lessons", "corrections"})


def _training_faults(
    step: Step, entry: CandidateTrained, proposal: DataProposal, signed: SignedCharter
) -> Iterator[str]:
    seed = step.number(signed, f"training {entry.member}")
    optimizer = optimizer_of(signed.charter)
    parent = parent_of(step, proposal, entry.member)
    if not 0 <= entry.member < taught(step) or entry.parent != parent:
        yield f"{parent or 'no model'} of member {entry.member} as the parent expected, got {entry.parent}"
    if (entry.seed, entry.steps) != (seed, proposal.steps):
        yield f"{proposal.steps} steps from seed {seed} expected, got {entry.steps} from {entry.seed}"
    if entry.optimizer != optimizer:
        yield f"the charter's {optimizer} expected, got {entry.optimizer}"


def _source_faults(step: Step, sources: tuple[Source, ...], origins: set[str]) -> Iterator[str]:
    known = {data.digest: data for data in step.before.data}
    if not sources:
        yield "data that the model was trained on expected, got none"
    for source in sources:
        data = known.get(source.data)
        if data is None:
            yield (
                "data with an entry before the model's, that neither a rollback nor a no of people put away, "
                f"expected, got {source.data}"
            )
            continue
        if data.origin.source not in origins:
            origin = " or ".join(sorted(origins))
            yield f"data of origin {origin} expected, got {source.data}, of origin {data.origin.source}"
        lacking = [rung for rung in source.rungs if not data.counts.get(rung.task, {}).get(str(rung.level))]
        if lacking or source.weight < 0:
            yield f"rungs that {source.data} has, and a share of 0 or more, expected, got {source}"
