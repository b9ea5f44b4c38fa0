"""The README's first screen, its example, and the commands it gives."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.docs.docs_pages import PAGES, README, ROOT, name, spoken_commands

from detent import __version__
from detent.cli.app import app
from detent.tasks import Problem, Rng

PAGE = README.read_text("utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
COMMANDS = {
    command.name or str(command.callback.__name__) for command in app.registered_commands if command.callback
} | {str(group.name) for group in app.registered_groups}


def test_the_example_on_the_page_is_the_example() -> None:
    assert [(ROOT / "examples" / "rotate" / "rotate.py").read_text("utf-8")] == PYTHON


def test_the_example_on_the_page_runs() -> None:
    found: dict[str, Any] = {}
    exec(compile(PYTHON[0], "README.md", "exec"), found)  # noqa: S102  the README's own code
    problem = found["Rotate"]().problem(4, Rng(b"README"))
    assert isinstance(problem, Problem)
    assert found["Rotate"]().check(problem, problem.answer)
    assert not found["Rotate"]().check(problem, problem.prompt)


@pytest.mark.parametrize("part", ["run-output", "tree", "exit-codes"])
def test_a_marked_part_stands_there_once(part: str) -> None:
    assert PAGE.count(f"<!-- {part} -->") == PAGE.count(f"<!-- /{part} -->") == 1


def test_run_its_output_the_loop_and_the_tree_come_first() -> None:
    parts = ["<!-- run-output -->", "─▶ diagnose", "<!-- tree -->", "<!-- /tree -->", "\n## "]
    places = [PAGE.index(part) for part in parts]
    assert places == sorted(places)
    assert PAGE[: places[-1]].count("\n") < 66


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_and_every_command_that_a_page_gives_exists(page: Path) -> None:
    assert spoken_commands(page, "make") <= TARGETS
    assert spoken_commands(page, "detent") <= COMMANDS


def test_every_command_is_in_the_readme() -> None:
    assert spoken_commands(README, "detent") == COMMANDS


def test_every_make_target_is_in_the_contributors_page() -> None:
    phony = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert spoken_commands(ROOT / "CONTRIBUTING.md", "make") == set(phony)


def test_the_change_log_begins_with_this_version() -> None:
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## \[(.+?)\]", log, re.MULTILINE)[0] == __version__
