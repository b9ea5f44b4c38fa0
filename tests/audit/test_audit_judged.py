"""A judge has a say in which labels are kept; it is taught by rule, tested in every generation, and on the record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, forge, forge_data, places, without
from tests.audit.judged_run import (
    JUDGED,
    THRICE,
    exam_of,
    forge_own,
    forge_praise,
    judges_of,
    make_judged,
    unpraised,
)
from tests.audit.scripted_run import (
    LOG,
    MODELS,
    QuickFiles,
    ScriptedRun,
    ScriptedWorker,
    make_run,
    never,
    session,
)

from detent.audit import verify
from detent.ledger import Ledger
from detent.loop import Book
from detent.loop.wires_models import READERS
from detent.tripwires import judge_drift
from detent.values import (
    Agreement,
    Audited,
    Counts,
    DataMade,
    Decided,
    Example,
    Job,
    JudgeTested,
    JudgeTrained,
    Praise,
    Result,
    Score,
    Scored,
    ScoreJob,
    Source,
    fold,
    restored,
)

SEED, SEED_LESSONS, LABELS, LESSONS = range(4)
"""Which data file."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return make_judged(tmp_path_factory.mktemp("judged") / "run")


@pytest.fixture
def run(judged: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return judged.copy(tmp_path / "run")


def test_a_judged_run_verifies_and_its_judge_is_tested_before_every_decision(judged: ScriptedRun) -> None:
    findings = verify(judged.evidence())
    assert not findings.faults, findings.lines
    said = "\n".join(findings.lines)
    assert "3 tests of the judge on known cases" in said
    slots = [entry.slot for entry in judged.entries()]
    first = slots.index("health/v1")
    assert slots[first - 2 : first + 2] == ["data/v1", "audit/v1", "health/v1", "data/v1/lessons"]
    tested = [entry for entry in judged.entries() if isinstance(entry, JudgeTested)]
    assert all(set(entry.anchors) == {"copy", "reverse"} for entry in tested)
    assert all(score.asked == 8 for entry in tested for score in entry.anchors.values())


def test_an_exam_tells_false_praise_agreement_and_what_the_judge_makes_of_its_own_answers(
    judged: ScriptedRun,
) -> None:
    """The scripted judge praises everything: half of the cases wrongly, as the judge before it did."""
    tested = [entry for entry in judged.entries() if isinstance(entry, JudgeTested)]
    judges = judges_of(judged)
    assert [entry.parent for entry in tested] == ["", judges[0].digest, judges[1].digest]
    assert [entry.agreement for entry in tested] == [None, *[Agreement(16, 0, 0, 0)] * 2]
    for entry in tested:
        wrong = sum(score.asked - score.right for score in entry.anchors.values())
        assert entry.false_praise.total == Praise(wrong, wrong)
        own = entry.own
        assert own is not None
        assert own.asked > 0
        assert (own.own.praised, own.theirs.praised) == (own.own.asked, own.theirs.asked)
        assert (own.pairs.wins, own.pairs.losses) == (0, 0)


def test_an_audit_counts_what_the_judge_praised_apart(judged: ScriptedRun) -> None:
    audits = [entry for entry in judged.entries() if isinstance(entry, Audited)]
    assert audits
    assert all(audit.praised == audit.labels for audit in audits)  # this judge praises everything


def test_labels_name_the_judge_in_force_and_the_next_judge_comes_from_it(judged: ScriptedRun) -> None:
    entries = judged.entries()
    judges = [entry for entry in entries if isinstance(entry, JudgeTrained)]
    labels = [entry for entry in entries if isinstance(entry, DataMade) and entry.origin.source == "self"]
    assert [entry.origin.judge for entry in labels] == [entry.digest for entry in judges[:-1]]
    assert [entry.parent for entry in judges[1:]] == [entry.digest for entry in judges[:-1]]


def test_a_rollback_puts_the_judge_back_too(judged: ScriptedRun) -> None:
    state = fold(judged.entries())
    judges = [entry.digest for entry in judged.entries() if isinstance(entry, JudgeTrained)]
    assert [restored(state.history, generation).judge for generation in range(4)] == judges
    assert state.judge == judges[-1]
    assert set(judges) <= state.models


def _first(**fields: Any) -> Callable[[list[Example]], list[Example]]:
    return lambda examples: [structs.replace(examples[0], **fields), *examples[1:]]


def _labels(run: ScriptedRun) -> DataMade:
    entry = run.entries()[places(run, DataMade)[LABELS]]
    assert isinstance(entry, DataMade)
    return entry


FORGED = {
    "a lesson praises what is wrong": Forgery(
        lambda run: forge_data(run, LESSONS, _first(completion="yyyyyyY")),
        "data",
        "lessons as the rule makes them of its answers expected, got others from line 1",
    ),
    "a lesson is left out": Forgery(
        lambda run: forge_data(run, LESSONS, lambda examples: examples[1:]),
        "data",
        "lessons as the rule makes",
    ),
    "lessons come from another stream": Forgery(
        lambda run: forge(run, DataMade, LESSONS, stream="00" * 32), "data", "lessons from stream"
    ),
    "labels name another judge": Forgery(
        lambda run: forge(
            run, DataMade, LABELS, origin=structs.replace(_labels(run).origin, judge=judges_of(run)[1].digest)
        ),
        "data",
        "in force expected, got",
    ),
    "labels are said to be judged by nobody": Forgery(
        lambda run: forge(run, DataMade, LABELS, origin=structs.replace(_labels(run).origin, judge="")),
        "data",
        "got nobody",
    ),
    "a label's word of the judge is none": Forgery(
        lambda run: forge_data(run, LABELS, _first(judged=1.5)), "data", "keeps expected"
    ),
    "the judge was taught on other shares": Forgery(
        lambda run: forge(run, JudgeTrained, 1, data=(Source(_labels(run).digest, 1.0),)),
        "lineage",
        "in the shares that the rule makes",
    ),
    "the judge comes from another parent": Forgery(
        lambda run: forge(run, JudgeTrained, 1, parent="0" * 64), "lineage", "in force as the parent expected"
    ),
    "the judge was trained for longer": Forgery(
        lambda run: forge(run, JudgeTrained, 1, steps=200), "lineage", "2 steps from seed"
    ),
    "the judge is not tested": Forgery(
        lambda run: without(run, JudgeTested), "judge", "a test of the judge whose word the labels went by"
    ),
    "another judge is tested": Forgery(
        lambda run: forge(run, JudgeTested, 0, judge="0" * 64), "judge", "in force expected"
    ),
    "fewer cases are shown to it": Forgery(
        lambda run: forge(run, JudgeTested, 0, anchors={"copy": Score(1, 1)}), "judge", "known cases expected"
    ),
    "the cases come from another stream": Forgery(
        lambda run: forge(run, JudgeTested, 0, stream="00" * 32), "judge", "expected, got 0000"
    ),
    "more wrong answers were praised than shown": Forgery(
        lambda run: forge_praise(run, 0, longer=Praise(2, 1)), "judge", "wrong answers among the known cases"
    ),
    "wrong answers are said to be of another length": Forgery(
        lambda run: forge_praise(run, 0, longer=exam_of(run, 0).false_praise.equal),
        "judge",
        "longer, shorter and as long",
    ),
    "all its verdicts were right, and it praised what is wrong": Forgery(
        lambda run: forge(run, JudgeTested, 0, anchors=dict.fromkeys(("copy", "reverse"), Score(8, 8))),
        "judge",
        "false praise that goes with",
    ),
    "its false praise is taken out of one figure alone": Forgery(
        lambda run: forge(run, JudgeTested, 1, false_praise=unpraised(exam_of(run, 1).false_praise)),
        "judge",
        "of them praised, in the agreement expected",
    ),
    "an agreement with nobody": Forgery(
        lambda run: forge(run, JudgeTested, 0, agreement=Agreement(16, 0, 0, 0)),
        "judge",
        "an agreement with the judge before, where there is one, expected",
    ),
    "no agreement with the judge before": Forgery(
        lambda run: forge(run, JudgeTested, 1, agreement=None), "judge", "an agreement with the judge before"
    ),
    "an agreement with another judge": Forgery(
        lambda run: forge(run, JudgeTested, 1, parent=judges_of(run)[2].digest),
        "judge",
        "to agree with expected, got",
    ),
    "the judge before is left out with its word": Forgery(
        lambda run: forge(run, JudgeTested, 1, parent="", agreement=None),
        "judge",
        "to agree with expected, got nobody",
    ),
    "an agreement on fewer cases": Forgery(
        lambda run: forge(run, JudgeTested, 1, agreement=Agreement(15, 0, 0, 0)),
        "judge",
        "16 cases, 16 of them praised",
    ),
    "an agreement on cases that the judge did not praise": Forgery(
        lambda run: forge(run, JudgeTested, 1, agreement=Agreement(15, 0, 1, 0)),
        "judge",
        "16 cases, 16 of them praised",
    ),
    "an agreement with fewer than no cases": Forgery(
        lambda run: forge(run, JudgeTested, 1, agreement=Agreement(17, -1, 0, 0)),
        "judge",
        "in the agreement expected",
    ),
    "its own answers stand beside a stranger's, who is first in the team": Forgery(
        lambda run: forge(run, Decided, 0, team=("ab" * 32, "cd" * 32)),
        "judge",
        "in the team expected, got abab",
    ),
    "its own answers stand beside nobody's": Forgery(
        lambda run: forge(run, Decided, 0, team=()), "judge", "in the team expected, got none"
    ),
    "nothing of its own answers": Forgery(
        lambda run: forge(run, JudgeTested, 0, own=None),
        "judge",
        "word on its own answers expected, got none",
    ),
    "its own answers are to other problems": Forgery(
        lambda run: forge_own(run, stream="00" * 32), "judge", "problems from stream"
    ),
    "its own answers are to fewer problems": Forgery(
        lambda run: forge_own(run, asked=1), "judge", "problems from stream"
    ),
    "its own answers stand beside another model's": Forgery(
        lambda run: forge_own(run, member=judges_of(run)[0].digest), "judge", "answered by"
    ),
    "more of its own mistakes are praised than it made": Forgery(
        lambda run: forge_own(run, own=Praise(3, 2)), "judge", "pairs among the wrong answers of both"
    ),
    "more mistakes than problems": Forgery(
        lambda run: forge_own(run, theirs=Praise(0, 1000)), "judge", "pairs among the wrong answers of both"
    ),
    "more pairs than mistakes": Forgery(
        lambda run: forge_own(run, own=Praise(0, 0), pairs=Counts(0, 0, 1)),
        "judge",
        "pairs among the wrong answers of both",
    ),
    "pairs of which its own was praised, and no such praise": Forgery(
        lambda run: forge_own(run, own=Praise(0, 5), theirs=Praise(0, 5), pairs=Counts(1, 0, 0)),
        "judge",
        "pairs among the wrong answers of both",
    ),
    "pairs of which the other's was not praised, and all of them are": Forgery(
        lambda run: forge_own(run, own=Praise(5, 5), theirs=Praise(5, 5), pairs=Counts(1, 0, 0)),
        "judge",
        "pairs among the wrong answers of both",
    ),
    "fewer than no pairs": Forgery(
        lambda run: forge_own(run, pairs=Counts(-1, 0, 1)), "judge", "pairs among the wrong answers of both"
    ),
    "the audit says that less of what the judge praised was wrong": Forgery(
        lambda run: forge(run, Audited, 0, praised={"copy": Score(20, 20), "reverse": Score(20, 20)}),
        "data",
        "of what the judge praised expected, got",
    ),
    "the audit says nothing of what the judge praised": Forgery(
        lambda run: forge(run, Audited, 0, praised={}), "data", "of what the judge praised expected, got {}"
    ),
    "its test is said to have cost nothing": Forgery(
        lambda run: forge(run, JudgeTested, 0, flops=0.0),
        "judge",
        "floating point operations for these cases",
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_is_found_out_when(run: ScriptedRun, forgery: Forgery) -> None:
    assert_found(run, forgery)


def test_a_judge_where_the_charter_wants_none_is_a_fault(tmp_path: Path, judged: ScriptedRun) -> None:
    run = make_run(tmp_path / "run")
    place = places(run, DataMade)[0]
    record = run.record()
    entry = structs.replace(judges_of(judged)[0], at=run.entries()[place].at)
    run.rewrite([*record[: place + 1], entry, *record[place + 1 :]])
    said = " | ".join(fault for one in verify(run.evidence()).faults for fault in one.faults)
    assert "no judge expected where feedback.methods names none" in said


class Forgetful(ScriptedWorker):
    """Its judge knows the cases at first, and from the second test on calls everything right."""

    tests: int = 0

    def do(self, job: Job) -> Result:
        if not isinstance(job, ScoreJob):
            return super().do(job)
        self.tests += 1
        if self.tests > 1:
            return Scored(log_likelihoods=(0.0,) * len(job.rows))
        return Scored(log_likelihoods=tuple(0.0 if _right(prompt) else -9.0 for prompt, _ in job.rows))


def _right(question: str) -> bool:
    problem, _, draft = question[:-1].partition("=")
    digits = problem[1:]
    return draft == {"C": digits, "R": digits[::-1]}[problem[0]]


def test_a_judge_that_forgets_what_it_knew_sets_off_judge_drift(tmp_path: Path) -> None:
    draft = JUDGED.replace("anchors = 8", "anchors = 60")
    run = make_run(tmp_path / "run", draft, trained=THRICE, worker_kind=Forgetful)
    tested = [entry for entry in run.entries() if isinstance(entry, JudgeTested)]
    assert all(score.right == score.asked for score in tested[0].anchors.values())
    assert all(score.right < 0.7 * score.asked for score in tested[1].anchors.values())
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        book = Book(ledger, lambda: "2026-01-01T10:00:00Z")
        worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS), never)
        parts = session(run.folder, run.signed, book, worker)
        reading = READERS[judge_drift.NAME](parts, [], None)
    assert reading.fired, reading


def test_without_a_judge_the_wire_has_nothing_to_watch(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        book = Book(ledger, lambda: "2026-01-01T10:00:00Z")
        worker = ScriptedWorker(run.folder / "models", run.folder / "staging", iter(MODELS), never)
        parts = session(run.folder, run.signed, book, worker)
        assert READERS[judge_drift.NAME](parts, [], None).status == "nothing"


def test_labels_that_nobody_judged_carry_no_judges_word(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    entry = next(one for one in run.entries() if isinstance(one, DataMade) and one.origin.source == "self")
    assert entry.origin.judge == ""
    assert Example("copy", 1, "C1=", "1").judged == 1.0
