"""A judge's exams, in `status` and in the report."""

import pytest
from msgspec import structs
from tests.audit.judged_run import exam_of, make_judged
from tests.audit.scripted_run import ScriptedRun
from tests.report.synthetic_run import EVENTFUL, ledger

from detent.report import Budget, render, status_document, status_text, tell
from detent.values import (
    Agreement,
    Compares,
    Counts,
    Entry,
    FalsePraise,
    JudgeTested,
    OwnAnswers,
    Praise,
    Score,
    fold,
)

BUDGET = Budget(0.05, 0.001, {"5": 1000})
NOW = "2026-01-01T12:00:00Z"
TOPS = {"copy": 4, "reverse": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    return make_judged(tmp_path_factory.mktemp("judged") / "run")


EXAM = JudgeTested(
    generation=3,
    judge="ab" * 32,
    anchors={"copy": Score(7, 8), "reverse": Score(6, 8)},
    stream="00" * 32,
    flops=2.5e12,
    false_praise=FalsePraise(Praise(2, 3), Praise(0, 1), Praise(0, 0)),
    parent="cd" * 32,
    agreement=Agreement(20, 5, 10, 15),
    own=OwnAnswers("ef" * 32, 16, Praise(4, 6), Praise(1, 5), Counts(3, 1, 1), "11" * 32),
)
"""Figures that are all different."""


def shown(run: ScriptedRun, exam: JudgeTested) -> list[Entry]:
    """The run with that exam as its newest."""
    place = max(at for at, entry in enumerate(run.entries()) if isinstance(entry, JudgeTested))
    entries = run.entries()
    return [*entries[:place], structs.replace(exam, at=entries[place].at), *entries[place + 1 :]]


def test_the_report_has_a_row_for_every_exam(run: ScriptedRun) -> None:
    page = render(tell(shown(run, EXAM), "small", "", TOPS))
    table = page.partition("Exams of the judge")[2].partition("</table>")[0]
    assert table.count("<tr") == 1 + 3
    for figure in ("13 of 16", "2 of 4", "2 of 3", "0 of 1", "3 of 5", "1 of 5", ".400", "2.500"):
        assert figure in table, figure


def test_status_tells_the_newest_exam(run: ScriptedRun) -> None:
    document = status_document(fold(shown(run, EXAM)), "ready", BUDGET, NOW)
    assert document["judge"] == {
        "generation": 3,
        "judge": "ab" * 32,
        "anchors": [13, 16],
        "false_praise": [2, 4],
        "own_alone": 3,
        "other_alone": 1,
        "both_wrong": 5,
        "kappa": pytest.approx(0.4),
        "petaflop": 0.0025,
    }
    (line,) = [line for line in status_text(document).split("\n") if line.startswith("judge ")]
    assert line.endswith(
        "generation 3: 13 of 16 known cases right; 2 of 4 wrong answers praised; of 5 that it and a model of the team "
        "get wrong its own alone 3, the other's alone 1; kappa .400 with the judge before"
    )


def test_an_exam_without_what_it_cannot_have_claims_nothing(run: ScriptedRun) -> None:
    """A first judge has nobody before it; one that always says the same has no kappa; older records have no more."""
    old = JudgeTested(generation=3, judge="ab" * 32, anchors=EXAM.anchors, stream="00" * 32)
    document = status_document(fold(shown(run, old)), "ready", BUDGET, NOW)
    assert (document["judge"]["kappa"], document["judge"]["own_alone"]) == (None, None)
    assert "kappa" not in status_text(document)
    assert exam_of(run, 1).agreement is not None
    assert status_document(fold(run.entries()), "ready", BUDGET, NOW)["judge"]["kappa"] is None
    assert render(tell(shown(run, old), "small", "", TOPS))


def test_two_judges_that_disagree_have_a_negative_kappa(run: ScriptedRun) -> None:
    turned = structs.replace(EXAM, agreement=Agreement(5, 20, 15, 10))
    assert "kappa -.4" in status_text(status_document(fold(shown(run, turned)), "ready", BUDGET, NOW))


def test_where_no_judge_has_a_say_nothing_is_shown() -> None:
    entries = ledger(8, EVENTFUL)
    assert "judge" not in status_document(fold(entries), "ready", BUDGET, NOW)
    assert "Exams of the judge" not in render(
        tell(entries, "digits", "", {"copy": 15, "reverse": 15, "sort": 15})
    )


COMPARING = structs.replace(
    EXAM,
    false_praise=FalsePraise(),
    parent="",
    agreement=None,
    compares=Compares(asked=15, same=9, longer=Praise(2, 7)),
)


def test_of_a_judge_that_compares_other_figures_are_told(run: ScriptedRun) -> None:
    entries = shown(run, COMPARING)
    document = status_document(fold(entries), "ready", BUDGET, NOW)
    assert (document["judge"]["same_in_both_orders"], document["judge"]["longer_won"]) == ([9, 15], [2, 7])
    told = status_text(document)
    assert "9 of 15 the same in both orders; of 7 of unequal length the longer answer won 2" in told
    assert "wrong answers praised" not in told
    table = (
        render(tell(entries, "small", "", TOPS)).partition("Exams of the judge")[2].partition("</table>")[0]
    )
    assert "9 of 15" in table
    assert "2 of 7" in table
