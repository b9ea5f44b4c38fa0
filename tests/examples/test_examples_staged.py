"""The staged failures: every stage has a charter in order; a failure is seen, and its twin is left alone."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detent.assembly.tasks import catalogue
from detent.charter import default_text, parse_draft
from detent.tripwires import CATALOGUE

FOLDER = Path(__file__).parents[2] / "examples" / "staged"
NAMES = ("avalanche", "reward_hacking", "contaminated", "collapse", "sandbagger", "jump")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The script as a module, its neighbours importable as they are when it is started by hand."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module("stage")
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_there_is_one_for_each_failure(stage: Any) -> None:
    assert tuple(stage.FAILURES) == NAMES
    for failure in stage.FAILURES.values():
        assert set(failure.wires) <= set(CATALOGUE)
        assert len(set(failure.severities)) == 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("harmful", [True, False])
def test_every_charter_is_in_order_and_keeps_the_default_limits(
    stage: Any, name: str, severity: int, harmful: bool
) -> None:
    one = stage.FAILURES[name].stage(severity, harmful)
    draft = parse_draft(stage.charter_text(one, 7), catalogue())
    default = parse_draft(default_text(), catalogue())
    assert draft.run.seed == 7
    for wire in CATALOGUE:
        assert draft.wire(wire).limits == default.wire(wire).limits, wire
    assert all(path.is_file() for path in one.files)


@pytest.mark.long
def test_a_failure_is_seen_and_its_twin_is_left_alone(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    failure = stage.FAILURES["contaminated"]
    harmed, twin = (stage.stage(failure, 3, 1, benign, tmp_path) for benign in (False, True))
    assert harmed.wires == ("contamination",)
    assert harmed.stop == "halted"
    assert twin.fired is None
