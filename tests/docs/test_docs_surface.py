"""Front doors say what is public, and what the architecture says about imports is so."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.docs.docs_pages import ROOT

PACKAGE = ROOT / "src" / "detent"
PARTS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = {*PARTS, *(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")}
HEAVY = ("torch", "transformers", "numpy", "trl", "tokenizers")


def door(part: str) -> ModuleType:
    return importlib.import_module(f"detent.{part}")


def own(part: str) -> set[str]:
    """Public names that a front door defines or takes from its own modules."""
    found: set[str] = set()
    for line in ast.parse((PACKAGE / part / "__init__.py").read_text("utf-8")).body:
        match line:
            case ast.ImportFrom(module=str(module)) if module.startswith(f"detent.{part}."):
                found |= {one.asname or one.name for one in line.names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case _:
                pass
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("part", PARTS)
def test_all_is_what_the_front_door_holds(part: str) -> None:
    named = set(door(part).__all__)
    assert {name for name in named if not hasattr(door(part), name)} == set()
    assert own(part) - named == set()


@pytest.mark.parametrize("part", PARTS)
def test_all_is_sorted_and_names_nothing_twice(part: str) -> None:
    names = list(door(part).__all__)
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))


@pytest.mark.parametrize("part", PARTS)
def test_import_star_gives_exactly_that(part: str) -> None:
    given: dict[str, object] = {}
    exec(f"from detent.{part} import *", given)  # noqa: S102  as a reader would type it
    assert set(given) - {"__builtins__"} == set(door(part).__all__)


@pytest.mark.parametrize("part", PARTS)
def test_a_front_door_says_what_is_behind_it(part: str) -> None:
    first = (door(part).__doc__ or "").partition("\n")[0]
    assert first.endswith((".", ":"))
    assert len(first) > 30


def test_the_root_package_is_a_docstring_and_a_version() -> None:
    lines = (PACKAGE / "__init__.py").read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith(('"""', "__version__"))] == []


@pytest.mark.parametrize(
    "source", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nobody_inside_imports_the_root_package(source: Path) -> None:
    taken = set()
    for line in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(line, ast.Import):
            taken |= {one.name for one in line.names if one.name == "detent"}
        if isinstance(line, ast.ImportFrom) and line.module == "detent":
            taken |= {one.name for one in line.names if one.name not in MODULES}
    assert taken <= ({"__version__"} if source == PACKAGE / "cli" / "app.py" else set())


def test_the_overseeing_side_imports_no_model_library() -> None:
    learning = {"subject", "feedback", "interpret", "worker", "sampler", "testing"}
    parts = [f"detent.{part}" for part in PARTS if part not in learning] + [
        "detent.cli.app",
        "detent.diagnose",
    ]
    code = f"import sys, {', '.join(parts)}; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == "[]"


def test_every_part_of_the_package_is_in_the_tree() -> None:
    tree = (
        (ROOT / "README.md").read_text("utf-8").partition("<!-- tree -->")[2].partition("<!-- /tree -->")[0]
    )
    shown = [f"{part}/" if part in PARTS else f"{part}.py" for part in MODULES]
    assert [one for one in shown if f"  {one} " not in tree] == []
