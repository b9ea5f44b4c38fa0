"""What report, status and a question say of a model that was promoted for being smaller."""

import pytest
from tests.audit.scripted_run import ScriptedRun
from tests.audit.smaller_run import make_smaller_run

from detent.report import (
    Budget,
    generation_line,
    render,
    request_page,
    status_document,
    status_text,
    tell,
)
from detent.values import Requested, State, fold

TOPS = {"copy": 4, "reverse": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    return make_smaller_run(tmp_path_factory.mktemp("smaller") / "run")


def state_after(run: ScriptedRun, generation: int) -> State:
    state = State()
    for entry in run.entries():
        if state.generation > generation:
            break
        state = fold([entry], state)
    return state


def question(expires: str) -> Requested:
    return Requested(number=1, candidate="ab" * 32, reasons=(), unchecked=(), approvers=1, expires=expires)


def status(state: State) -> str:
    return status_text(status_document(state, "ready", Budget(0.05, 0.01, {}), "2026-01-01T00:00:00Z"))


def test_a_smaller_model_is_called_smaller_and_as_good_and_a_better_one_better(run: ScriptedRun) -> None:
    story = tell(run.entries(), "small", "To be verified", TOPS)
    lines = [generation_line(turn) for turn in story.turns]
    assert ["smaller, as good, promoted" in line for line in lines] == [False, True, False, True, False]
    assert "| better, promoted" in lines[2]
    assert all("items |" in line for line in lines[1:4])


def test_the_page_tells_the_objective_the_anchor_and_both_sizes(run: ScriptedRun) -> None:
    page = render(tell(run.entries(), "small", "To be verified", TOPS))
    assert "smaller, as good" in page
    assert "non-inferiority to the anchor" in page.replace("\N{EN DASH}", "-")
    assert "as good with 48 parameters in place of 64" in page
    assert "of a candidate tried for being smaller: on the first task" in page


def test_status_names_the_anchor_only_where_it_is_not_the_incumbent(run: ScriptedRun) -> None:
    told = {generation: status(state_after(run, generation)) for generation in range(4)}
    assert ["anchor" in told[generation] for generation in range(4)] == [False, True, False, True]
    assert state_after(run, 0).incumbent in next(line for line in told[1].splitlines() if "anchor" in line)


def test_a_question_to_people_says_as_good_and_smaller(run: ScriptedRun) -> None:
    slots, asked = state_after(run, 1).history[1], question("2026-01-02T00:00:00Z")
    assert "opening 1: smaller, as good; L/copy passed" in request_page(asked, None, slots)
