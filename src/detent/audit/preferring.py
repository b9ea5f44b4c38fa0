"""Files of preferences: of candidates' answers to fresh prompts those that the judge in force preferred, and no others.

That an answer is the candidates' own, and the odds the judge's, can only be shown by asking them again (`replay`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from detent.audit.constitutions import creed_of
from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.lesson import lines_of
from detent.audit.material import believed_tasks, off_ladder, on_ladder
from detent.audit.servers import kept_rows
from detent.audit.steps import Step
from detent.charter import Constitution, Feedback, SignedCharter
from detent.errors import DetentError
from detent.propose import (
    MOST_PAIRS,
    STREAMS,
    apart,
    askable,
    compared_rungs,
    contest_text,
    contested_again,
    contesting,
    contests,
    counts_of,
    from_record,
    judge_of,
    judge_size,
    offered_on,
    preferring,
    preferring_text,
    ruled,
    sources_for,
    taught_again,
    won,
    writers,
)
from detent.values import (
    CandidateTrained,
    DataMade,
    Item,
    Origin,
    Preference,
    Proposed,
    Sampled,
    Slice,
    candidates,
    server_named,
)

_rows: msgspec.json.Decoder[Preference] = msgspec.json.Decoder(Preference)


def rows_of(case: Case, digest: str) -> list[Preference] | None:
    """What the file holds; None where it is rightly not at hand.

    Raises:
        TrustError: it is missing, it was changed, or something else is in it.
    """
    return lines_of(case, digest, _rows, "preferences")


class Checked(NamedTuple):
    """Rows that were looked at, what is wrong, and why the file is rightly not at hand, where it is not."""

    rows: int
    faults: list[str]
    lacking: list[str]


def checked_preferences(
    case: Case, signed: SignedCharter, step: Step, entry: DataMade, drawing: Drawing
) -> Checked:
    """A file of preferences, and its entry, held against charter and record."""
    try:
        rows = rows_of(case, entry.digest)
        faults = list(_faults(case, signed, step, entry, rows, drawing))
    except (DetentError, ArithmeticError) as error:  # of a share that no proposal has, too
        return Checked(0, [str(error)], [])
    return Checked(
        len(rows or ()), faults, [case.without(f"data/{entry.digest}.jsonl")] if rows is None else []
    )


def _faults(  # noqa: PLR0917
    case: Case,
    signed: SignedCharter,
    step: Step,
    entry: DataMade,
    rows: Sequence[Preference] | None,
    drawing: Drawing,
) -> Iterator[str]:
    if rows is not None and (counts := counts_of(rows)) != entry.counts:
        yield f"counts {counts} expected from the file, got {entry.counts}"
    if rows is not None and (
        strange := off_ladder({on_ladder(Slice(row.task, row.level)) for row in rows}, signed)
    ):
        yield from strange
        return
    proposed = step.before.slots.get("proposal/v1")
    if "dpo" not in signed.charter.feedback.methods or not isinstance(proposed, Proposed):
        yield "preferences after a proposal, where feedback.methods names dpo, expected, got some"
        return
    models = _answerers(step)
    yield from _origin_faults(signed, step, entry, models)
    creed = creed_of(case, signed)
    rungs = compared_rungs(proposed.proposal, "dpo", signed.charter, creed.constitution)
    asked = [on_ladder(Slice(task, level)) for task in rungs for level in rungs[task]]
    if strange := off_ladder(asked, signed):
        yield from strange
        return
    stream = step.stream(signed, STREAMS["dpo"])
    known = {**believed_tasks(case, signed), **creed.principles}
    items = apart(drawing.items(sources_for(rungs, creed.constitution, known), rungs, stream))
    wanted = offered_on(rungs)
    if (entry.offered, entry.stream) != (wanted, stream.hex()):
        yield f"prompts {wanted} from stream {stream.hex()} expected, got {entry.offered} from {entry.stream}"
    yield from _flops_faults(signed, step, entry, models, items, creed.constitution)
    yield from _row_faults(rows or (), items, signed.charter.feedback)
    if signed.charter.feedback.teacher:
        said_by_teacher(case, signed, step, items)
    if rows is not None and signed.charter.feedback.judge_server:
        yield from _said_faults(case, signed, step, rows, items, creed.constitution)


def said_by_teacher(case: Case, signed: SignedCharter, step: Step, items: Sequence[Item]) -> Sampled | None:
    """The answers of the charter's teacher, by the record; None where the file is rightly not at hand.

    Raises:
        TrustError: there are none, or they are to other prompts.
    """
    kept, feedback = kept_rows(case, step, "answers"), signed.charter.feedback
    prompts = [item.problem.prompt for item in items]
    return None if kept is None else taught_again(kept, prompts, feedback, signed.charter.subject)


def _said_faults(  # noqa: PLR0917
    case: Case,
    signed: SignedCharter,
    step: Step,
    rows: Sequence[Preference],
    items: Sequence[Item],
    constitution: Constitution | None,
) -> Iterator[str]:
    """Of a server's judge the preferences are those that follow from what it said, which is on record."""
    kept = kept_rows(case, step, "preferences")
    if kept is None:
        return
    feedback = signed.charter.feedback
    asked = contested_again(items, kept)
    rulings = ruled(
        contests(asked, constitution), from_record(kept), feedback.judge_source, feedback.judge_form
    )
    wanted = won(asked, rulings, constitution, feedback.least_odds)
    if list(rows) != wanted:
        yield f"the {len(wanted)} preferences that follow from what the server said expected, got {len(rows)}"


def _answerers(step: Step) -> tuple[str, ...]:
    """The candidates that answered: of each member the one that was trained on labels."""
    made = candidates(
        {slot: entry for slot, entry in step.before.slots.items() if isinstance(entry, CandidateTrained)}
    )
    return tuple(made[member] for member in sorted(made))


def _origin_faults(
    signed: SignedCharter, step: Step, entry: DataMade, models: Sequence[str]
) -> Iterator[str]:
    team, feedback = step.before.team, signed.charter.feedback
    judge = judge_of(feedback, step.before)
    rule = contest_text(feedback) if feedback.compares else preferring_text(feedback)
    wanted = Origin("preferred", writers(models, feedback), rule, judge)
    if not judge or len(models) != len(team):
        yield f"{len(team)} candidates and a judge in force before their answers are judged expected, got fewer"
    elif entry.origin != wanted:
        yield f"preferences as {wanted} expected, got {entry.origin}"
    if any(slot.startswith(("tuned/v1/", "profile/v1/visible/")) for slot in step.before.slots):
        yield "preferences before any of their candidates is taught further, or measured, expected, got later ones"


def _flops_faults(  # noqa: PLR0917
    signed: SignedCharter,
    step: Step,
    entry: DataMade,
    models: Sequence[str],
    items: Sequence[Item],
    constitution: Constitution | None,
) -> Iterator[str]:
    feedback, extra = signed.charter.feedback, signed.charter.subject.room
    sizes, judge = step.before.sizes, judge_of(feedback, step.before)
    if judge not in sizes and not server_named(judge):
        return  # no judge in force, which is a fault of its own
    writers = [sizes[one] for one in models]
    if feedback.compares:
        wanted = contesting(writers, judge_size(judge, sizes), items, feedback, extra, constitution)
    else:
        wanted = preferring(writers, sizes[judge], items, feedback, extra)
    if entry.flops != wanted:
        yield f"{wanted:g} floating point operations for these prompts and models expected, got {entry.flops:g}"


def _row_faults(rows: Sequence[Preference], items: Sequence[Item], feedback: Feedback) -> Iterator[str]:
    """Each prompt was drawn on its rung, and used no more often than it may; of two answers one is better, by enough.

    Where answers are compared a prompt, however often it was drawn, has a few pairs, each once.
    """
    drawn = {(item.slice.task, item.slice.level, item.problem.prompt): item for item in items}
    left = Counter((item.slice.task, item.slice.level, item.problem.prompt) for item in items)
    if feedback.compares:
        left = Counter(dict.fromkeys(drawn, MOST_PAIRS))
    pairs = set[tuple[str, frozenset[str]]]()
    for line, row in enumerate(rows, 1):
        asked = (row.task, row.level, row.prompt)
        if not left[asked]:
            often = f"{MOST_PAIRS} times at the most" if feedback.compares else "once"
            yield f"line {line}: a prompt that was drawn for the candidates, {often}, expected, got {asked}"
            return
        left[asked] -= 1
        both = (row.chosen, row.rejected)
        if feedback.compares:
            pair = (f"{row.task} {row.prompt}", frozenset(both))
            if row.chosen == row.rejected or pair in pairs:
                yield f"line {line}: two answers that were not compared before expected, got {row}"
                return
            pairs.add(pair)
        elif row.chosen == row.rejected or not all(askable(drawn[asked], one) for one in both):
            yield f"line {line}: two answers, neither with the sign that asks, expected, got {row}"
            return
        if not (isfinite(row.odds) and row.odds > 0 and row.odds >= feedback.least_odds):
            yield f"line {line}: finite odds of {feedback.least_odds:g} nats or more expected, got {row.odds}"
            return
