"""The examples for language models: complete as they stand, and run whole in their tiny forms."""

import importlib
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from detent.assembly import create_run, verify_run
from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of
from detent.assembly.tasks import catalogue, closing, draft_sources
from detent.charter import Draft, parse_draft
from detent.errors import CharterError
from detent.evaluate import see_rows
from detent.oversight import rules_of
from detent.tasks import RowSource
from detent.testing.language import write_language_model
from detent.values import Decided, OutcomeWritten, ServerAsked

EXAMPLES = Path(__file__).parents[2] / "examples"
CHARTERS = sorted(EXAMPLES.glob("*/charter.toml"))
NAMES = ("gym", "served")
PATIENCE = 900.0
"""Seconds for what takes two minutes by itself: tests run side by side, on any machine."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """run_example.py as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("run_example")
    del sys.modules["run_example"]


def needs_gym(name: str) -> None:
    if name == "gym" and find_spec("reasoning_gym") is None:
        pytest.skip("the extra detent[gym] is not installed")


def named_files(draft: Draft, home: Path) -> list[Path]:
    """Files of the author's that a charter and its constitution name."""
    found = [home / task.file for task in draft.tasks.values()]
    if draft.constitution is not None and not draft.constitution.built_in:
        found.append(home / draft.constitution.file)
        principles = tomllib.loads(found[-1].read_text("utf-8"))["principles"]
        found += [home / one["probes"] for one in principles.values() if "probes" in one]
    return found


@pytest.mark.parametrize("charter", CHARTERS, ids=lambda path: path.parent.name)
def test_every_examples_charter_is_in_order_and_the_files_it_names_are_there(charter: Path) -> None:
    draft = parse_draft(charter.read_text("utf-8"), catalogue(), str(charter))
    assert [path for path in named_files(draft, charter.parent) if not path.is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_init_takes_it_once_a_model_is_there_and_the_run_verifies(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_gym(name)
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    home = copytree(EXAMPLES / name, tmp_path / "home")
    write_language_model(home / "qwen", "qwen2")
    create_run(tmp_path / "run", source=str(home / "charter.toml"))
    assert not verify_run(tmp_path / "run").faults


def test_init_refuses_a_model_that_is_larger_than_the_charter_allows(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    home = copytree(EXAMPLES / "served", tmp_path / "home")
    write_language_model(home / "qwen", "qwen2")
    charter = home / "charter.toml"
    charter.write_text(script.with_values(charter.read_text(), {"constraints.max_parameters": "5_000"}))
    with pytest.raises(
        CharterError, match=r"max_parameters: at least [\d,]+ expected, .* got 5,000; raise it"
    ):
        create_run(tmp_path / "run", source=str(charter))
    assert not (tmp_path / "run").exists()


def test_the_rows_are_those_that_the_script_writes(script: Any, tmp_path: Path) -> None:
    script._make_rows().write(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (EXAMPLES / "served" / path.name).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in (EXAMPLES / "served").glob("*.jsonl")
    }


def test_the_rows_suffice_for_every_opening_that_they_are_dealt_into() -> None:
    home = EXAMPLES / "served"
    draft = parse_draft((home / "charter.toml").read_text("utf-8"), catalogue())
    with closing(draft_sources(draft, home)) as sources:
        source = sources["conversions"]
        assert isinstance(source, RowSource)
        see_rows(source, 3, rules_of(draft, None), draft.constraints.error_budget)


@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_form_changes_the_values_that_it_names_and_no_other(script: Any, name: str) -> None:
    text = (EXAMPLES / name / "charter.toml").read_text("utf-8")
    values = dict(script.SMALL) | dict(script.EXAMPLES[name].tiny)
    changed_text = script.with_values(text, values)
    parse_draft(changed_text, catalogue())
    before, after = tomllib.loads(text), tomllib.loads(changed_text)
    assert changed(before, after) == {
        path: tomllib.loads(f"value = {value}")["value"] for path, value in values.items()
    }


def changed(before: dict[str, Any], after: dict[str, Any], path: str = "") -> dict[str, Any]:
    """New values of the keys whose values are not the same, by path; a table on one line is a value."""
    inside = {"tasks", "tripwires", "servers", "conversions", "label_avalanche", "judge"}
    found: dict[str, Any] = {}
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if isinstance(was, dict) and isinstance(now, dict) and (not path or key in inside):
            found |= changed(was, now, f"{path}{key}.")
        elif was != now:
            found[f"{path}{key}"] = now
    return found


def test_a_section_that_a_charter_does_not_have_is_said_and_not_written(script: Any) -> None:
    with pytest.raises(SystemExit, match=r"a section \[recip\] expected"):
        script.with_values('name = "x"\n[recipe]\nsteps = 3\n', {"recip.steps": "4"})


def test_without_a_model_the_script_says_how_to_get_one(tmp_path: Path) -> None:
    if (EXAMPLES / "gym" / "qwen").exists():
        pytest.skip("somebody fetched it")
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "run_example.py", "gym", "--folder", tmp_path / "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "fetch one, as gym/charter.toml says" in " ".join(ran.stderr.split())
    assert not (tmp_path / "x").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_form_runs_to_a_decision_and_verifies_and_keeps_the_key_to_itself(
    name: str, script: Any, tmp_path: Path
) -> None:
    needs_gym(name)
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "run_example.py", name, "--tiny", "--folder", tmp_path / "tiny"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert time.monotonic() - began < PATIENCE
    found = entries_of(RunFolder(tmp_path / "tiny" / "run"))
    assert [one.generation for one in found if isinstance(one, Decided)] == [0, 1]
    assert any(isinstance(one, OutcomeWritten) for one in found), "the seal was opened"
    assert any(isinstance(one, ServerAsked) for one in found) == script.EXAMPLES[name].judged
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if script.KEY.encode() in path.read_bytes()] == []
    assert script.KEY not in ran.stdout + ran.stderr
