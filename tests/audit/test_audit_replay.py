"""A generation made again: equal to the last digit, or where it differs, and what another machine may change."""

import shutil

import pytest
from msgspec import structs
from tests.audit.forging import forge, forge_rows, outcome_of
from tests.audit.replaying import faults, otherwise_wrong, replayed
from tests.audit.scripted_run import SOFTWARE, ScriptedRun

from detent.audit import NotRead, verify
from detent.errors import UsageError
from detent.evaluate import decode_rows
from detent.values import PROCESSOR, AnswerJob, Answers, Decided, Job, Labels, Result, SessionStarted

LAST = 3
"""The newest generation of the honest run."""


@pytest.mark.parametrize("generation", range(LAST + 1))
def test_an_honest_run_is_equal_to_the_last_digit(honest: ScriptedRun, generation: int) -> None:
    rerun = replayed(honest, generation)
    assert (rerun.rule.exact, rerun.differing, rerun.missing) == (True, [], [])
    made = [remade.finding.check for remade in rerun.made]
    opened = ["opening"] * (generation in {1, 2}) + ["fresh", "mastery"] * (generation < 2)
    labels, alarms = ["labels"] * (generation > 0), ["alarms"] * (generation > 0)
    inside = ["inside"] * (generation > 0)
    assert made == [*labels, "visible", *opened, *inside, *alarms, "decision"]


@pytest.mark.parametrize("generation", range(9))
def test_what_people_decided_in_a_run_follows_again(honest_peopled: ScriptedRun, generation: int) -> None:
    fired = {("drift", 2), ("drift", 5), ("break_in", 6), ("threshold_early_warning", 1), ("gap", 3)}
    rerun = replayed(honest_peopled, generation, fires=tuple(fired))
    assert [r.finding.lines() for r in rerun.differing if r.finding.check != "alarms"] == []


def test_a_difference_is_told_by_target_item_prompt_and_both_answers(leased_once: ScriptedRun) -> None:
    answers = decode_rows((leased_once.folder / "answers" / outcome_of(leased_once, 1).answers).read_bytes())
    row = next(row for row in answers if not row.candidate_right)
    forge_rows(leased_once, otherwise_wrong, 1)
    (fault,) = faults(replayed(leased_once, 2), "opening").split(" | ")
    assert fault == (
        f"{row.target}, item {row.index}, {row.prompt!r}: the candidate answered {row.candidate + '?'!r} as recorded, "
        f"{row.candidate!r} again"
    )


def change_one(job: Job, result: Result) -> Result:
    """As another processor may: one answer of many is another one."""
    if isinstance(job, AnswerJob) and isinstance(result, Answers):
        return Answers(completions=(result.completions[0] + "0", *result.completions[1:]))
    return result


def spoil(job: Job, result: Result) -> Result:
    """One answer of twenty is another one."""
    if isinstance(job, AnswerJob) and isinstance(result, Answers):
        said = [text + "0" if place % 20 == 0 else text for place, text in enumerate(result.completions)]
        return Answers(completions=tuple(said))
    return result


ELSEWHERE = SOFTWARE | {PROCESSOR: "slide rule"}


def test_one_answer_is_too_many_on_the_same_kind_of_machine_and_not_on_another(honest: ScriptedRun) -> None:
    here, there = (replayed(honest, 2, change_one, here=machine) for machine in (SOFTWARE, ELSEWHERE))
    assert faults(here, "opening")
    assert not faults(there, "opening")
    assert any("answers differ, which another kind of machine may make of" in line for line in there.lines())
    assert "processor abacus there and slide rule here" in there.lines()[0]


def test_one_answer_in_twenty_is_too_many_everywhere(honest: ScriptedRun) -> None:
    rerun = replayed(honest, 2, spoil, here=ELSEWHERE)
    assert faults(rerun, "opening")
    assert faults(rerun, "visible")


def test_another_verdict_is_a_difference_on_every_machine(flattered: ScriptedRun) -> None:
    assert "verdict" in faults(replayed(flattered, 1, here=ELSEWHERE), "opening")


def test_labels_that_their_labellers_do_not_agree_on_are_found_on_every_machine(
    flattered: ScriptedRun,
) -> None:
    assert "recorded, " in faults(replayed(flattered, 1, here=ELSEWHERE), "labels")


def less_sure(_: Job, result: Result) -> Result:
    """As another processor may: other last digits, so that others are the surest; a filter is passed all the same."""
    if isinstance(result, Labels):
        return structs.replace(
            result, kept=tuple(structs.replace(e, confidence=0.9499999) for e in result.kept)
        )
    return result


def test_last_digits_of_a_labels_confidence_differ_between_machines(honest: ScriptedRun) -> None:
    assert faults(replayed(honest, 1, less_sure), "labels")
    assert not faults(replayed(honest, 1, less_sure, here=ELSEWHERE), "labels")


@pytest.mark.parametrize("name", [PROCESSOR, "torch", "detent"])
def test_a_machine_is_of_another_kind_when_what_decides_bits_is_another(
    honest: ScriptedRun, name: str
) -> None:
    assert not replayed(honest, 0, here=SOFTWARE | {name: "other"}).rule.exact


def test_a_machine_is_of_another_kind_for_a_turn_that_went_on_elsewhere(run: ScriptedRun) -> None:
    """The second session, of generation 3, ran on another processor; those before it did not."""
    forge(run, SessionStarted, 1, software=ELSEWHERE)
    assert [replayed(run, generation).rule.exact for generation in range(4)] == [True, True, True, False]
    assert not replayed(run, 3, here=ELSEWHERE).differing


def test_a_session_of_an_older_version_recorded_no_processor(run: ScriptedRun) -> None:
    forge(run, SessionStarted, 1, software={"detent": "0"})
    assert (
        replayed(run, 3)
        .lines()[0]
        .startswith("generation 3, on another kind of machine (the session recorded no")
    )


def test_other_evaluating_code_is_another_kind_of_machine(run: ScriptedRun) -> None:
    forge(run, SessionStarted, 1, evaluator="ab" * 32)
    assert "evaluating code abababababab there" in replayed(run, 3).rule.because


def test_what_a_record_says_is_nothing_that_a_terminal_obeys(run: ScriptedRun) -> None:
    forge(run, SessionStarted, 1, software=SOFTWARE | {"torch": "\x1b[2J"})
    assert not any("\x1b" in line for line in replayed(run, 3).lines())


def test_weights_that_are_gone_are_said_and_are_no_difference(run: ScriptedRun) -> None:
    decided = [entry for entry in run.entries() if isinstance(entry, Decided)]
    first = decided[0].incumbent
    shutil.rmtree(run.folder / "models" / first)
    assert not verify(run.evidence()).faults
    rerun = replayed(run, 1)
    assert [remade.finding.check for remade in rerun.missing] == ["labels", "opening", "inside"]
    assert not rerun.differing
    assert f"no longer re-runnable: the weights models/{first} are no longer there" in " ".join(rerun.lines())


def test_what_no_wire_can_look_at_again_is_said(watched: ScriptedRun) -> None:
    unread = {"drift": NotRead("its file is no longer there", gone=True)}
    rerun = replayed(watched, 1, unread=unread)
    assert [remade.finding.check for remade in rerun.missing] == ["alarms"]


def test_a_generation_that_never_was_is_the_callers_mistake(honest: ScriptedRun) -> None:
    with pytest.raises(UsageError, match="it stands in generation 4"):
        replayed(honest, 9)
