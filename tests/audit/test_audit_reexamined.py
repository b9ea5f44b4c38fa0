"""A judge's exam held again: equal, or where it differs, whatever the record's holder made go together."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.audit.forging import forge
from tests.audit.judged_run import exam_of, forge_own, judges_of, make_judged, own_of, unpraised
from tests.audit.replaying import faults, replayed
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.values import Agreement, Job, JudgeTested, Praise, Result, Score, Scored, ScoreJob


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return make_judged(tmp_path_factory.mktemp("judged") / "run")


@pytest.fixture
def run(judged: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return judged.copy(tmp_path / "run")


def test_a_judges_exam_held_again_is_equal(judged: ScriptedRun) -> None:
    for generation in (1, 2, 3):
        rerun = replayed(judged, generation)
        assert not rerun.differing
        (again,) = [one for one in rerun.made if one.finding.check == "judge"]
        assert "16 known cases and" in again.finding.detail
    assert "judge" not in [one.finding.check for one in replayed(judged, 0).made]


UNNOTICED: dict[str, tuple[Callable[[ScriptedRun], object], int, str]] = {
    "a judge that praised what is wrong is said to have been right": (
        lambda run: forge(
            run,
            JudgeTested,
            0,
            anchors=dict.fromkeys(("copy", "reverse"), Score(8, 8)),
            false_praise=unpraised(exam_of(run, 0).false_praise),
        ),
        1,
        "false praise of answers as long: 0 recorded, ",
    ),
    "a judge that praises everything is said to frown on the team's mistakes": (
        lambda run: forge_own(run, theirs=Praise(0, own_of(run, 1).theirs.asked)),
        2,
        "of the member's wrong answers praised: 0 recorded, ",
    ),
    "a judge is said to have agreed less": (
        lambda run: forge(run, JudgeTested, 1, agreement=Agreement(8, 8, 0, 0)),
        2,
        "praised by both judges: 8 recorded, 16 again",
    ),
}
"""Figures that go together, which verify alone believes: it asks no model."""


@pytest.mark.parametrize("case", UNNOTICED)
def test_replay_asks_the_judge_and_finds_what_verify_cannot(run: ScriptedRun, case: str) -> None:
    tamper, generation, says = UNNOTICED[case]
    tamper(run)
    assert not [one for one in verify(run.evidence()).faults if one.check == "judge"]
    assert says in faults(replayed(run, generation), "judge")


def one_verdict_less(job: Job, result: Result) -> Result:
    """As another processor may: of a judge that is at a loss."""
    if isinstance(job, ScoreJob) and isinstance(result, Scored):
        return Scored(log_likelihoods=(-9.0, *result.log_likelihoods[1:]))
    return result


def test_one_verdict_is_too_many_on_the_same_kind_of_machine(judged: ScriptedRun) -> None:
    assert "verdicts right: " in faults(replayed(judged, 1, one_verdict_less), "judge")


def test_a_judge_whose_weights_are_gone_is_no_longer_asked(run: ScriptedRun) -> None:
    shutil.rmtree(run.folder / "models" / judges_of(run)[0].digest)
    rerun = replayed(run, 2)
    assert "judge" in [one.finding.check for one in rerun.missing]
    assert not rerun.differing
