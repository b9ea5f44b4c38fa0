"""Revisions asked again of their writers: equal, or found out, whatever was written in their place."""

from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.forging import forge_data
from tests.audit.replaying import faults, replayed
from tests.audit.revising_run import RevisingWorker, revising_run
from tests.audit.scripted_run import ScriptedRun

from detent.values import Example, Job, Result, Revised

REVISED = 3
"""Which data file."""


@pytest.fixture(scope="module")
def revising(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return revising_run(tmp_path_factory.mktemp("revising") / "run")


def test_revisions_asked_again_are_equal(revising: ScriptedRun) -> None:
    for generation in (1, 2):
        rerun = replayed(revising, generation, kind=RevisingWorker)
        assert not rerun.differing
        details = [one.finding.detail for one in rerun.made if one.finding.check == "revisions"]
        assert ["revisions by refine" in details[0], "revisions by constitution" in details[1]] == [
            True,
            True,
        ]


def test_a_revision_that_nobody_wrote_is_found(revising: ScriptedRun, tmp_path: Path) -> None:
    run = revising.copy(tmp_path / "run")

    def by_hand(rows: list[Example]) -> list[Example]:
        return [structs.replace(rows[0], completion="123456"), *rows[1:]]

    forge_data(run, REVISED, by_hand)
    assert "'123456'" in faults(replayed(run, 1, kind=RevisingWorker), "revisions")


def test_a_revision_that_was_left_out_is_found(revising: ScriptedRun, tmp_path: Path) -> None:
    run = revising.copy(tmp_path / "run")
    forge_data(run, REVISED, lambda rows: rows[1:])
    assert "left out of the record" in faults(replayed(run, 1, kind=RevisingWorker), "revisions")


def surer(_: Job, result: Result) -> Result:
    """As another processor may be, in the last digits."""
    if not isinstance(result, Revised):
        return result
    return Revised(tuple(structs.replace(one, confidence=one.confidence + 1e-6) for one in result.revisions))


def test_last_digits_count_on_the_same_kind_of_machine_alone(revising: ScriptedRun) -> None:
    assert faults(replayed(revising, 1, surer, kind=RevisingWorker), "revisions")
    other = replayed(revising, 1, surer, kind=RevisingWorker, here={"detent": "0", "processor": "slide rule"})
    assert not faults(other, "revisions")
