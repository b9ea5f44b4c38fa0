"""Models taught further by a judge's word: from which preferences or problems, how, and by whose word.

Also what became of it: a method that was to be used was, on all members, and was audited before anyone was measured.
What models answered is not on record; `replay` asks them again, and trains them again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import inf

from detent.audit.constitutions import creed_of
from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.material import believed_tasks, off_ladder, on_ladder, without_code
from detent.audit.signatures import Charters
from detent.audit.steps import Step, followed
from detent.charter import SignedCharter
from detent.evaluate import answering, prefer_least, reinforce_bound
from detent.propose import (
    STREAMS,
    audited_rungs,
    compared_rungs,
    counted_as,
    flips_label,
    judge_of,
    prefer_job,
    reinforce_job,
    seed_label,
    sources_for,
    touches_methods,
)
from detent.tasks import TaskSource, shown
from detent.values import (
    CandidateTrained,
    DataMade,
    Entry,
    Flipped,
    PreferJob,
    Profiled,
    Proposed,
    ReinforceJob,
    Slice,
    Suggested,
    Tuned,
    Tuning,
    candidates,
)

METHODS: tuple[Tuning, ...] = ("dpo", "grpo")
"""In the order in which they teach."""


def tuned_faults(step: Step, entry: Tuned, signed: SignedCharter) -> Iterator[str]:
    """What of a model is not as the charter's methods and the record before it say."""
    before, methods = step.before, signed.charter.feedback.methods
    proposed = before.slots.get("proposal/v1")
    if entry.method not in methods or before.generation == 0 or not isinstance(proposed, Proposed):
        yield f"a model tuned by one of {methods}, as proposed, expected, got one by {entry.method}"
        return
    made = candidates(before.slots)
    parents = {one.parent for one in tuned_in(before.slots, entry.method)}
    members = {member for member in range(taught(step)) if made.get(member) is not None}
    if members != set(range(taught(step))) or made.get(entry.member) != entry.parent:
        yield (
            f"the newest candidate of member {entry.member} as the parent, after one of every member, expected, "
            f"got {entry.parent}"
        )
    if entry.parent in parents or (entry.method == "dpo" and tuned_in(before.slots, "grpo")):
        yield "each member taught once by a method, dpo before grpo, expected, got another order"
    if any(slot.startswith("profile/v1/visible/") for slot in before.slots):
        yield "a model tuned before any candidate is measured expected, got a later one"
    judge = judge_of(signed.charter.feedback, before)
    if not judge or entry.judge != judge:
        yield f"the judge {judge or 'nobody'} in force expected, got {entry.judge}"
    if (entry.digest == entry.parent) != (not any(entry.change.values())):
        yield f"a new model where weights changed, and there alone, expected, got {entry.digest}"
    yield from _job_faults(step, entry, signed)


def taught(step: Step) -> int:
    """How many members of the team are: in a trial the first alone."""
    return 1 if step.trial else len(step.before.team)


def tuned_in(slots: Mapping[str, Entry], method: Tuning) -> list[Tuned]:
    """The models of a turn that a method has taught, by member."""
    found = [one for one in slots.values() if isinstance(one, Tuned) and one.method == method]
    return sorted(found, key=lambda one: one.member)


def job_of(
    step: Step, entry: Tuned, signed: SignedCharter, prompts: tuple[str, ...]
) -> PreferJob | ReinforceJob:
    """The training that record and charter make of it. prompts: of grpo, as its stream gives them."""
    feedback, extra = signed.charter.feedback, signed.charter.subject.room
    seed = step.number(signed, seed_label(entry.method, entry.member))
    if entry.method == "dpo":
        preferred = step.before.slots.get("data/v1/preferred")
        if not isinstance(preferred, DataMade):
            return prefer_job(entry.parent, "", 0, seed, feedback)
        rows = sum(count for levels in preferred.counts.values() for count in levels.values())
        return prefer_job(entry.parent, preferred.digest, rows, seed, feedback)
    return reinforce_job(entry.parent, entry.judge, prompts, seed, feedback, extra)


def _job_faults(step: Step, entry: Tuned, signed: SignedCharter) -> Iterator[str]:
    job = job_of(step, entry, signed, ())
    wanted = (job.steps, job.seed, job.rate, job.beta)
    if (entry.steps, entry.seed, entry.rate, entry.beta) != wanted:
        yield (
            f"{wanted[0]} steps from seed {wanted[1]}, rate {wanted[2]:g} and beta {wanted[3]:g} expected, got "
            f"{entry.steps} from {entry.seed}, {entry.rate:g} and {entry.beta:g}"
        )
    if isinstance(job, PreferJob):
        taught, stream = job.data, ""
    else:
        taught, stream = (), _stream(step, signed, STREAMS["grpo"])
    if (entry.data, entry.stream) != (taught, stream):
        yield f"teaching from {taught or stream} expected, got {entry.data or entry.stream}"


def _stream(step: Step, signed: SignedCharter, label: str) -> str:
    return step.stream(signed, label).hex()


def check_tuning(case: Case, charters: Charters) -> Finding:
    """What the charter's methods were to teach they taught to all members, and what that changed was counted."""
    faults: list[str] = []
    lacking: list[str] = []
    tuned, audits, drawing = 0, 0, Drawing()
    for step in case.steps:
        if step.hangs or not isinstance(step.entry, Tuned | Flipped | Profiled):
            continue
        signed, entry = charters.at(step), step.entry
        tuned += isinstance(entry, Tuned)
        mine = isinstance(entry, Flipped) and entry.method in METHODS
        audits += mine
        if (isinstance(entry, Tuned) or mine) and (why := without_code(case, signed)):
            lacking.append(why)
            continue
        faults += followed(step.place, "what a judge's word taught", _faults(case, step, signed, drawing))
    detail = (
        f"{counted(tuned, 'model')} taught by a judge's word, {counted(audits, 'audit')} of what that changed"
    )
    return Finding("tuning", detail, tuple(faults), missing("entry", lacking))


def _faults(case: Case, step: Step, signed: SignedCharter, drawing: Drawing) -> Iterator[str]:
    match step.entry:
        case Tuned():
            yield from _least_faults(case, step, step.entry, signed, drawing)
        case Flipped(method="dpo" | "grpo" as method):
            yield from _flip_faults(case, step, step.entry, method, signed, drawing)
        case Profiled(purpose="visible"):
            yield from _turn_faults(case, step, signed)
        case _:
            pass


def _least_faults(
    case: Case, step: Step, entry: Tuned, signed: SignedCharter, drawing: Drawing
) -> Iterator[str]:
    """A lease is charged for it: no training takes fewer operations than its steps need."""
    preferred, sizes = step.before.slots.get("data/v1/preferred"), step.before.sizes
    job = job_of(step, entry, signed, _prompts(case, step, signed, drawing) if entry.method == "grpo" else ())
    if isinstance(job, PreferJob) and isinstance(preferred, DataMade):
        rows = sum(count for levels in preferred.counts.values() for count in levels.values())
        least = prefer_least(entry.parameters, job, rows)
    elif isinstance(job, ReinforceJob) and job.prompts and job.judge in sizes:
        least = reinforce_bound(entry.parameters, sizes[job.judge], job).least
    else:
        yield "something that the model was taught from before it expected, got nothing"
        return
    if not least <= entry.flops < inf:
        yield f"{least:g} floating point operations or more for {job.steps} steps expected, got {entry.flops:g}"


def _prompts(case: Case, step: Step, signed: SignedCharter, drawing: Drawing) -> tuple[str, ...]:
    """Of the training on scores; none where nothing was proposed."""
    rungs = _rungs(case, step, signed, "grpo")
    stream = bytes.fromhex(_stream(step, signed, STREAMS["grpo"]))
    items = drawing.items(_sources(case, signed, rungs), rungs, stream)
    return tuple(item.problem.prompt for item in items)


def _sources(case: Case, signed: SignedCharter, rungs: dict[str, dict[int, int]]) -> dict[str, TaskSource]:
    creed = creed_of(case, signed)
    known = {**believed_tasks(case, signed), **creed.principles}
    return sources_for(rungs, creed.constitution, known)


def _rungs(
    case: Case, step: Step, signed: SignedCharter, method: Tuning, *, audited: bool = False
) -> dict[str, dict[int, int]]:
    """What is drawn for a method; nothing where the proposal names what no ladder has, which `lineage` says."""
    proposed = step.before.slots.get("proposal/v1")
    if not isinstance(proposed, Proposed):
        return {}
    drawn = audited_rungs if audited else compared_rungs
    rungs = drawn(proposed.proposal, method, signed.charter, creed_of(case, signed).constitution)
    strange = off_ladder([on_ladder(Slice(task, level)) for task in rungs for level in rungs[task]], signed)
    return {} if strange else rungs


def _flip_faults(  # noqa: PLR0917
    case: Case, step: Step, entry: Flipped, method: Tuning, signed: SignedCharter, drawing: Drawing
) -> Iterator[str]:
    """The audit drew its problems after the models had their digests, asked as many, and cost what that costs."""
    tuned, sizes = tuned_in(step.before.slots, method), step.before.sizes
    if not tuned or len(tuned) != taught(step):
        yield f"an audit after all of {taught(step)} members were taught by {method} expected, got one before"
        return
    if any(slot.startswith("profile/v1/visible/") for slot in step.before.slots):
        yield "an audit before any candidate is measured expected, got a later one"
    stream = _stream(step, signed, flips_label(method, [one.digest for one in tuned]))
    data = tuned[0].data[0] if tuned[0].data else ""
    if (entry.stream, entry.data) != (stream, data):
        yield f"stream {stream} for what {data or 'no file'} taught expected, got {entry.stream}, {entry.data}"
    rungs = _rungs(case, step, signed, method, audited=True)
    wanted = Counter[str]()
    for name, levels in rungs.items():
        wanted[counted_as(name)] += len(tuned) * sum(levels.values())
    if {task: one.asked for task, one in entry.flips.items()} != wanted:
        yield f"{dict(wanted)} pairs of answers expected, got {entry.flips}"
    if not all(one.possible for one in entry.flips.values()):
        yield f"no more answers made right or wrong than were asked for expected, got {entry.flips}"
    items = drawing.items(shown(_sources(case, signed, rungs)), rungs, bytes.fromhex(stream))
    asked = sum(sizes[one.parent] + sizes[one.digest] for one in tuned if one.parent in sizes)
    flops = answering(asked, [item.problem.prompt for item in items], signed.charter.subject.room)
    if entry.flops != flops:
        yield f"{flops:g} floating point operations for these answers expected, got {entry.flops:g}"


def _turn_faults(case: Case, step: Step, signed: SignedCharter) -> Iterator[str]:
    """When the first candidate is measured, every method that was to teach has taught all, and was audited."""
    slots, before = step.before.slots, step.before
    if before.generation == 0 or any(slot.startswith("profile/v1/visible/") for slot in slots):
        return
    if not any(isinstance(one, CandidateTrained) for one in slots.values()):
        return  # a profile of no candidate: `profiles` says so
    preferred = slots.get("data/v1/preferred")
    found = before.slots.get("suggested/v1")
    without = step.trial and not (isinstance(found, Suggested) and touches_methods(found))
    for method in METHODS:
        used = not without and bool(
            judge_of(signed.charter.feedback, before) and _rungs(case, step, signed, method)
        )
        if method == "dpo" and used and not isinstance(preferred, DataMade):
            yield "preferences among the candidates' answers before they are measured expected, got none"
        wanted = used and (method == "grpo" or (isinstance(preferred, DataMade) and bool(preferred.counts)))
        got = [one.member for one in tuned_in(slots, method)]
        if got != (list(range(taught(step))) if wanted else []):
            said = f"all of {taught(step)} members" if wanted else "nobody"
            yield f"{said} taught by {method} before the candidates are measured expected, got members {got}"
        if (f"flips/v1/{method}" in slots) != wanted:
            yield f"an audit of what {method} changed, {'one' if wanted else 'none'} expected before the measurement"
