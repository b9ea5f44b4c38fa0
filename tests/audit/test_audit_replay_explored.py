"""What was tried beside the data, made again: reshaped models from their parents, trials from their models."""

import shutil

import pytest
from msgspec import UNSET, structs
from tests.audit.exploring_run import Explorer
from tests.audit.forging import forge, places
from tests.audit.replaying import Twist, faults, honest, replayed
from tests.audit.scripted_run import SOFTWARE, ScriptedRun

from detent.audit import Rerun
from detent.values import PROCESSOR, Job, Profiled, Reshaped, ReshapedModel, Result, Score

ELSEWHERE = SOFTWARE | {PROCESSOR: "slide rule"}


def again(run: ScriptedRun, generation: int, twist: Twist = honest, **changes: object) -> Rerun:
    return replayed(run, generation, twist, kind=Explorer, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", range(5))
def test_an_honest_run_that_tries_changes_is_equal_to_the_last_digit(
    honest_exploring: ScriptedRun, generation: int
) -> None:
    rerun = again(honest_exploring, generation)
    assert [line for remade in rerun.differing for line in remade.finding.lines()] == []
    assert rerun.missing == []
    made = [remade.finding.check for remade in rerun.made]
    assert ("trials" in made) == (generation > 0)
    assert ("reshaped" in made) == (generation > 0)


def test_trials_and_reshaped_models_are_counted_in_words(honest_exploring: ScriptedRun) -> None:
    lines = again(honest_exploring, 1).lines()
    assert "trials      equal: 7 trials, 560 problems each" in lines
    # Two are tried, and the turn makes one anew of each member; a trial's second rung asks for the same.
    assert "reshaped    equal: 4 models in another shape, made again from its parent" in lines


def test_a_trial_that_was_written_down_as_better_than_it_was_is_found(exploring: ScriptedRun) -> None:
    entries = exploring.entries()
    nth = next(
        nth
        for nth, place in enumerate(places(exploring, Profiled))
        if entries[place].trial == "1.0" and entries[place].generation == 1
    )
    profiled = entries[places(exploring, Profiled)[nth]]
    assert isinstance(profiled, Profiled)
    rows = profiled.profile.scores["copy"]
    better = (*rows[:-1], Score(40, 40))
    profile = structs.replace(profiled.profile, scores={"copy": better})
    forge(exploring, Profiled, nth, profile=profile)
    found = faults(again(exploring, 1), "trials")
    assert f"trial 1.0, copy {len(rows)}: 40 right of 40 recorded" in found
    assert faults(again(exploring, 1, here=ELSEWHERE), "trials")


def test_a_model_that_is_not_what_its_edit_makes_is_found(exploring: ScriptedRun) -> None:
    first = next(entry for entry in exploring.entries() if isinstance(entry, Reshaped))
    second = next(e for e in exploring.entries() if isinstance(e, Reshaped) and e.digest != first.digest)
    forge(exploring, Reshaped, 0, digest=second.digest)
    found = faults(again(exploring, 1), "reshaped")
    assert f"models/{second.digest} recorded, models/{first.digest} made again" in found


def further(_: Job, result: Result) -> Result:
    return structs.replace(result, distance=0.25) if isinstance(result, ReshapedModel) else result


def test_a_distance_that_is_another_is_found(exploring: ScriptedRun) -> None:
    assert "0.7 from its parent recorded, 0.25 again" in faults(again(exploring, 1, further), "reshaped")


def test_on_another_kind_of_machine_weights_are_not_compared_and_it_is_said(
    honest_exploring: ScriptedRun,
) -> None:
    rerun = again(honest_exploring, 1, further, here=ELSEWHERE)
    assert [remade.finding.check for remade in rerun.missing] == ["reshaped"]
    assert rerun.differing == []


def test_trials_whose_models_are_gone_are_said_and_the_others_are_asked(exploring: ScriptedRun) -> None:
    entries = [exploring.entries()[place] for place in places(exploring, Profiled)]
    gone = next(e for e in entries if isinstance(e, Profiled) and e.trial == "3.0" and e.generation == 1)
    shutil.rmtree(exploring.folder / "models" / gone.profile.subject)
    # Changes that come to the same have made the same model.
    tried = [e for e in entries if isinstance(e, Profiled) and e.trial is not UNSET and e.generation == 1]
    left = sum(e.profile.subject != gone.profile.subject for e in tried)
    assert 0 < left < 7
    rerun = again(exploring, 1)
    assert [remade.finding.check for remade in rerun.missing] == ["trials"]
    assert rerun.differing == []
    assert f"trials      equal: {left} trials, 560 problems each" in rerun.lines()
    assert any("no longer re-runnable: trial " in line for line in rerun.lines())


def test_a_reshaped_models_parent_that_is_gone_is_said(exploring: ScriptedRun) -> None:
    first = next(entry for entry in exploring.entries() if isinstance(entry, Reshaped))
    shutil.rmtree(exploring.folder / "models" / first.parent)
    missing = [remade.finding.check for remade in again(exploring, 1).missing]
    assert "reshaped" in missing
