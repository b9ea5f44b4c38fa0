"""A scripted run with a judge, and what whoever holds the log's key can say of the judge's exams.

>>> run = make_judged(folder)
"""

from pathlib import Path
from typing import Any

from msgspec import structs
from tests.audit.forging import forge
from tests.audit.scripted_run import DRAFT, MODELS, ScriptedRun, make_run

from detent.values import FalsePraise, JudgeTested, JudgeTrained, OwnAnswers, Praise

JUDGED = f"""{DRAFT}[feedback]
methods = ["self_label", "judge"]
judge_seed_steps = 3
judge_steps = 2
lessons = 10
anchors = 8
"""
THRICE = [model for model in MODELS for _ in range(3)]
"""Two members and a judge, a generation."""


def make_judged(folder: Path) -> ScriptedRun:
    """Two leases, three generations, a judge that praises everything."""
    return make_run(folder, JUDGED, trained=THRICE)


def judges_of(run: ScriptedRun) -> list[JudgeTrained]:
    return [entry for entry in run.entries() if isinstance(entry, JudgeTrained)]


def exam_of(run: ScriptedRun, nth: int) -> JudgeTested:
    return [entry for entry in run.entries() if isinstance(entry, JudgeTested)][nth]


def forge_praise(run: ScriptedRun, nth: int, **fields: Praise) -> None:
    forge(run, JudgeTested, nth, false_praise=structs.replace(exam_of(run, nth).false_praise, **fields))


def unpraised(false: FalsePraise) -> FalsePraise:
    """The same wrong answers, none of them praised."""
    sizes = (false.longer.asked, false.shorter.asked, false.equal.asked)
    return FalsePraise(*(Praise(0, size) for size in sizes))


def own_of(run: ScriptedRun, nth: int) -> OwnAnswers:
    own = exam_of(run, nth).own
    assert own is not None
    return own


def forge_own(run: ScriptedRun, **fields: Any) -> None:
    forge(run, JudgeTested, 1, own=structs.replace(own_of(run, 1), **fields))
