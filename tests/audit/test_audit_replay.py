"""What a stranger who runs it again must catch: in the record itself, or only by asking the models once more."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit import test_audit_forged_charters as charters
from tests.audit import test_audit_forged_gates as gates
from tests.audit import test_audit_forged_people as people
from tests.audit import test_audit_forged_record as record
from tests.audit import test_audit_forged_teaching as teaching
from tests.audit import test_audit_forged_watches as watches
from tests.audit.forging import Forgery, assert_found, forge, forge_rows, outcome_of, places
from tests.audit.replaying import FLATTERED, Flatterer, fit, replayed
from tests.audit.scripted_run import DRAFT, SOFTWARE, ScriptedRun, make_run

from detent.audit import NotRead, Rerun, verify
from detent.engine import ModelStore
from detent.errors import UsageError
from detent.evaluate import Row, decode_rows
from detent.testing.models import write_model
from detent.values import (
    PROCESSOR,
    AnswerJob,
    Answers,
    CandidateTrained,
    Decided,
    IntentWritten,
    Job,
    Labels,
    Profiled,
    Result,
    Score,
    SessionStarted,
)

LAST = 3
"""The generation after which nothing was drawn from the ledger's root: its record can be edited and fits again."""

WATCHED = DRAFT + "[tripwires.drift]\nmost = 1.0\n"


@dataclass(frozen=True)
class Caught:
    """What is done, which phrase of the requirement it tries, and who must find it.

    base: which run. generation: replayed, where only that can find it. fires: wires that fire when they are read
    again.
    """

    phrase: str
    forgery: Forgery
    by: str = "verify"
    base: str = "run"
    generation: int = LAST
    fires: tuple[tuple[str, int], ...] = ()


def by_replay(phrase: str, forgery: Forgery, generation: int = LAST, base: str = "run") -> Caught:
    """What the record does not show by itself."""
    return Caught(phrase, forgery, "replay", base, generation)


def freeze_later(run: ScriptedRun) -> None:
    """The seal is opened for a candidate that is trained when its problems are known."""
    entries = run.record()
    intent, trained = places(run, IntentWritten)[0], places(run, CandidateTrained)[0]
    entries.insert(trained, entries.pop(intent))
    run.rewrite(entries)


def leave_generation_out(run: ScriptedRun) -> None:
    """The second generation never was; the third is the second."""
    kept = (entry for entry in run.entries() if entry.generation != 2)
    run.rewrite([structs.replace(entry, generation=min(entry.generation, 2)) for entry in kept])


def otherwise_wrong(rows: list[Row]) -> list[Row]:
    """One wrong answer of the candidate becomes another wrong one: no mark and no count changes."""
    place = next(i for i, row in enumerate(rows) if not row.candidate_right)
    changed = structs.replace(rows[place], candidate=rows[place].candidate + "0")
    return [*rows[:place], changed, *rows[place + 1 :]]


def edit_and_fit(run: ScriptedRun) -> None:
    """The same in an opening that was passed: the streams of what was measured afterwards are computed again."""
    forge_rows(run, otherwise_wrong)
    fit(run, run.record())


def swap_weights(run: ScriptedRun) -> None:
    """Other weights in a candidate's place, its new digest wherever the old one stood: all hashes are right."""
    old = next(e for e in reversed(run.entries()) if isinstance(e, CandidateTrained)).digest
    staged = write_model(run.folder / "staging" / "swapped", b'[999, 1.1, ""]'.ljust(64))
    new = ModelStore(run.folder / "models").admit(staged)
    shutil.rmtree(run.folder / "models" / old)
    run.rewrite([data.replace(old.encode(), new.encode()) for data in run.record()])


def flatter_a_profile(run: ScriptedRun) -> None:
    """A screened-out candidate is said to have had one answer more right in the open."""
    nth = max(n for n, e in enumerate(profiled(run)) if e.purpose == "visible")
    profile = profiled(run)[nth].profile
    task, scores = next(iter(profile.scores.items()))
    top = Score(scores[-1].right + 1, scores[-1].asked)
    changed = structs.replace(profile, scores=profile.scores | {task: (*scores[:-1], top)})
    forge(run, Profiled, nth, profile=changed)


def profiled(run: ScriptedRun) -> list[Profiled]:
    return [entry for entry in run.entries() if isinstance(entry, Profiled)]


def go_on_from_the_worse(run: ScriptedRun) -> None:
    """Training goes on from a candidate that did not look better than its member."""
    made = [e.digest for e in run.entries() if isinstance(e, CandidateTrained)][-2:]
    decided = [e for e in run.entries() if isinstance(e, Decided)][-1]
    assert decided.decision == "discard"
    forge(run, Decided, LAST, decision="carry", team=(made[0], decided.team[1]))


CAUGHT: dict[str, Caught] = {
    "an undecided verdict is called better": Caught(
        "a verdict edited", gates.OUTCOMES["better is claimed of an undecided opening"]
    ),
    "an easier problem is put among the items": Caught(
        "problems swapped", gates.ANSWERS["an easier problem is put among the items"]
    ),
    "the intent is written again later, to try another seed": Caught(
        "the seal opened early", gates.ANSWERS["the intent is written again later, to try another seed"]
    ),
    "the seal is opened for a candidate that was trained when its problems were known": Caught(
        "the seal opened early",
        Forgery(freeze_later, "intents", "a candidate that this generation trained before the intent"),
    ),
    "an outcome stands before its intent": Caught(
        "the seal opened early", record.RECORD["an outcome stands before its intent"]
    ),
    "the incumbent changes without a promotion": Caught(
        "an incumbent exchanged", record.DECISIONS["the incumbent changes without a promotion"]
    ),
    "the candidate is tested against an older model": Caught(
        "an incumbent exchanged", gates.INTENTS["the candidate is tested against an older model"]
    ),
    "labels are by somebody else": Caught(
        "labels of unknown origin", teaching.DATA["labels are by somebody else"]
    ),
    "labels are said to be the team's, and are the true answers": by_replay(
        "labels of unknown origin", Forgery(lambda _: None, "labels", "recorded, "), 1, "flattered"
    ),
    "a candidate is promoted before anybody answered": Caught(
        "a decision without an approval it needed",
        people.ANSWERS["a candidate is promoted before anybody answered"],
        base="peopled",
    ),
    "one generation too many is turned": Caught(
        "a lease overdrawn", record.WHO_DECIDES["one generation too many is turned"]
    ),
    "a generation is left out, and the others are counted anew": Caught(
        "a generation left out", Forgery(leave_generation_out, "lineage", "expected, got")
    ),
    "a wire was not read": Caught(
        "alarms suppressed", watches.WATCHES["a wire was not read"], base="peopled"
    ),
    "a wire that fired was written down as quiet, and all that followed fits": Caught(
        "alarms suppressed",
        Forgery(lambda _: None, "alarms", "drift fired expected"),
        "replay",
        "watched",
        1,
        (("drift", 1),),
    ),
    "an amendment is signed by the new stewards alone": Caught(
        "a charter amended without quorum",
        charters.AMENDMENTS["an amendment is signed by the new stewards alone"],
        base="peopled",
    ),
    "one recorded answer is another one, and no count changes": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda run: forge_rows(run, otherwise_wrong, 1), "opening", "the candidate answered"),
        2,
        "leased_once",
    ),
    "one is, and what is drawn from the ledger's root is said to come from the new one": by_replay(
        "recorded answers edited consistently",
        Forgery(edit_and_fit, "opening", "the candidate answered"),
        1,
        "promoted_last",
    ),
    "the answers of the gate are better than the model, and all counts follow": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda _: None, "opening", "the candidate answered"),
        1,
        "flattered",
    ),
    "a fresh profile is better than its model": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda _: None, "fresh", "right of 64 recorded"),
        1,
        "flattered",
    ),
    "a visible profile is better than its model": by_replay(
        "recorded answers edited consistently", Forgery(flatter_a_profile, "visible", "recorded, ")
    ),
    "a model's weights are swapped, and its digest is computed again": by_replay(
        "weights swapped and their digest recomputed", Forgery(swap_weights, "visible", "member 1, ")
    ),
    "training goes on from a candidate that looked worse": by_replay(
        "a decision that does not follow",
        Forgery(go_on_from_the_worse, "decision", "decision discard expected, got carry"),
    ),
}

PHRASES = (
    "a verdict edited",
    "problems swapped",
    "the seal opened early",
    "an incumbent exchanged",
    "labels of unknown origin",
    "a decision without an approval it needed",
    "a lease overdrawn",
    "a generation left out",
    "alarms suppressed",
    "a charter amended without quorum",
    "recorded answers edited consistently",
    "weights swapped and their digest recomputed",
    "a decision that does not follow",
)


@pytest.fixture(scope="module")
def flattered(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run whose workers told the loop more than its models say. Never changed."""
    return make_run(
        tmp_path_factory.mktemp("flattered") / "run",
        trained=FLATTERED,
        leases=(1,),
        worker_kind=Flatterer,
    )


@pytest.fixture
def leased_once(tmp_path: Path) -> ScriptedRun:
    """No lease was granted in sight of the last opening, which was undecided."""
    return make_run(tmp_path / "run", leases=(2,))


@pytest.fixture
def promoted_last(tmp_path: Path) -> ScriptedRun:
    """Nothing came after the generation that was promoted."""
    return make_run(tmp_path / "run", leases=(1,))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A run with a tripwire. Never changed."""
    return make_run(tmp_path_factory.mktemp("watched") / "run", WATCHED)


def test_every_phrase_of_the_requirement_is_tried() -> None:
    assert {caught.phrase for caught in CAUGHT.values()} == set(PHRASES)


@pytest.mark.parametrize("done", [done for done, caught in CAUGHT.items() if caught.by == "verify"])
def test_the_record_shows_it_and_no_model_need_be_asked(done: str, request: pytest.FixtureRequest) -> None:
    caught = CAUGHT[done]
    assert_found(request.getfixturevalue(caught.base), caught.forgery)


@pytest.mark.parametrize("done", [done for done, caught in CAUGHT.items() if caught.by == "replay"])
def test_the_record_holds_by_itself_and_asking_again_shows_it(
    done: str, request: pytest.FixtureRequest
) -> None:
    caught = CAUGHT[done]
    run: ScriptedRun = request.getfixturevalue(caught.base)
    caught.forgery.tamper(run)
    assert not verify(run.evidence()).faults
    rerun = replayed(run, caught.generation, fires=caught.fires)
    assert caught.forgery.says in faults(rerun, caught.forgery.check)


def faults(rerun: Rerun, check: str) -> str:
    """What a check of a rerun found."""
    return " | ".join(f for r in rerun.made if r.finding.check == check for f in r.finding.faults)


@pytest.mark.parametrize("generation", range(LAST + 1))
def test_an_honest_run_is_equal_to_the_last_digit(honest: ScriptedRun, generation: int) -> None:
    rerun = replayed(honest, generation)
    assert (rerun.rule.exact, rerun.differing, rerun.missing) == (True, [], [])
    made = [remade.finding.check for remade in rerun.made]
    opened = ["opening"] * (generation in {1, 2}) + ["fresh", "mastery"] * (generation < 2)
    labels, alarms = ["labels"] * (generation > 0), ["alarms"] * (generation > 0)
    assert made == [*labels, "visible", *opened, *alarms, "decision"]


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
        f"{row.target}, item {row.index}, {row.prompt!r}: the candidate answered {row.candidate + '0'!r} as recorded, "
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
    assert [remade.finding.check for remade in rerun.missing] == ["labels", "opening"]
    assert not rerun.differing
    assert f"no longer re-runnable: the weights models/{first} are no longer there" in " ".join(rerun.lines())


def test_what_no_wire_can_look_at_again_is_said(watched: ScriptedRun) -> None:
    unread = {"drift": NotRead("its file is no longer there", gone=True)}
    rerun = replayed(watched, 1, unread=unread)
    assert [remade.finding.check for remade in rerun.missing] == ["alarms"]


def test_a_generation_that_never_was_is_the_callers_mistake(honest: ScriptedRun) -> None:
    with pytest.raises(UsageError, match="it stands in generation 4"):
        replayed(honest, 9)


def test_the_page_says_by_which_command_each_is_found() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verifying.md").read_text("utf-8")
    section = page.split("## What must be caught")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", section, re.MULTILINE)
    said = {phrase: set(re.findall(r"`(\w+)`", cell)) for phrase, cell in rows if cell != "found by"}
    assert said == {
        phrase: {caught.by for caught in CAUGHT.values() if caught.phrase == phrase} for phrase in PHRASES
    }
