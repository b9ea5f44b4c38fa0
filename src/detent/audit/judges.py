"""The judge on known cases: the same ones in every generation, of problems that nobody was taught on."""

from collections.abc import Callable, Iterator
from functools import cache

from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.findings import Finding, counted, missing
from detent.audit.material import believed_tasks, without_code
from detent.audit.signatures import Charters
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.evaluate import judging
from detent.propose import Anchor, anchor_cases
from detent.values import DataMade, Decided, JudgeTested

Known = Callable[[str], tuple[bytes, dict[str, list[Anchor]]]]
"""Digest of a charter -> the stream of its known cases, and they by task."""


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
            wrong = list(_test_faults(charters.at(step), step, tested, known))
        except DetentError as error:
            wrong = [str(error)]
        faults += [f"{step.place}: {fault}" for fault in wrong]
    faults += [
        f"{step.place}: a test of the judge whose word the labels went by expected before the decision, got none"
        for step, _ in case.all(Decided)
        if _judged(step) and "health/v1" not in step.before.slots
    ]
    detail = f"{counted(tests, 'test')} of the judge on known cases, drawn again"
    return Finding("judge", detail, tuple(faults), missing("test", lacking))


def _judged(step: Step) -> bool:
    labels = step.before.slots.get("data/v1")
    returned = step.before.returning is not None
    return isinstance(labels, DataMade) and labels.origin.judge != "" and not returned


def _drawing(case: Case, charters: Charters) -> Known:
    """A charter's cases are the same in every generation, and are drawn once."""
    signed, drawing = {one.digest: one for one in charters.signed}, Drawing()

    @cache
    def known(charter: str) -> tuple[bytes, dict[str, list[Anchor]]]:
        tasks = believed_tasks(case, signed[charter])
        return anchor_cases(signed[charter].charter, lambda rungs, seed: drawing.items(tasks, rungs, seed))

    return known


def _test_faults(signed: SignedCharter, step: Step, tested: JudgeTested, known: Known) -> Iterator[str]:
    if not step.before.judge or tested.judge != step.before.judge:
        yield f"the judge {step.before.judge or 'nobody'} in force expected, got {tested.judge}"
        return
    stream, cases = known(signed.digest)
    if tested.stream != stream.hex():
        yield f"stream {stream.hex()} expected, got {tested.stream}"
    asked = {task: len(some) for task, some in cases.items()}
    if {task: score.asked for task, score in tested.anchors.items()} != asked:
        yield f"{asked} known cases expected, got {tested.anchors}"
    if any(not 0 <= score.right <= score.asked for score in tested.anchors.values()):
        yield f"no more verdicts right than cases expected, got {tested.anchors}"
    prompts = [one.prompt for some in cases.values() for one in some]
    wanted = judging(step.before.sizes[tested.judge], prompts, signed.charter.subject.extra_tokens)
    if tested.flops != wanted:
        yield f"{wanted:g} floating point operations for these cases expected, got {tested.flops:g}"
