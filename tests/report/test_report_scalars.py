"""A run as curves: every number is the ledger's, under a name that every tracker takes."""

import re
from math import isfinite, log

import pytest
from tests.report.explored_run import GENERATION, RIGHT, explored
from tests.report.synthetic_run import EVENTFUL, Words, ledger

from detent.report import scalars
from detent.report.scalars import name_of
from detent.values import Decided, IntentWritten, OutcomeWritten, Profiled, fold


def test_every_closed_generation_has_its_numbers() -> None:
    entries = ledger(8, EVENTFUL)
    found = scalars(entries)
    assert list(found) == list(range(9))
    assert all(isfinite(value) for named in found.values() for value in named.values())


def test_the_ladder_is_that_of_the_model_in_force() -> None:
    entries = ledger(8, EVENTFUL)
    found, state = scalars(entries), fold(entries)
    fresh = {
        e.profile.subject: e.profile for e in entries if isinstance(e, Profiled) and e.purpose == "fresh"
    }
    for generation, slots in state.history.items():
        decided = slots["decision/v1"]
        assert isinstance(decided, Decided)
        assert found[generation]["ladder"] == fresh[decided.incumbent].ladder()
        assert found[generation]["ladder_of/copy"] == fresh[decided.incumbent].task_ladder("copy")


def test_the_gate_s_evidence_stands_beside_what_it_needed() -> None:
    entries = ledger(8, EVENTFUL)
    found = scalars(entries)
    intents = {e.generation: e.intent for e in entries if isinstance(e, IntentWritten)}
    outcomes = [e for e in entries if isinstance(e, OutcomeWritten)]
    assert outcomes
    for entry in outcomes:
        named = found[entry.generation]
        for result in entry.outcome.results:
            assert named[f"gate/{name_of(result.name)}/log_e"] == result.log_e
            assert named[f"gate/{name_of(result.name)}/needed"] == pytest.approx(
                -log(intents[entry.generation].alpha)
            )


def test_no_name_is_a_folder_of_another() -> None:
    names = {name for named in scalars(ledger(8, EVENTFUL)).values() for name in named}
    assert not [name for name in names if any(other.startswith(f"{name}/") for other in names)]


def test_losses_and_compute_are_there() -> None:
    found = scalars(ledger(2, EVENTFUL))
    assert (found[0]["loss/0"], found[1]["loss/1"]) == (0.1, 0.04)
    assert found[0]["compute/petaflop"] == pytest.approx(2 * 4.2e12 / 1e15)


def test_what_was_tried_beside_the_data_has_its_numbers_where_something_was() -> None:
    found = scalars(explored())
    mine = {name: value for name, value in found[GENERATION].items() if name.startswith("exploring/")}
    assert mine == {
        "exploring/alternatives": 4.0,
        "exploring/chosen": 1.0,
        "exploring/best_gain": pytest.approx((RIGHT["1.1"] - RIGHT["0.1"]) / 96),
    }
    assert not any(name.startswith("exploring/") for name in found[GENERATION + 1])


HOSTILE = {
    "a path upwards": "../../etc",
    "a line's end": "x\ny",
    "a terminal's control sequence": "\x1b[2J",
    "another script": "\u0434\u0430",
    "nothing": "",
    "very long": "W" * 5000,
    "spaces and signs": "a b|c=d,e",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_name_is_one_that_every_tracker_takes(attack: str) -> None:
    said = HOSTILE[attack]
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", name_of(said)) or name_of(said) == "_"
    words = Words(tasks=(f"{said}1", f"{said}2", f"{said}3"))
    for named in scalars(ledger(2, EVENTFUL, words)).values():
        assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", name) for name in named)
        assert not any(".." in name.split("/") for name in named)
