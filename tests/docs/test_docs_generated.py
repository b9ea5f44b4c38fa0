"""What is written from the code is what the code says now."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from docs.generate import WITHOUT_A_CLASS, pages
from tests.docs.docs_pages import ROOT, name

from detent.cli.app import app
from detent.errors import DetentError
from detent.report import Budget, status_document
from detent.values import State

COMMANDS = (ROOT / "docs" / "commands.md").read_text("utf-8")
GROUP: Any = typer.main.get_command(app)


def errors(kind: type[DetentError] = DetentError) -> list[type[DetentError]]:
    """Every class below the root of the tree."""
    return [found for below in kind.__subclasses__() for found in (below, *errors(below))]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_a_generated_page_is_current(page: Path) -> None:
    assert page.read_text("utf-8") == pages()[page], "run: python docs/generate.py"


def every_command(group: Any, before: str = "") -> dict[str, Any]:
    """Commands by their whole names, those of groups too."""
    found: dict[str, Any] = {}
    for word, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= every_command(command, f"{before}{word} ") if inner else {f"{before}{word}": command}
    return found


EVERY = every_command(GROUP)


@pytest.mark.parametrize("command", EVERY)
def test_every_command_is_documented_with_every_argument(command: str) -> None:
    section = COMMANDS.partition(f"\n## detent {command}\n")[2].partition("\n## ")[0]
    assert EVERY[command].help in section
    for param in EVERY[command].params:
        shown = (
            max(param.opts, key=len) if param.opts[0].startswith("-") else param.metavar or param.name.upper()
        )
        assert shown in section
        assert param.help in section


@pytest.mark.parametrize("kind", errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_documented_beside_its_exit_code(kind: type[DetentError]) -> None:
    row = re.search(rf"^\| {kind.exit_code} \| .*`{kind.__name__}`.* \|$", COMMANDS, re.MULTILINE)
    assert row, f"{kind.__name__} expected in the row of exit code {kind.exit_code}"


def test_no_other_exit_code_is_documented() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", COMMANDS, re.MULTILINE)}
    assert documented == {kind.exit_code for kind in errors()} | set(WITHOUT_A_CLASS)


def test_every_variable_that_is_read_is_documented() -> None:
    read = {
        variable
        for source in (ROOT / "src").rglob("*.py")
        for variable in re.findall(r"[\"'](DETENT_[A-Z_]+)[\"']", source.read_text("utf-8"))
    }
    assert read == set(re.findall(r"^\| `(DETENT_[A-Z_]+)` \|", COMMANDS, re.MULTILINE))


def test_every_key_of_the_status_document_is_documented() -> None:
    section = COMMANDS.partition("\n## detent status\n")[2].partition("\n## ")[0]
    document = status_document(State(), "ready", Budget(0.05, 0.025, {}), "")
    inner = {key for value in document.values() if isinstance(value, dict) for key in value}
    assert {key for key in {*document, *inner} if f"`{key}`" not in section} == set()
