"""A judge that nobody taught: what `verify` finds in a record of its comparisons, and `replay` beyond that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.audit.compared_run import (
    COMPARED,
    CREED_IN_WORDS,
    GIVEN,
    RASH_TEAM,
    TRAINED,
    ComparingByPrinciple,
    ComparingWorker,
)
from tests.audit.constitution_run import CONSTITUTION
from tests.audit.forging import Forgery, assert_found, forge, without
from tests.audit.replaying import faults, replayed
from tests.audit.scripted_run import SOFTWARE, ScriptedRun, make_run
from tests.audit.test_audit_tuned import first, forge_rows, of, origin, preferred, rows_of

from detent.audit import verify
from detent.values import (
    PROCESSOR,
    Contest,
    Counts,
    DataMade,
    Decided,
    JudgeTested,
    JudgeTrained,
    Praise,
    Preference,
    Score,
    Tuned,
)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("compared") / "run"
    return make_run(folder, COMPARED, trained=TRAINED, worker_kind=ComparingWorker)


@pytest.fixture
def run(compared: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return compared.copy(tmp_path / "run")


def test_a_run_judged_by_its_incumbent_verifies_and_teaches_no_judge(compared: ScriptedRun) -> None:
    findings = verify(compared.evidence())
    assert not findings.faults, findings.lines
    assert not of(compared, JudgeTrained)
    said = "\n".join(findings.lines)
    assert "3 tests of the judge on known cases" in said
    assert "12 models taught by a judge's word, 6 audits of what that changed" in said


def test_the_model_in_force_judges_and_not_one_that_the_turn_promotes(compared: ScriptedRun) -> None:
    force = {one.generation + 1: one.incumbent for one in of(compared, Decided)}
    assert len(set(force.values())) > 1
    for kind in (JudgeTested, Tuned):
        assert {one.generation: one.judge for one in of(compared, kind)} == {
            generation: force[generation] for generation in (1, 2, 3)
        }
    made = [one for one in of(compared, DataMade) if one.origin.source == "preferred"]
    assert [one.origin.judge for one in made] == [force[one.generation] for one in made]


def test_what_wins_in_both_orders_is_preferred_by_the_lesser_odds(compared: ScriptedRun) -> None:
    rows = rows_of(compared)
    assert rows
    assert {row.odds for row in rows} == {3.0}
    assert all("x" not in row.chosen for row in rows)


def test_its_exam_tells_known_verdicts_and_how_many_the_order_did_not_change(compared: ScriptedRun) -> None:
    for tested in of(compared, JudgeTested):
        known = sum(score.asked for score in tested.anchors.values())
        assert all(score.right == score.asked > 0 for score in tested.anchors.values())
        assert (tested.compares.asked, tested.compares.same) == (known, known)
        assert tested.own is not None
        assert tested.own.member not in {"", tested.judge}


@pytest.mark.parametrize("generation", range(4))
def test_it_is_equal_when_all_of_it_is_made_again(compared: ScriptedRun, generation: int) -> None:
    rerun = replayed(compared, generation, kind=ComparingWorker)
    assert (rerun.differing, rerun.missing) == ([], [])
    made = [remade.finding.check for remade in rerun.made]
    more = ["preferences", "tuned", "flips", "tuned", "flips"] * (generation > 0)
    assert [one for one in made if one in {"preferences", "tuned", "flips"}] == more


def forge_exam(run: ScriptedRun, **fields: Any) -> None:
    forge(run, JudgeTested, 0, compares=structs.replace(of(run, JudgeTested)[0].compares, **fields))


def forge_own(run: ScriptedRun, **fields: Any) -> None:
    forge(run, JudgeTested, 0, own=structs.replace(of(run, JudgeTested)[0].own, **fields))


def turned(rows: list[Preference]) -> list[Preference]:
    row = rows[0]
    return [structs.replace(row, chosen=row.rejected, rejected=row.chosen), *rows]


def flooded(rows: list[Preference]) -> list[Preference]:
    return [structs.replace(rows[0], rejected=f"{rows[0].chosen}{n}") for n in range(5)] + rows


FORGED = {
    "another model judged": Forgery(
        lambda run: forge(run, JudgeTested, 0, judge=of(run, Tuned)[0].digest), "judge", "in force expected"
    ),
    "another model preferred": Forgery(
        lambda run: origin(run, judge=of(run, Tuned)[0].digest), "data", "preferences as"
    ),
    "it is said to have been asked otherwise": Forgery(
        lambda run: origin(
            run, filter=of(run, DataMade)[preferred(run)].origin.filter.replace("1 or 2", "2 or 1")
        ),
        "data",
        "preferences as",
    ),
    "a model was taught by its own word": Forgery(
        lambda run: forge(run, Tuned, 0, judge=of(run, Tuned)[0].parent), "lineage", "in force expected"
    ),
    "the exam is left out": Forgery(lambda run: without(run, JudgeTested, 0), "judge", "expected before the"),
    "its figures are left out": Forgery(
        lambda run: forge(run, JudgeTested, 0, compares=UNSET), "judge", "figures of comparisons"
    ),
    "more verdicts stay the same than were given": Forgery(
        lambda run: forge_exam(run, same=99), "judge", "known pairs"
    ),
    "more pairs were asked about than there are": Forgery(
        lambda run: forge_exam(run, asked=99), "judge", "known pairs"
    ),
    "fewer verdicts stay the same than are right": Forgery(
        lambda run: forge_exam(run, same=1), "judge", "known pairs"
    ),
    "the longer answer won more often than it can": Forgery(
        lambda run: forge_exam(run, longer=Praise(9, 99)), "judge", "the longer answer's share"
    ),
    "no pair of unequal length is said to be decided": Forgery(
        lambda run: forge_exam(run, longer=Praise(0, 0)), "judge", "the longer answer's share"
    ),
    "single answers are praised": Forgery(
        lambda run: forge_own(run, own=Praise(1, 2)), "judge", "no praise of single answers"
    ),
    "its own answers are compared with its own": Forgery(
        lambda run: forge_own(run, member=of(run, JudgeTested)[0].judge), "judge", "answered by"
    ),
    "its own answers won more often than were asked for": Forgery(
        lambda run: forge_own(run, pairs=Counts(999, 0, 0)), "judge", "no more pairs than problems"
    ),
    "nothing of its own answers is told": Forgery(
        lambda run: forge(run, JudgeTested, 0, own=None), "judge", "where there is another model"
    ),
    "more known pairs are right than there are": Forgery(
        lambda run: forge(run, JudgeTested, 0, anchors={"copy": Score(9, 9), "reverse": Score(9, 9)}),
        "judge",
        "known cases expected",
    ),
    "the exam is said to have cost nothing": Forgery(
        lambda run: forge(run, JudgeTested, 0, flops=0.0), "judge", "for these cases expected"
    ),
    "the preferences are said to have cost nothing": Forgery(
        lambda run: forge(run, DataMade, preferred(run), flops=0.0), "data", "for these prompts and models"
    ),
    "a pair is preferred both ways": Forgery(
        lambda run: forge_rows(run, turned), "data", "two answers that were not compared before"
    ),
    "an answer is better than itself": Forgery(
        lambda run: forge_rows(run, first(chosen="1", rejected="1")), "data", "two answers that were not"
    ),
    "a prompt has more pairs than are compared": Forgery(
        lambda run: forge_rows(run, flooded), "data", "4 times at the most"
    ),
    "a prompt was not drawn": Forgery(
        lambda run: forge_rows(run, first(prompt="C1234=")), "data", "a prompt that was drawn"
    ),
    "a preference is a tie": Forgery(
        lambda run: forge_rows(run, first(odds=0.2)), "data", "finite odds of 1 nats or more"
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_is_found_out_when(run: ScriptedRun, forgery: Forgery) -> None:
    assert_found(run, forgery)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("given") / "run"
    return make_run(folder, GIVEN, trained=TRAINED, worker_kind=ComparingWorker)


def test_a_model_that_came_along_judges_every_generation_and_stays_as_it_was(given: ScriptedRun) -> None:
    findings = verify(given.evidence())
    assert not findings.faults, findings.lines
    (judge,) = of(given, JudgeTrained)
    assert (judge.parent, judge.steps, judge.data, judge.flops) == (judge.digest, 0, (), 0.0)
    assert {one.judge for one in (*of(given, JudgeTested), *of(given, Tuned))} == {judge.digest}
    assert (given.folder / "models" / judge.digest).is_dir()
    for tested in of(given, JudgeTested):
        assert tested.own.member not in {"", judge.digest}
    rerun = replayed(given, 1, kind=ComparingWorker)
    assert (rerun.differing, rerun.missing) == ([], [])


GIVEN_FORGED = {
    "it is said to have been taught": Forgery(
        lambda run: forge(run, JudgeTrained, 0, steps=5), "lineage", "the charter's own judge, taken"
    ),
    "it is said to come from another": Forgery(
        lambda run: forge(run, JudgeTrained, 0, parent="0" * 64), "lineage", "the charter's own judge, taken"
    ),
    "it is said to have taken compute": Forgery(
        lambda run: forge(run, JudgeTrained, 0, flops=1e9), "lineage", "the charter's own judge, taken"
    ),
    "it is said to be smaller": Forgery(
        lambda run: forge(run, JudgeTrained, 0, parameters=1), "models", "parameters expected"
    ),
    "it is left out": Forgery(
        lambda run: without(run, JudgeTrained, 0), "judge", "the charter's own judge on record before"
    ),
    "the model in force judged in its place": Forgery(
        lambda run: forge(run, JudgeTested, 0, judge=of(run, Decided)[0].incumbent),
        "judge",
        "in force expected",
    ),
}


@pytest.mark.parametrize("forgery", GIVEN_FORGED.values(), ids=GIVEN_FORGED.keys())
def test_of_a_judge_that_came_along_it_is_found_out_when(
    given: ScriptedRun, tmp_path: Path, forgery: Forgery
) -> None:
    assert_found(given.copy(tmp_path / "run"), forgery)


def test_by_principle_too_answers_are_compared_and_that_verifies(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "run",
        CREED_IN_WORDS,
        RASH_TEAM,
        worker_kind=ComparingByPrinciple,
        constitution=CONSTITUTION,
    )
    findings = verify(run.evidence())
    assert not findings.faults, findings.lines
    principled = [row for row in rows_of(run) if row.task.startswith("P/")]
    assert principled
    assert {row.chosen for row in principled} == {"?"}
    rerun = replayed(run, 1, kind=ComparingByPrinciple)
    assert (rerun.differing, rerun.missing) == ([], [])


@dataclass
class Biased(ComparingWorker):
    """It takes whatever stands first, where the one on record knew better."""

    def _odds(self, pair: Contest) -> tuple[float, float]:  # noqa: ARG002  whatever it is
        return 2.0, -2.0


HERE = {"here": SOFTWARE, "elsewhere": SOFTWARE | {PROCESSOR: "slide rule"}}


@pytest.mark.parametrize("here", HERE.values(), ids=HERE.keys())
def test_a_judge_that_says_otherwise_when_it_is_asked_again_is_found(
    compared: ScriptedRun, here: dict[str, str]
) -> None:
    rerun = replayed(compared, 1, kind=Biased, here=here)
    assert "preferred" in faults(rerun, "preferences")
    assert "one verdict in both orders" in faults(rerun, "judge")


def test_what_people_wrote_in_the_place_of_an_answer_is_found_by_asking_again(run: ScriptedRun) -> None:
    """A verifier cannot see it: prompt, odds and counts are as they should be."""
    forge_rows(run, first(chosen="12345"), generation=3)
    assert not verify(run.evidence()).faults
    for here in HERE.values():
        assert "'12345'" in faults(replayed(run, 3, kind=ComparingWorker, here=here), "preferences")
