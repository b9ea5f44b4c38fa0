"""A server whose answers are compared with the candidates': they are on record, its own, and to the prompts drawn."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.compared_run import TRAINED
from tests.audit.forging import Forgery, assert_found, forge, without
from tests.audit.replaying import replayed
from tests.audit.scripted_run import ScriptedRun, make_run
from tests.audit.served_run import TAUGHT_TOO, ServedWorker
from tests.audit.test_audit_served import asked, forge_said, said
from tests.audit.test_audit_tuned import of, origin, preferred

from detent.audit import verify
from detent.values import DataMade, ServerAsked
from detent.values.serving import Compared, Kept, Wrote


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("taught") / "run"
    return make_run(folder, TAUGHT_TOO, trained=TRAINED, worker_kind=ServedWorker)


@pytest.fixture
def run(taught: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return taught.copy(tmp_path / "run")


def place(run: ScriptedRun) -> int:
    """Which of the servers' entries has the first answers to compare."""
    return [one.purpose for one in asked(run)].index("answers")


def test_a_run_with_a_teacher_verifies_and_says_whose_answers_were_compared(taught: ScriptedRun) -> None:
    findings = verify(taught.evidence())
    assert not findings.faults, findings.lines
    made = [one for one in of(taught, DataMade) if one.origin.source == "preferred"]
    assert all(one.origin.labellers[-1] == "server:wise" for one in made)
    assert all("of server:wise" in one.origin.filter for one in made)
    assert {one.purpose for one in asked(taught)} == {"exam", "answers", "preferences"}


def test_its_answers_are_among_those_that_are_compared(taught: ScriptedRun) -> None:
    wrote = {row.text for row in said(taught, place(taught)) if isinstance(row, Wrote)}
    nth = [one.purpose for one in asked(taught)].index("preferences")
    compared = {
        text for row in said(taught, nth) if isinstance(row, Compared) for pair in row.pairs for text in pair
    }
    assert wrote & compared


@pytest.mark.parametrize("generation", [1, 2])
def test_replay_writes_the_candidates_answers_again_and_takes_the_teachers_from_the_record(
    taught: ScriptedRun, generation: int
) -> None:
    rerun = replayed(taught, generation, kind=ServedWorker)
    assert rerun.differing == []
    assert [one.finding.check for one in rerun.missing] == ["judge"]


def other_prompt(rows: list[Kept]) -> list[Kept]:
    row = rows[0]
    assert isinstance(row, Wrote)
    return [structs.replace(row, prompt="C9="), *rows[1:]]


def change(how: Callable[[list[Kept]], list[Kept]]) -> Callable[[ScriptedRun], None]:
    return lambda run: forge_said(run, place(run), how)


FORGED = {
    "its answers are to other prompts": Forgery(
        change(other_prompt), "data", "answers of server:wise to each of"
    ),
    "an answer of its is missing": Forgery(
        change(lambda rows: rows[1:]), "data", "answers of server:wise to each of"
    ),
    "its answers are left out": Forgery(
        lambda run: without(run, ServerAsked, place(run)), "data", "asked/v1/answers, expected, got none"
    ),
    "nobody says that it answered": Forgery(
        lambda run: origin(run, labellers=of(run, DataMade)[preferred(run)].origin.labellers[:-1]),
        "data",
        "preferences as",
    ),
    "another server answered": Forgery(
        lambda run: forge(run, ServerAsked, place(run), server="other"), "servers", "the server wise"
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_it_is_found_that(forgery: Forgery, run: ScriptedRun) -> None:
    assert_found(run, forgery)
