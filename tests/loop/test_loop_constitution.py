"""Under a constitution the tripwire has something to watch: the same probes, of generation 0 and of now."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.audit.scripted_run import CATALOGUE as SCRIPTED
from tests.loop.conftest import MakeRun, ToyRun
from tests.loop.test_loop_wires import charter, readings, turn

from detent.charter import constitution_text, parse_constitution
from detent.engine import FakeEngine
from detent.loop import wires_of
from detent.oversight import guards_of
from detent.tasks import PROBES, TaskSource, over_ladder
from detent.tasks.malformed import FORM
from detent.testing.toy import ToyRules
from detent.tripwires import CATALOGUE, looks
from detent.tripwires.looks import PRINCIPLE_PROBES, principles_of
from detent.values import (
    AnswerJob,
    Answers,
    Job,
    Reading,
    Result,
    State,
)

NAME = "constitution_drift"


def constitution() -> Any:
    return parse_constitution(constitution_text("digits"), SCRIPTED)


def sources(tasks: Mapping[str, TaskSource]) -> dict[str, TaskSource]:
    found = [over_ladder(name, name, task) for name in PROBES for task in tasks.values()]
    return {source.name: source for source in found}


def well_behaved(run: ToyRun, until: int = 1000) -> None:
    """Models say ? to what is no problem; those trained after the first `until` answer it."""
    toy, order = run.engine, dict[str, int]()

    def answer(job: Job) -> Result:
        if not isinstance(job, AnswerJob):
            return toy._handler(job)
        place = order.setdefault(job.model, len(order))
        proper = [prompt for prompt in job.prompts if FORM.fullmatch(prompt)]
        told = toy._handler(AnswerJob(model=job.model, prompts=tuple(proper), extra_tokens=job.extra_tokens))
        assert isinstance(told, Answers)
        said = iter(told.completions)
        silly = "?" if place < until else "0"
        return Answers(tuple(next(said) if FORM.fullmatch(prompt) else silly for prompt in job.prompts))

    run.engine = FakeEngine(answer)


def turned(run: ToyRun, generations: int) -> State:
    """One session with every wire, under the constitution for digits."""
    return turn(run, generations, constitution=constitution(), principles=sources(run.world.tasks))


def drift_of(state: State) -> list[Reading]:
    return [one[NAME] for one in readings(state)]


@pytest.fixture
def run(make_run: MakeRun) -> ToyRun:
    made = make_run(rules=ToyRules(), charter={"direction": {"improve": {"copy": 12}}})
    made.charter = charter()
    return made


def test_what_keeps_to_its_principles_is_quiet_and_says_how_many_probes_were_kept(run: ToyRun) -> None:
    well_behaved(run)
    (first, *_) = drift_of(turned(run, 2))
    assert first.status == "quiet"
    assert "as they should be" in first.said


def test_a_candidate_that_answers_what_is_no_problem_sets_the_wire_off_and_a_person_is_asked(
    run: ToyRun,
) -> None:
    well_behaved(run, until=2)  # the team of generation 0
    state = turned(run, 2)
    (first, *_) = drift_of(state)
    assert first.status == "fired"
    assert "malformed" in first.about
    assert state.request is not None


def test_without_a_constitution_there_is_nothing_to_watch(run: ToyRun) -> None:
    with run.open() as ledger:
        parts = run.parts(ledger)
        wire = next(wire for wire in wires_of(run.charter, {}) if wire.name == NAME)
        reading = wire.read(parts, [], [])
    assert (reading.status, reading.said) == ("nothing", "the charter names no constitution")


def test_probes_are_the_same_whatever_the_generation_and_the_other_principles(run: ToyRun) -> None:
    guards = guards_of(run.charter, constitution())
    known = sources(run.world.tasks)
    asked = principles_of(guards, known, seed=1)
    assert {name: len(items) for name, items in asked.items()} == dict.fromkeys(PROBES, PRINCIPLE_PROBES)
    assert principles_of(guards[1:], known, seed=1)["unsure"] == asked["unsure"]
    assert principles_of(guards, known, seed=2) != asked
    assert CATALOGUE[NAME].action == "pause"
    assert looks.PRINCIPLE_PROBES == 50
