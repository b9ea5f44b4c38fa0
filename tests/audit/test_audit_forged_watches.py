"""Whoever holds the log's key rewrites what the tripwires found, and what was computed. Each is named."""

from typing import Any, Literal

import pytest
from msgspec import structs
from tests.audit.forging import Forgery, assert_found, finding, forge, places, without
from tests.audit.forging_people import nth
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.values import (
    CandidateTrained,
    DataMade,
    Entry,
    Reading,
    Watched,
)

FIRST, ASKED, QUIET, HALTED, LAST = 0, 1, 2, 4, 5
"""Watches: of generation 1, of the one that drifted, of one that nobody was asked about, the halted, the last one."""


def rewatch(run: ScriptedRun, number: int, wire: str, **fields: Any) -> None:
    """Another reading of one wire in the nth watch."""
    readings: tuple[Reading, ...] = nth(run, Watched, number).readings
    changed = tuple(structs.replace(r, **fields) if r.wire == wire else r for r in readings)
    assert changed != readings
    forge(run, Watched, number, readings=changed)


def misread(run: ScriptedRun, number: int, *readings: Reading) -> None:
    """The nth watch with other readings."""
    forge(run, Watched, number, readings=readings)


def readings_of(run: ScriptedRun, number: int) -> tuple[Reading, ...]:
    """Of the nth watch."""
    found: tuple[Reading, ...] = nth(run, Watched, number).readings
    return found


def move(run: ScriptedRun, kind: type[Entry], number: int, back: int) -> None:
    """The nth entry of that kind stands so many places earlier."""
    record, place = run.record(), places(run, kind)[number]
    record.insert(place - back, record.pop(place))
    run.rewrite(record)


WATCHES: dict[str, Forgery] = {
    "nobody watched": Forgery(
        lambda run: without(run, Watched, QUIET),
        "watch",
        "a watch before the decision on what was trained expected",
    ),
    "a wire that fired is called quiet": Forgery(
        lambda run: rewatch(run, ASKED, "drift", status="quiet"),
        "watch",
        "the charter's actions for what fired, {}, expected",
    ),
    "a wire that fired is called quiet, and people were asked all the same": Forgery(
        lambda run: rewatch(run, ASKED, "drift", status="quiet"),
        "people",
        "no request without a reason expected",
    ),
    "a wire that fired is called not due": Forgery(
        lambda run: rewatch(run, QUIET, "gap", status="not_due"), "watch", "of a reading that is not_due"
    ),
    "the newest watch calls every wire not due": Forgery(
        lambda run: misread(
            run, LAST, *(Reading(r.wire, "not_due", "another time") for r in readings_of(run, LAST))
        ),
        "watch",
        "a measurement of label_avalanche in generation 8 expected, got none: it is due",
    ),
    "the noise sweep is called not due in a generation that has one": Forgery(
        lambda run: misread(
            run, FIRST, *readings_of(run, FIRST), Reading("sandbagging", "not_due", "no sweep")
        ),
        "watch",
        "a measurement of sandbagging in generation 1 expected, got none: it is due",
    ),
    "an action is weakened from halt to record": Forgery(
        lambda run: forge(run, Watched, HALTED, actions={"break_in": "record"}),
        "watch",
        "the charter's actions for what fired, {'break_in': 'halt'}, expected",
    ),
    "an action is the one of the charter before": Forgery(
        lambda run: forge(
            run,
            Watched,
            LAST,
            readings=tuple(
                structs.replace(reading, status="fired") if reading.wire == "drift" else reading
                for reading in readings_of(run, LAST)
            ),
            actions={"drift": "pause"},
        ),
        "watch",
        "{'drift': 'halt'}, expected",
    ),
    "a wire was not read": Forgery(
        lambda run: misread(run, QUIET, *readings_of(run, QUIET)[1:]),
        "watch",
        "one reading of each wire of the charter expected, got 0 of label_avalanche",
    ),
    "a wire was read until it was quiet": Forgery(
        lambda run: misread(run, QUIET, *readings_of(run, QUIET), readings_of(run, QUIET)[0]),
        "watch",
        "got 2 of label_avalanche",
    ),
    "a wire is nobody's": Forgery(
        lambda run: misread(run, QUIET, *readings_of(run, QUIET), Reading("calm", "quiet", "it is")),
        "watch",
        "got 1 of calm",
    ),
    "a reading has a limit and nothing that was measured": Forgery(
        lambda run: rewatch(run, QUIET, "drift", statistic=None), "watch", "statistic and limit of what drift"
    ),
    "a reading says nothing": Forgery(
        lambda run: rewatch(run, QUIET, "drift", said=""), "watch", "a sentence of what drift found"
    ),
    "a generation was watched before its opening": Forgery(
        lambda run: move(run, Watched, QUIET, 4),
        "watch",
        "nothing but a question or cosignatures after the watch expected",
    ),
    "a generation was watched before its candidates were measured": Forgery(
        lambda run: move(run, Watched, QUIET, 6), "watch", "a watch when candidates are measured"
    ),
}

COMPUTE: dict[str, Forgery] = {
    "a model is larger than it says": Forgery(
        lambda run: forge(run, CandidateTrained, 0, parameters=1), "models", "parameters expected, as models/"
    ),
    "labels cost nothing": Forgery(
        lambda run: forge(run, DataMade, 1, flops=0.0), "data", "floating point operations for these prompts"
    ),
    "the tasks' own answers cost something": Forgery(
        lambda run: forge(run, DataMade, 0, flops=1.0), "data", "0 floating point operations"
    ),
    "training pays back": Forgery(
        lambda run: forge(run, CandidateTrained, 0, flops=-1e15), "lineage", "0 or more, expected"
    ),
}

ALL = WATCHES | COMPUTE


@pytest.mark.parametrize(("first", "is_due"), [("quiet", False), ("unmeasured", False), ("not_due", True)])
def test_the_noise_sweep_is_due_in_generation_3_unless_one_was_made_in_1(
    peopled: ScriptedRun, first: Literal["quiet", "unmeasured", "not_due"], is_due: bool
) -> None:
    assert nth(peopled, Watched, QUIET).generation == 3
    misread(peopled, FIRST, *readings_of(peopled, FIRST), Reading("sandbagging", first, "a sweep"))
    misread(peopled, QUIET, *readings_of(peopled, QUIET), Reading("sandbagging", "not_due", "no sweep"))
    said = finding(verify(peopled.evidence()).faults, "watch")
    assert said is not None  # the charter of this run has no such wire
    due = "a measurement of sandbagging in generation 3 expected, got none: it is due"
    assert any(due in fault for fault in said.faults) == is_due


@pytest.mark.parametrize("done", ALL)
def test_what_was_not_measured_is_found_although_the_ledger_is_sound(peopled: ScriptedRun, done: str) -> None:
    assert_found(peopled, ALL[done])
