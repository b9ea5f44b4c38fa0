"""The judge's exam: the same cases in every generation, of problems that nobody was taught on.

What was asked is drawn again, and what it took is counted again. What the judge said needs the judge (`reexamining`);
here its figures have only to be such as cases and one another allow.
"""

from collections.abc import Callable, Iterator
from functools import cache

from msgspec import UNSET, structs

from detent.audit.comparisons import compared_faults, own_pairs_faults
from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.material import believed_tasks, without_code
from detent.audit.servers import kept_rows
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.propose import (
    Cases,
    Sitting,
    exam_cases,
    exam_flops,
    examined,
    from_record,
    judge_of,
    sitting_of,
)
from detent.tasks import shown
from detent.values import DataMade, Decided, JudgeTested, OwnAnswers, Praise

Known = Callable[[str], Cases]
"""Digest of a charter -> what its judges are asked."""


def check_judge(case: Case, charters: Charters) -> Finding:
    """Every turn whose labels a judge had a say in tested that judge, on the cases that the charter's anchors are."""
    faults: list[str] = []
    lacking: list[str] = []
    tests, known = 0, _drawing(case, charters)
    for step, tested in case.all(JudgeTested):
        tests += 1
        if why := without_code(case, charters.at(step)):
            lacking.append(why)
            continue
        try:
            wrong = list(_test_faults(case, charters.at(step), step, tested, known))
        except DetentError as error:
            wrong = [str(error)]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    faults += [
        f"{step.place}: a test of the judge whose word the labels went by expected before the decision, got none"
        for step, _ in case.all(Decided)
        if _judged(step, charters.at(step)) and "health/v1" not in step.before.slots
    ]
    faults += [
        f"{step.place}: the charter's own judge on record before the first models are in force expected, got none"
        for step, _ in case.all(Decided)
        if step.before.generation == 0
        and charters.at(step).charter.feedback.judge_given
        and "judge/v1" not in step.before.slots
    ]
    detail = f"{counted(tests, 'test')} of the judge on known cases, drawn again"
    return Finding("judge", detail, tuple(faults), missing("test", lacking))


def _judged(step: Step, signed: SignedCharter) -> bool:
    """Whether a judge was in force in a turn that made labels, whatever its word was for."""
    made = isinstance(step.before.slots.get("data/v1"), DataMade)
    return made and judge_of(signed.charter.feedback, step.before) != "" and step.before.returning is None


def _drawing(case: Case, charters: Charters) -> Known:
    """A charter's cases are the same in every generation, and are drawn once."""
    signed, drawing = {one.digest: one for one in charters.signed}, Drawing()

    @cache
    def known(charter: str) -> Cases:
        tasks = shown(believed_tasks(case, signed[charter]))
        return exam_cases(signed[charter].charter, lambda rungs, seed: drawing.items(tasks, rungs, seed))

    return known


def _test_faults(
    case: Case, signed: SignedCharter, step: Step, tested: JudgeTested, known: Known
) -> Iterator[str]:
    judge = judge_of(signed.charter.feedback, step.before)
    if not judge or tested.judge != judge:
        yield f"the judge {judge or 'nobody'} in force expected, got {tested.judge}"
        return
    cases, sitting = known(signed.digest), sitting_of(signed.charter, step.before)
    if sitting.member not in sitting.sizes and not (sitting.compares and not sitting.member):
        yield f"a model that was trained in this run first in the team expected, got {sitting.member or 'none'}"
        return
    if tested.stream != cases.stream.hex():
        yield f"stream {cases.stream.hex()} expected, got {tested.stream}"
    asked = {task: len(some) for task, some in cases.anchors.items()}
    if {task: score.asked for task, score in tested.anchors.items()} != asked:
        yield f"{asked} known cases expected, got {tested.anchors}"
    elif any(not 0 <= score.right <= score.asked for score in tested.anchors.values()):
        yield f"no more verdicts right than cases expected, got {tested.anchors}"
    elif sitting.compares:
        yield from compared_faults(tested, cases, sitting)
    else:
        yield from _word_faults(tested, cases, sitting)
    if sitting.compares:
        yield from own_pairs_faults(tested.own, cases, sitting)
    else:
        yield from _own_faults(tested.own, cases, sitting)
    if tested.flops != (wanted := exam_flops(sitting, cases)):
        yield f"{wanted:g} floating point operations for these cases expected, got {tested.flops:g}"
    if signed.charter.feedback.judge_server:
        yield from _said_faults(case, signed, step, tested, cases)


def _said_faults(
    case: Case, signed: SignedCharter, step: Step, tested: JudgeTested, cases: Cases
) -> Iterator[str]:
    """Of a server's judge every figure follows from what it said, which is on record, and from the tasks."""
    rows = kept_rows(case, step, "exam")
    if rows is None:
        return
    sitting, tasks = sitting_of(signed.charter, step.before), believed_tasks(case, signed)
    wanted = examined(sitting, cases, from_record(rows), tasks)
    if structs.replace(tested, at="", generation=0) != wanted:
        yield f"the figures that follow from what the server said expected, {wanted}, got {tested}"


def _word_faults(tested: JudgeTested, cases: Cases, sitting: Sitting) -> Iterator[str]:
    """False praise and agreement are of these anchors, and of as many verdicts as were right."""
    if tested.compares is not UNSET:
        yield f"no figures of comparisons from a judge that marks answers expected, got {tested.compares}"
    false, wrong = tested.false_praise, [case.longer for case in cases.known if not case.right]
    wanted = (
        sum(longer > 0 for longer in wrong),
        sum(longer < 0 for longer in wrong),
        sum(longer == 0 for longer in wrong),
    )
    if (false.longer.asked, false.shorter.asked, false.equal.asked) != wanted or not all(
        one.possible for one in (false.longer, false.shorter, false.equal)
    ):
        yield f"{wanted} wrong answers among the known cases, longer, shorter and as long, expected, got {false}"
        return
    # Whatever is no wrong answer rightly refused is a right one rightly praised.
    praised = sum(score.right for score in tested.anchors.values()) - len(wrong) + false.total.praised
    if not 0 <= praised <= len(cases.known) - len(wrong):
        yield f"false praise that goes with {tested.anchors} verdicts right expected, got {false}"
    if tested.parent != sitting.parent:
        yield f"the judge {sitting.parent or 'nobody'} to agree with expected, got {tested.parent or 'nobody'}"
    elif (tested.agreement is None) != (not sitting.parent):
        yield f"an agreement with the judge before, where there is one, expected, got {tested.agreement}"
    elif (agreed := tested.agreement) is not None:
        counts = (agreed.both, agreed.ours, agreed.theirs, agreed.neither)
        total = praised + false.total.praised
        if min(counts) < 0 or agreed.cases != len(cases.known) or agreed.both + agreed.ours != total:
            yield f"{len(cases.known)} cases, {total} of them praised, in the agreement expected, got {agreed}"


def _own_faults(own: OwnAnswers | None, cases: Cases, sitting: Sitting) -> Iterator[str]:
    """The judge's own answers: to these problems, beside this model's, in numbers that go together."""
    if own is None:
        yield "the judge's word on its own answers expected, got none"
        return
    if (own.stream, own.asked, own.member) != (cases.own_stream.hex(), len(cases.own), sitting.member):
        yield (
            f"{len(cases.own)} problems from stream {cases.own_stream.hex()}, answered by {sitting.member} too, "
            f"expected, got {own.asked} from {own.stream} by {own.member}"
        )
    pairs = own.pairs
    sides = ((own.own, pairs.wins, pairs.losses), (own.theirs, pairs.losses, pairs.wins))
    fits = min(pairs.wins, pairs.losses, pairs.ties) >= 0 and all(
        side.possible and pairs.items <= side.asked <= own.asked and _holds(side, alone, other)
        for side, alone, other in sides
    )
    if not fits:
        yield f"pairs among the wrong answers of both, and praise among those, expected, got {own}"


def _holds(side: Praise, alone: int, other: int) -> bool:
    """Whether it can have been praised alone in so many pairs, and the other side alone in so many."""
    return alone <= side.praised and other <= side.asked - side.praised
