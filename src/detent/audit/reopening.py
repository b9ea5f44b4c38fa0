"""The opening of a generation once more: the sealed problems from what was revealed, both models, every answer.

The gate's own code counts again, in the gate's own batches; what it did at the time is compared afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from msgspec import structs

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.files import named_file
from detent.audit.findings import counted
from detent.audit.measuring import fresh_again, mastery_again
from detent.audit.openings import openings
from detent.audit.turns import Turn, completions
from detent.audit.witnesses import seed_of
from detent.engine import Ask
from detent.errors import TrustError
from detent.evaluate import Conducted, Row, conduct, decode_rows, evaluator_digest
from detent.evaluate.recompute import TOLERANCE
from detent.values import (
    AnswerJob,
    Intent,
    IntentWritten,
    Mastered,
    Outcome,
    OutcomeWritten,
    Profiled,
    Verdict,
)


@dataclass(slots=True)
class Opened:
    """What came of it. verdict: as it was made again; as recorded where it was not."""

    verdict: Verdict | None = None


def opened_again(turn: Turn, opened: Opened) -> Iterator[Remade]:
    """In a worker of its own, as it was: the gate, then what a promoted model can do, afresh and for mastery."""
    intent, outcome = turn.entry("intent/v1", IntentWritten), turn.entry("outcome/v1", OutcomeWritten)
    fresh, mastered = turn.entry("profile/v1/fresh", Profiled), turn.entry("mastery/v1", Mastered)
    opened.verdict = outcome.outcome.verdict if outcome else None
    answered = outcome if outcome and outcome.outcome.verdict != "void" else None
    if answered is None and fresh is None and mastered is None:
        return
    with turn.engine.opening() as ask:
        if intent and answered:
            yield from _gate_again(turn, opened, intent.intent, answered.outcome, ask)
        if fresh:
            yield from fresh_again(turn, fresh, ask)
        if mastered and fresh:
            yield from mastery_again(turn, mastered, fresh.profile, ask)


def _gate_again(turn: Turn, opened: Opened, intent: Intent, outcome: Outcome, ask: Ask) -> Iterator[Remade]:
    if gone := turn.gone(intent.models):
        yield not_made("opening", gone)
        return
    try:
        recorded = decode_rows(named_file(turn.case.evidence.answers, outcome.answers, ""))
    except TrustError as error:
        yield not_made("opening", str(error))
        return
    again = _conducted(turn, intent, outcome, ask)
    opened.verdict = again.verdict
    answers = sum(1 if row.incumbent is None else 2 for row in again.record)
    detail = (
        f"opening {intent.k}, {outcome.verdict}: {counted(len(again.record), 'problem')} drawn again, "
        f"{counted(answers, 'answer')} of its models asked again, counted again"
    )
    yield judged(
        "opening",
        detail,
        _differing(recorded, again.record),
        asked=answers,
        rule=turn.rule,
        wrong=list(_wrong(outcome, again, exact=turn.rule.exact)),
        steps=turn.places("outcome/v1"),
    )


def _conducted(turn: Turn, intent: Intent, outcome: Outcome, ask: Ask) -> Conducted:
    step, case = turn.steps["intent/v1"], turn.case
    opening = next(one for one in openings(case) if one.step.index == step.index)
    assert case.charters is not None  # noqa: S101  the record was found in order
    seed = seed_of(case, case.charters, opening, outcome)

    def answer(model: str, prompts: Sequence[str]) -> Sequence[str]:
        extra = turn.signed.charter.subject.room
        return completions(
            ask(AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=extra), turn.means.watch)
        )

    # This program counts with its own code, whichever the intent named; a note says so where they differ. The seed
    # comes from the intent as it was recorded.
    mine = structs.replace(intent, evaluator=evaluator_digest())
    return conduct(mine, seed, {**turn.tasks, **turn.principles}, answer, lambda *_: None)


def _differing(recorded: Sequence[Row], again: Sequence[Row]) -> list[Difference]:
    """Every completion that is another one, and every item that only one of the two has."""
    mine = {(row.target, row.index): row for row in again}
    found: list[Difference] = []
    for row in recorded:
        other = mine.pop((row.target, row.index), None)
        place = f"{row.target}, item {row.index}, {row.prompt!r}"
        if other is None:
            found.append(Difference(f"{place}: recorded, and not asked again: the test ended before", 0))
        else:
            found += _completions(place, row, other)
    found += [
        Difference(f"{row.target}, item {row.index}, {row.prompt!r}: asked again, and not recorded", 0)
        for row in mine.values()
    ]
    return found


def _completions(place: str, row: Row, other: Row) -> Iterator[Difference]:
    pairs: Mapping[str, tuple[str | None, str | None]] = {
        "candidate": (row.candidate, other.candidate),
        "incumbent": (row.incumbent, other.incumbent),
    }
    for who, (was, now) in pairs.items():
        if was != now:
            yield Difference(f"{place}: the {who} answered {was!r} as recorded, {now!r} again")


def _wrong(outcome: Outcome, again: Conducted, *, exact: bool) -> Iterator[str]:
    """The verdict everywhere; on the machine's own kind counts and gain too."""
    if again.verdict != outcome.verdict:
        yield f"verdict {again.verdict} expected from the answers asked again, got {outcome.verdict}"
    if not exact:
        return
    for was, now in zip(outcome.results, again.results, strict=False):
        if (was.name, was.counts, was.passed) != (now.name, now.counts, now.passed):
            yield f"{now.name}: {now.counts} expected from the answers asked again, got {was.counts}"
    if outcome.gain is not None and not _same(outcome, again):
        yield f"{again.gain} expected from the answers asked again, got {outcome.gain}"


def _same(outcome: Outcome, again: Conducted) -> bool:
    was, now = outcome.gain, again.gain
    return was is not None and all(
        isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for a, b in ((was.low, now.low), (was.high, now.high), (was.items, now.items))
    )
