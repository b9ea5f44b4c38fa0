"""Revising on the record: what it was taught from, what was revised, and what an audit says of it.

That a revision is its writers' own can only be shown by asking them again (`detent replay`). Everything else is drawn,
made and counted again: corrections to the byte, prompts, the rule that kept revisions, what they made right and wrong.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from detent.audit.lesson import Lesson
from detent.audit.steps import Step
from detent.evaluate import flipped, sampled
from detent.propose import (
    REVISING,
    asked_of,
    checkers_of,
    corrections,
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
from detent.values import DataMade, DataProposal, Example, Flipped, Item, Method, Origin, Proposed


def corrections_faults(lesson: Lesson) -> Iterator[str]:
    """Corrections: made again from the seed data, by the rule and its public stream."""
    answers, entry, feedback = (
        lesson.step.before.slots.get("data/v1"),
        lesson.entry,
        lesson.signed.charter.feedback,
    )
    first = lesson.step.before.generation == 0
    if not (
        feedback.corrected and feedback.forms == "characters" and first and isinstance(answers, DataMade)
    ):
        yield "corrections in generation 0, where the charter teaches revising in signs, expected, got others"
        return
    stream = lesson.stream(f"corrections of {answers.digest}")
    if (entry.origin, entry.stream, entry.offered, entry.flops) != (
        Origin("corrections"),
        stream.hex(),
        {},
        0.0,
    ):
        yield f"corrections from stream {stream.hex()}, at no cost, expected, got {entry.origin} from {entry.stream}"
    if lesson.examples is None or lesson.source is None:
        return
    wanted = corrections(
        lesson.source,
        stream,
        feedback.corrections,
        refined="refine" in feedback.methods,
        principles=taught_principles(feedback, lesson.constitution),
    )
    if wanted != lesson.examples:
        place = next((n for n, (a, b) in enumerate(zip(wanted, lesson.examples, strict=False)) if a != b), 0)
        yield f"{len(wanted)} corrections as the rule makes them expected, got others from line {place + 1}"


def revised_faults(lesson: Lesson) -> Iterator[str]:
    """Revisions: by the generation's team, of prompts of its stream and proposal, kept by the rule, and audited."""
    method = next(name for name, origin in REVISING.items() if origin == lesson.entry.origin.source)
    proposed = lesson.step.before.slots.get("proposal/v1")
    if not isinstance(proposed, Proposed) or not proposed.proposal.tasks_of(method):
        yield f"a proposal before that uses {method} expected, got none"
        return
    feedback, team = lesson.signed.charter.feedback, lesson.step.before.team
    stream = lesson.stream(f"revisions by {method}")
    if lesson.entry.origin != revision_origin(method, team, feedback):
        yield f"revisions by the team {team} and the rule expected, got {lesson.entry.origin}"
    if lesson.entry.stream != stream.hex():
        yield f"stream {stream.hex()} expected, got {lesson.entry.stream}"
        return
    rungs = revised_rungs(proposed.proposal, method, lesson.signed.charter, lesson.constitution)
    offered = offered_on(rungs)
    if lesson.entry.offered != offered:
        yield f"prompts offered {offered} expected, as proposed, got {lesson.entry.offered}"
    sources = sources_for(rungs, lesson.constitution, {**lesson.tasks, **lesson.principles})
    items = lesson.drawing.items(sources, rungs, stream)
    yield from _flops_faults(lesson, items)
    if lesson.examples is not None:
        yield from _row_faults(
            lesson.examples, items, feedback.revise_confidence, lasting_rungs(rungs, lesson.constitution)
        )
    yield from _flips_faults(lesson, method, items)


def _flops_faults(lesson: Lesson, items: Sequence[Item]) -> Iterator[str]:
    charter, team = lesson.signed.charter, lesson.step.before.team
    if not all(model in lesson.sizes for model in team):
        return  # models of no entry, which is a fault of its own
    job = revise_job(team[0], asked_of(items), charter.feedback, charter.subject.room, lesson.constitution)
    wanted = revision_flops([lesson.sizes[model] for model in team], job)
    if lesson.entry.flops != wanted:
        yield f"{wanted:g} floating point operations for these prompts and models expected, got {lesson.entry.flops:g}"


def _row_faults(
    rows: Sequence[Example], items: Sequence[Item], least: float, lasting: Collection[str]
) -> Iterator[str]:
    """Of prompts that were drawn, each as often at most, and such as the rule keeps, in a file's order."""
    left = Counter((item.slice.task, item.slice.level, item.problem.prompt) for item in items)
    for line, row in enumerate(rows, 1):
        asked = (row.task, row.level, row.prompt)
        if not left[asked]:
            yield f"line {line}: a prompt that was drawn for revising expected, got {asked}"
            return
        left[asked] -= 1
        sure = least <= row.confidence <= 1 and row.agreement == row.judged == 1
        changed = row.completion != row.draft or row.task in lasting
        if not sure or not changed or not row.completion:
            yield f"line {line}: a revision that the rule keeps expected, got {row}"
            return
    rungs = [(row.task, row.level) for row in rows]
    if rungs != sorted(rungs):
        yield "revisions in the order of tasks and levels expected, got another"


def _flips_faults(lesson: Lesson, method: Method, items: Sequence[Item]) -> Iterator[str]:
    """The audit's totals are what the checkers say of the sample that it drew when the file had its digest."""
    flips, stream = lesson.flips, lesson.stream(f"flips of {lesson.entry.digest}")
    if flips is None:
        return  # of a turn in progress; `audited_faults` says so of others
    if (flips.method, flips.stream, flips.flops) != (method, stream.hex(), 0.0):
        yield f"flips of {method} from stream {stream.hex()} expected, got {flips.method} from {flips.stream}"
        return
    most, named = lesson.signed.charter.feedback.flips, str if method == "refine" else principle_of
    checkers = checkers_of(lesson.entry.counts, {**lesson.tasks, **lesson.principles})
    if lesson.examples is None:
        yield from _total_faults(flips, sampled(lesson.entry.counts, checkers, most, named))
        return
    wanted = flipped(lesson.examples, items, checkers, stream=stream, most=most, named=named)
    if wanted != flips.flips:
        yield f"what was made right and wrong, {wanted}, expected from the file, got {flips.flips}"


def _total_faults(flips: Flipped, asked: Mapping[str, int]) -> Iterator[str]:
    """Without the file: of as many answers as its counts give, no more made right and wrong than there are."""
    got = flips.flips
    if {name: one.asked for name, one in got.items()} != asked or not all(
        one.possible for one in got.values()
    ):
        yield f"an audit of {dict(asked)} answers expected from the counts, got {got}"


def strange_faults(step: Step, entry: Flipped) -> Iterator[str]:
    """An audit is of a file of its own generation's, by its own method: what it says decides what is used next."""
    if entry.method not in REVISING:
        return  # `tuning` looks at those
    made = step.before.slots.get(f"data/v1/{REVISING[entry.method]}")
    if not isinstance(made, DataMade) or made.digest != entry.data:
        yield f"an audit of this generation's revisions by {entry.method} expected, got one of {entry.data or 'none'}"


def audited_faults(step: Step, proposal: DataProposal) -> Iterator[str]:
    """Before a candidate is trained, every method that revises and is used has its file, and an audit of it."""
    slots = step.before.slots
    for method, origin in REVISING.items():
        if not proposal.tasks_of(method):
            continue
        made, flips = slots.get(f"data/v1/{origin}"), slots.get(f"flips/v1/{method}")
        if not isinstance(made, DataMade) or not isinstance(flips, Flipped) or flips.data != made.digest:
            yield f"revisions by {method}, and an audit of them, before they are trained on expected, got none"
