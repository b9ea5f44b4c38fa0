"""Principles at the gate: better at the task and worse at a principle is refused, and whoever forges that is found."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.constitution_run import (
    CONSTITUTED,
    CONSTITUTION,
    SHY,
    PrincipledWorker,
    constituted_run,
    outcomes,
)
from tests.audit.forging import (
    Forgery,
    assert_found,
    finding,
    forge_intent,
    forge_outcome,
    forge_rows,
    forge_target,
    intent_of,
    outcome_of,
)
from tests.audit.replaying import replayed
from tests.audit.scripted_run import Model, ScriptedRun

from detent.audit import verify
from detent.evaluate import Row
from detent.tasks.malformed import FORM
from detent.values import AnswerJob, Answers, Decided, Job, Outcome, Result, Slice, Target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    return constituted_run(tmp_path_factory.mktemp("constituted") / "run")


@pytest.fixture
def run(built: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    """A copy to be tampered with."""
    return built.copy(tmp_path / "run")


def test_better_at_the_task_and_worse_at_a_principle_is_refused_and_the_ledger_says_which(
    built: ScriptedRun,
) -> None:
    _, refused, _ = outcomes(built)
    passed = [result.name for result in refused.results if result.passed]
    assert passed == ["S", "L/copy", "L/reverse", "R/copy", "R/reverse", "P/alphabet"]
    assert refused.verdict == "not_better"
    assert refused.because.endswith("P/malformed showed the opposite after 14 items")
    decisions = [entry for entry in built.entries() if isinstance(entry, Decided)]
    assert [entry.decision for entry in decisions] == ["promote", "promote", "carry", "promote"]
    assert "P/malformed" in decisions[2].because
    assert decisions[2].incumbent == decisions[1].incumbent


def test_the_honest_record_holds_and_says_what_is_guarded(built: ScriptedRun) -> None:
    findings = verify(built.evidence())
    assert findings.faults == []
    assert any("of 3 principles guarded alphabet, malformed, unsure" in line for line in findings.lines)


def test_principles_are_neither_climbed_nor_mastered_nor_trained_on(built: ScriptedRun) -> None:
    intent = intent_of(built)
    assert {one.task for one in intent.targets[0].slices} == {"copy", "reverse"}
    assert [target.name for target in intent.targets[-3:]] == ["P/alphabet", "P/malformed", "P/unsure"]
    assert all(target.kind == "non_inferiority" for target in intent.targets[-3:])
    for entry in built.entries():
        if entry.kind not in {"intent/v1", "outcome/v1", "decision/v1"}:
            assert "P/" not in str(entry), entry.kind
    files = [*(built.folder / "data").iterdir()]
    assert files
    assert all(b"P/" not in path.read_bytes() for path in files)


def test_saying_that_it_does_not_know_in_place_of_wrong_answers_keeps_to_every_principle(
    tmp_path: Path,
) -> None:
    models = (Model(2.5), Model(2.4), Model(3.5, SHY), Model(3.4), *(Model(3.0),) * 4)
    first, *_ = outcomes(constituted_run(tmp_path / "run", models))
    assert first.verdict == "better"
    unsure = first.results[-1]
    assert unsure.name == "P/unsure"
    assert unsure.counts.wins > 0
    assert unsure.counts.losses == 0


def test_a_model_that_stops_saying_so_where_it_is_wrong_is_refused(tmp_path: Path) -> None:
    models = (Model(2.5, SHY), Model(1.5), Model(3.2), Model(2.0), *(Model(2.0),) * 4)
    strict = CONSTITUTED.replace("margin = 0.2", "margin = 0.1")
    first, *_ = outcomes(constituted_run(tmp_path / "run", models, draft=strict))
    assert first.verdict != "better"
    # Its wrong answers were ? before: of what they are written in, and that they are wrong, both are losses.
    assert first.results[-1].name == "P/alphabet"
    only = CONSTITUTION.replace("[principles.alphabet]", "[principles.words]").replace(
        'probes = "alphabet"\n', ""
    )
    second, *_ = outcomes(constituted_run(tmp_path / "other", models, only, strict))
    assert (second.results[-1].name, second.results[-1].passed) == ("P/unsure", False)


def test_a_principle_without_probes_guards_nothing_and_verify_says_so(tmp_path: Path) -> None:
    text = CONSTITUTION.replace('probes = "malformed"\n', "")
    run = constituted_run(tmp_path / "run", text=text)
    assert [outcome.verdict for outcome in outcomes(run)][:2] == ["better", "better"]
    assert "P/malformed" not in [target.name for target in intent_of(run).targets]
    lines = verify(run.evidence()).lines
    assert any("without probes, which no opening tests: malformed;" in line for line in lines)


def test_a_principle_has_the_margin_that_the_constitution_gives_it(tmp_path: Path) -> None:
    text = CONSTITUTION.replace('probes = "unsure"', 'probes = "unsure"\nmargin = 0.3')
    run = constituted_run(tmp_path / "run", text=text)
    bounds = {target.name: target.bound for target in intent_of(run).targets}
    assert (bounds["P/unsure"], bounds["P/alphabet"], bounds["L/copy"]) == (0.3, 0.2, 0.2)
    assert verify(run.evidence()).faults == []


def on_target(name: str, **fields: object) -> Callable[[ScriptedRun], None]:
    return lambda run: forge_target(run, name, lambda target: structs.replace(target, **fields))


def narrowed(target: Target) -> Target:
    return structs.replace(target, slices=target.slices[:1], weights=(1.0,))


def of(name: str, change: Callable[[Row], Row]) -> Callable[[list[Row]], list[Row]]:
    """Change the rows of one target."""
    return lambda rows: [change(row) if row.target == name else row for row in rows]


def excused(row: Row) -> Row:
    """What should have been ? is said to have been all right."""
    return structs.replace(row, candidate_right=True)


def silenced(row: Row) -> Row:
    """The candidate is said to have said it."""
    return structs.replace(row, candidate="?", candidate_right=True)


def promoted_without(run: ScriptedRun, name: str) -> None:
    """The refused opening ends before the test that it did not pass."""
    outcome: Outcome = outcome_of(run, 1)
    results = tuple(result for result in outcome.results if result.name != name)
    forge_outcome(run, 1, results=results, verdict="better")


def file_of(run: ScriptedRun) -> Path:
    return run.folder / "tasks" / "principles.toml"


FORGERIES: dict[str, Forgery] = {
    "a principle is left out of an intent": Forgery(
        lambda run: forge_target(run, "P/malformed", lambda _: None),
        "intents",
        "P/alphabet, P/malformed, P/unsure expected, got S,",
    ),
    "all principles are left out of an intent": Forgery(
        lambda run: forge_intent(
            run, targets=tuple(t for t in intent_of(run).targets if not t.name.startswith("P/"))
        ),
        "intents",
        "P/alphabet, P/malformed, P/unsure expected, got S,",
    ),
    "the margin of a principle is wider than the constitution's": Forgery(
        on_target("P/malformed", bound=0.9), "intents", "target Target(name='P/malformed'"
    ),
    "a principle may be tested on more items": Forgery(
        on_target("P/unsure", limit=90_000), "intents", "target Target(name='P/unsure'"
    ),
    "a principle is asked on the easiest rung alone": Forgery(
        lambda run: forge_target(run, "P/unsure", narrowed), "intents", "target Target(name='P/unsure'"
    ),
    "a principle is asked in the place of another": Forgery(
        lambda run: forge_target(
            run, "P/malformed", lambda t: structs.replace(t, slices=intent_of(run).targets[-1].slices)
        ),
        "intents",
        "target Target(name='P/malformed'",
    ),
    "an intent names other code of a principle's probes": Forgery(
        lambda run: forge_intent(run, tasks={**intent_of(run).tasks, "P/unsure/copy": "ab" * 32}),
        "intents",
        "tasks {",
    ),
    "an intent leaves a principle's code out": Forgery(
        lambda run: forge_intent(
            run, tasks={n: d for n, d in intent_of(run).tasks.items() if n != "P/unsure/copy"}
        ),
        "intents",
        "tasks {",
    ),
    "a principle is asked that the constitution does not have": Forgery(
        on_target("P/unsure", slices=(Slice("P/kind", 1),), weights=(1.0,)),
        "answers",
        "a principle of the charter's constitution expected, got P/kind 1",
    ),
    "a principle is asked on a rung that is on no ladder": Forgery(
        on_target("P/unsure", slices=(Slice("P/unsure/copy", 10**9),), weights=(1.0,)),
        "answers",
        "a principle of the charter's constitution expected, got P/unsure/copy 1000000000",
    ),
    "a bad answer is marked as kept to a principle": Forgery(
        lambda run: forge_rows(run, of("P/malformed", excused), 1),
        "answers",
        "P/malformed: ",
    ),
    "the candidate is said to have kept to a principle": Forgery(
        lambda run: forge_rows(run, of("P/malformed", silenced), 1),
        "answers",
        "P/malformed: Counts(",
    ),
    "the rows of a principle are left out": Forgery(
        lambda run: forge_rows(run, lambda rows: [row for row in rows if row.target != "P/malformed"], 1),
        "answers",
        "P/malformed: Counts(wins=0, losses=0, ties=0) expected from the rows",
    ),
    "the probes of a principle are replaced by others": Forgery(
        lambda run: forge_rows(run, of("P/alphabet", lambda row: structs.replace(row, prompt="C1="))),
        "answers",
        "P/alphabet: item 0 is ",
    ),
    "a refused candidate is promoted by leaving the principle's result out": Forgery(
        lambda run: promoted_without(run, "P/malformed"),
        "gates",
        "verdict undecided expected from the counts, got better",
    ),
    "the constitution's file says something else": Forgery(
        lambda run: file_of(run).write_text(CONSTITUTION.replace("unsure", "alphabet")),
        "principles",
        "with SHA-256",
    ),
    "the constitution's file has a comment more": Forgery(
        lambda run: file_of(run).write_text(CONSTITUTION + "# all is well\n"), "principles", "as signed"
    ),
    "the constitution's file is gone": Forgery(
        lambda run: file_of(run).unlink(), "principles", "the constitution principles.toml"
    ),
    "without the constitution no intent is taken on trust": Forgery(
        lambda run: file_of(run).unlink(), "intents", "the constitution principles.toml"
    ),
    "without the constitution no answers are taken on trust": Forgery(
        lambda run: file_of(run).unlink(), "answers", "the constitution principles.toml"
    ),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_what_is_forged_of_principles_is_found(case: str, run: ScriptedRun) -> None:
    assert_found(run, FORGERIES[case])


@pytest.mark.parametrize("put", [os.mkfifo, lambda place: place.symlink_to("/dev/zero"), Path.mkdir])
def test_nothing_but_an_ordinary_file_is_read_for_a_constitution(
    run: ScriptedRun, put: Callable[[Path], object]
) -> None:
    file_of(run).unlink()
    put(file_of(run))
    findings = verify(run.evidence())
    assert finding(findings.faults, "principles") is not None
    assert not any("could not be finished" in line for line in findings.lines)


def test_a_charter_without_a_constitution_has_no_fault_for_it(tmp_path: Path) -> None:
    bare = constituted_run(tmp_path / "run", text="", draft=CONSTITUTED.partition("[constitution]")[0])
    findings = verify(bare.evidence())
    assert finding(findings.faults, "principles") is None
    assert any("the charter names no constitution" in line for line in findings.lines)
    assert not any("without probes" in line for line in findings.lines)
    names = {target.name.partition("/")[0] for target in intent_of(bare).targets}
    assert names == {"S", "L", "R"}
    assert outcomes(bare)[1].verdict == "better"  # what the constitution refused


def guessing(job: Job, result: Result) -> Result:
    """What is no problem is answered."""
    if not (isinstance(job, AnswerJob) and isinstance(result, Answers)):
        return result
    pairs = zip(job.prompts, result.completions, strict=True)
    return Answers(tuple(said if FORM.fullmatch(prompt) else "1" for prompt, said in pairs))


@pytest.mark.parametrize("generation", range(4))
def test_principles_are_asked_again_when_a_generation_is_replayed(
    built: ScriptedRun, generation: int
) -> None:
    assert replayed(built, generation, kind=PrincipledWorker).differing == []


def test_a_model_that_does_not_keep_to_a_principle_after_all_is_found_by_replay(built: ScriptedRun) -> None:
    again = replayed(built, 1, guessing, kind=PrincipledWorker)
    said = "\n".join(again.lines())
    assert [remade.finding.check for remade in again.differing] == ["opening"]
    assert "P/malformed, item 0" in said
    assert "the candidate answered '?' as recorded, '1' again" in said
