"""The examples in which a model's shape changes: in order as they stand, and run whole in their tiny forms."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.assembly.tasks import catalogue
from detent.charter import parse_draft
from detent.values import Decided, Profiled, Suggested

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("positions", "positions_twin", "grow")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """run_change.py as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("run_change")
    del sys.modules["run_change"]


def lines(name: str) -> set[str]:
    text = (EXAMPLES / name / "charter.toml").read_text("utf-8")
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_the_twin_differs_in_what_its_layers_know_of_positions_and_in_its_name() -> None:
    told = lines("positions") ^ lines("positions_twin")
    assert {line.partition(" ")[0] for line in told} == {"name", "purpose", "positions"}


@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_form_is_a_charter(name: str, script: Any) -> None:
    text = (EXAMPLES / name / "charter.toml").read_text("utf-8")
    tiny = parse_draft(script.with_values(text, script.TINY[name]), catalogue())
    assert (tiny.pace.candidates, tiny.explore.when) == (3, "always")


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_form_tries_other_shapes_and_verifies(name: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "run_change.py", name, "--tiny", "--folder", tmp_path / "tiny"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = entries_of(RunFolder(tmp_path / "tiny" / "run"))
    assert [one.generation for one in found if isinstance(one, Decided)] == [0, 1, 2]
    assert sum(isinstance(one, Suggested) for one in found) == 2
    tried = {(one.generation, one.trial) for one in found if isinstance(one, Profiled) and one.trial}
    assert {(generation, f"{number}.0") for generation in (1, 2) for number in range(3)} <= tried
