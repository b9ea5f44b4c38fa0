"""What models were taught: true answers on the seed levels, and above them only what models wrote themselves.

Seed data is drawn again and must be the tasks' own answers to the byte. Of self-made data the prompts are drawn
again; that a completion is its labellers' own can only be shown by asking them again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.lesson import Lesson, by_task, data_path, numbered, read_lesson, rungs_of
from detent.audit.material import off_ladder, on_ladder, without_code
from detent.audit.preferring import checked_preferences
from detent.audit.revising import corrections_faults, revised_faults, strange_faults
from detent.audit.signatures import Charters
from detent.errors import DetentError
from detent.evaluate import answering, judging, ladder_rungs, voting
from detent.propose import REVISING, lessons
from detent.tasks import Rng
from detent.values import (
    Audited,
    DataMade,
    DataProposal,
    Example,
    Filter,
    Flipped,
    Item,
    Origin,
    Proposed,
    Score,
    Slice,
    praised_right,
    sha256_hex,
)

MOST_PROMPTS = 100_000
"""Prompts of one rung, as the charter's form bounds them; more are not drawn."""


def check_data(case: Case, charters: Charters) -> Finding:
    """Every data file is the one on the ledger and holds what its origin allows; audits count what is in it."""
    faults, count, files, drawing = [], 0, 0, Drawing()
    lacking: list[str] = []
    for step, entry in case.all(DataMade):
        files += 1
        if why := without_code(case, charters.at(step)):
            lacking.append(why)
            continue
        if entry.origin.source == "preferred":
            found = checked_preferences(case, charters.at(step), step, entry, drawing)
            count, lacking = count + found.rows, [*lacking, *found.lacking]
            faults += [f"{step.place}: {fault}" for fault in found.faults]
            continue
        try:
            lesson = read_lesson(case, charters.at(step), step, entry, drawing)
            count += lesson.checked
            lacking += [] if lesson.whole else [case.without(data_path(entry.digest))]
            wrong = list(_lesson_faults(lesson))
        except DetentError as error:
            wrong = [str(error)]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    for step, audit in case.all(Audited):
        if not isinstance(step.before.slots.get("data/v1"), DataMade):
            faults.append(
                f"{step.place}: an audit of this generation's data expected, got one of {audit.data}"
            )
    for step, audited in case.all(Flipped):
        faults += [f"{step.place}: {fault}" for fault in strange_faults(step, audited)]
    return Finding(
        "data",
        f"{counted(count, 'example')} in {counted(files - len(lacking), 'file')}, drawn again; audits counted again",
        tuple(faults),
        missing("data file", lacking),
    )


def _lesson_faults(lesson: Lesson) -> Iterator[str]:
    if lesson.examples is None:
        rungs = rungs_of(lesson.entry.counts)
    else:
        rungs = Counter(Slice(example.task, example.level) for example in lesson.examples)
    counts = by_task(rungs)
    if counts != lesson.entry.counts:
        yield f"counts {counts} expected from the file, got {lesson.entry.counts}"
    if strange := off_ladder(map(on_ladder, rungs), lesson.signed):
        yield from strange
    elif lesson.entry.origin.source == "corrections":
        yield from corrections_faults(lesson)
    elif lesson.entry.origin.source in REVISING.values():
        yield from revised_faults(lesson)
    elif lesson.entry.origin.source == "seed":
        yield from _seed_faults(lesson, rungs)
    elif lesson.entry.origin.source == "lessons":
        yield from _taught_faults(lesson)
    else:
        yield from _self_faults(lesson, rungs)


def _seed_faults(lesson: Lesson, rungs: Mapping[Slice, int]) -> Iterator[str]:
    """True answers: in generation 0 only, on the seed levels only, and exactly those of the tasks."""
    recipe, stream = lesson.signed.charter.recipe, lesson.stream("seed data")
    if lesson.step.before.generation != 0 or lesson.entry.origin != Origin("seed"):
        yield "true answers in generation 0 alone, by nobody's labels, expected, got others"
    above = {one.level for one in rungs if one.level > recipe.seed_levels}
    if above:
        yield f"true answers on levels 1 to {recipe.seed_levels} alone expected, got some on {sorted(above)}"
    if lesson.entry.stream != stream.hex():
        yield f"stream {stream.hex()} expected, got {lesson.entry.stream}"
    if lesson.entry.flops:
        yield f"0 floating point operations for the tasks' own answers expected, got {lesson.entry.flops}"
    tops = lesson.signed.charter.direction.improve
    ladders = ladder_rungs(
        {task: min(top, recipe.seed_levels) for task, top in tops.items()}, recipe.seed_problems
    )
    wanted = [
        Example(item.slice.task, item.slice.level, item.problem.prompt, item.problem.answer)
        for item in lesson.drawing.items(lesson.tasks, ladders, stream)
    ]
    if len(wanted) != sum(rungs.values()):
        yield f"{len(wanted)} examples expected, got {sum(rungs.values())}"
    if lesson.examples is None:
        digest = sha256_hex(msgspec.json.Encoder().encode_lines(wanted))
        if digest != lesson.entry.digest:
            yield f"a file of the tasks' own answers, with the digest {digest}, expected, got {lesson.entry.digest}"
        return
    for line, (right, got) in enumerate(zip(wanted, lesson.examples, strict=False), 1):
        if right != got:
            yield f"line {line}: {right.prompt!r} -> {right.completion!r}, sure and agreed, expected, got {got}"
            return


def _taught_faults(lesson: Lesson) -> Iterator[str]:
    """Lessons: made again from the generation's answers, by the rule and its public stream."""
    answers, entry = lesson.step.before.slots.get("data/v1"), lesson.entry
    feedback, first = lesson.signed.charter.feedback, lesson.step.before.generation == 0
    if not feedback.judged or not (feedback.labelled or first) or not isinstance(answers, DataMade):
        yield "lessons where the charter wants a judge, after the answers they are made from, expected, got others"
        return
    stream = lesson.stream(f"lessons of {answers.digest}")
    if (entry.origin, entry.stream, entry.offered, entry.flops) != (Origin("lessons"), stream.hex(), {}, 0.0):
        yield f"lessons from stream {stream.hex()}, at no cost, expected, got {entry.origin} from {entry.stream}"
    if lesson.examples is None or lesson.source is None:
        return
    wanted = lessons(lesson.source, stream, lesson.signed.charter.feedback.lessons)
    if wanted != lesson.examples:
        place = next((n for n, (a, b) in enumerate(zip(wanted, lesson.examples, strict=False)) if a != b), 0)
        yield f"{len(wanted)} lessons as the rule makes them of its answers expected, got others from line {place + 1}"


def _self_faults(lesson: Lesson, kept: Mapping[Slice, int]) -> Iterator[str]:
    """Labels: by the generation's team, on prompts of its stream and proposal, kept by the proposal's filter."""
    proposed = lesson.step.before.slots.get("proposal/v1")
    if not isinstance(proposed, Proposed):
        yield "a proposal before its labels expected, got none"
        return
    proposal, stream = proposed.proposal, lesson.stream("labels")
    if lesson.entry.origin.labellers != lesson.step.before.team:
        yield f"labels by the team {lesson.step.before.team} expected, got {lesson.entry.origin.labellers}"
    judge = lesson.step.before.judge if lesson.signed.charter.feedback.filtered else ""
    if lesson.entry.origin.judge != judge:
        yield f"the judge {judge or 'nobody'} in force expected, got {lesson.entry.origin.judge or 'nobody'}"
    if lesson.entry.stream != stream.hex():
        yield f"stream {stream.hex()} expected, got {lesson.entry.stream}"
    rungs = _rungs(proposal)
    if strange := [*off_ladder(rungs, lesson.signed), *_too_many(rungs)]:
        yield from strange
        return
    wanted = by_task(Counter(rungs))
    if lesson.entry.offered != wanted:
        yield f"prompts offered {wanted} expected, as proposed, got {lesson.entry.offered}"
    items = lesson.drawing.items(lesson.tasks, numbered(rungs), stream)
    yield from _flops_faults(lesson, items, proposal)
    yield from _keep_faults(kept, proposal)
    yield from _audit_stream_faults(lesson)
    if lesson.examples is None:
        return
    yield from _prompt_faults(lesson.examples, items)
    yield from _filter_faults(lesson.examples, proposal)
    yield from _proxy_faults(lesson, lesson.examples)
    yield from _audit_faults(lesson, lesson.examples, items)


def _rungs(proposal: DataProposal) -> dict[Slice, int]:
    """Prompts proposed, by rung, in the proposal's order."""
    return {
        Slice(task, rung.level): rung.prompts
        for task, recipe in proposal.recipes.items()
        for rung in recipe.rungs
        if rung.prompts
    }


def _too_many(rungs: Mapping[Slice, int]) -> list[str]:
    return [
        f"1 to {MOST_PROMPTS} prompts expected at {one.task} {one.level}, got {prompts}"
        for one, prompts in rungs.items()
        if not 1 <= prompts <= MOST_PROMPTS
    ]


def _prompt_faults(examples: Sequence[Example], items: Sequence[Item]) -> Iterator[str]:
    """Each prompt was drawn on its rung, as often as it was labelled."""
    left = Counter((item.slice.task, item.slice.level, item.problem.prompt) for item in items)
    for line, example in enumerate(examples, 1):
        asked = (example.task, example.level, example.prompt)
        if not left[asked]:
            yield f"line {line}: a prompt that was drawn for the labellers expected, got {asked}"
            return
        left[asked] -= 1


def _flops_faults(lesson: Lesson, items: Sequence[Item], proposal: DataProposal) -> Iterator[str]:
    """At the most 2 x parameters x tokens for each labeller and vote; prompt and answer, a token a character."""
    extra, labellers = lesson.signed.charter.subject.room, lesson.entry.origin.labellers
    judge = lesson.entry.origin.judge
    if not all(model in lesson.sizes for model in (*labellers, *([judge] if judge else []))):
        return  # labels by others than the team, which is a fault of its own
    prompts = [item.problem.prompt for item in items]
    wanted = answering(sum(lesson.sizes[model] for model in labellers), prompts, extra)
    if labellers:
        rows = {
            task: [item.problem.prompt for item in items if item.slice.task == task]
            for task in proposal.recipes
        }
        wanted += voting(lesson.sizes[labellers[0]], proposal.recipes, rows, extra)
    wanted += judging(lesson.sizes[judge], prompts, extra) if judge else 0.0
    if lesson.entry.flops != wanted:
        yield f"{wanted:g} floating point operations for these prompts and models expected, got {lesson.entry.flops:g}"


def _filter_faults(examples: Sequence[Example], proposal: DataProposal) -> Iterator[str]:
    rules = _filters(proposal)
    for line, example in enumerate(examples, 1):
        rule = rules.get(Slice(example.task, example.level))
        if rule is None or not _passes(example, rule):
            yield f"line {line}: an example that {rule} keeps expected, got {example}"
            return


def _passes(example: Example, rule: Filter) -> bool:
    return (
        rule.confidence <= example.confidence <= 1
        and rule.agreement <= example.agreement <= 1
        and rule.judged <= example.judged <= 1
    )


def _keep_faults(kept: Mapping[Slice, int], proposal: DataProposal) -> Iterator[str]:
    """No more labels of a rung than its filter keeps; those of a rung that was not asked for are no filter's."""
    rules = _filters(proposal)
    for one, count in kept.items():
        if one in rules and 0 < rules[one].keep < count:
            yield f"at most {rules[one].keep} labels kept at {one.task} {one.level} expected, got {count}"
        elif one not in rules and count:
            yield f"labels of rungs that were proposed expected, got {count} at {one.task} {one.level}"


def _proxy_faults(lesson: Lesson, examples: Sequence[Example]) -> Iterator[str]:
    """What a proxy of the charter does not accept was not to be kept."""
    for proxy in lesson.proxies:
        accepted = proxy.accepts([(one.prompt, one.completion) for one in examples])
        refused = [line for line, right in enumerate(accepted, 1) if not right]
        if refused:
            yield f"line {refused[0]}: an example that {proxy.name} accepts expected, got one it refuses"


def _filters(proposal: DataProposal) -> dict[Slice, Filter]:
    return {
        Slice(task, rung.level): rung.filter
        for task, recipe in proposal.recipes.items()
        for rung in recipe.rungs
    }


def _audit_stream_faults(lesson: Lesson) -> Iterator[str]:
    """The audit drew its sample after the file had its digest."""
    audit, digest, stream = lesson.audit, lesson.entry.digest, _audit_stream(lesson)
    if audit is not None and (audit.data, audit.stream) != (digest, stream.hex()):
        yield f"an audit of {digest} from stream {stream.hex()} expected, got {audit.data}, {audit.stream}"


def _audit_stream(lesson: Lesson) -> bytes:
    return lesson.stream(f"audit of {lesson.entry.digest}")


def _audit_faults(lesson: Lesson, examples: Sequence[Example], items: Sequence[Item]) -> Iterator[str]:
    """The audit's totals are what the checkers say of the sample that it drew."""
    audit, stream = lesson.audit, _audit_stream(lesson)
    if audit is None or (audit.data, audit.stream) != (lesson.entry.digest, stream.hex()):
        return  # said already
    wanted, praised = {}, {}
    for task, source in lesson.tasks.items():
        truth = {item.problem.prompt: item.problem for item in items if item.slice.task == task}
        mine = [example for example in examples if example.task == task and example.prompt in truth]
        size = min(lesson.signed.charter.recipe.audit, len(mine))
        drawn = Rng(stream).child(task).sample(mine, size)
        if drawn:
            marks = source.right([(truth[example.prompt], example.completion) for example in drawn])
            wanted[task] = Score(sum(marks), len(marks))
            praised[task] = praised_right(drawn, marks)
    if wanted != audit.labels:
        yield f"the audit's totals {wanted} expected from the file, got {audit.labels}"
    if (likewise := praised if lesson.entry.origin.judge else {}) != audit.praised:
        yield f"the audit's totals {likewise} of what the judge praised expected, got {audit.praised}"
