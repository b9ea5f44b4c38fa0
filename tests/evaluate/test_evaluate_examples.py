"""The examples at the top of each module are true, and the folder's front door is complete."""

import ast
import doctest
import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import structs
from tests.evaluate import evaluate_world as world

import detent.evaluate
from detent.evaluate import conduct, evaluator_digest
from detent.evaluate.evaluator import _sources
from detent.values import Outcome, Problem, Profile, Score, Slice

FOLDER = Path(detent.evaluate.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")

WORLD = world.World(
    {world.INCUMBENT: world.Model(world.falling(0.5)), world.CANDIDATE: world.Model(world.falling(0.9))}
)
OPENED = conduct(world.intent(), bytes(32), world.TASKS, WORLD.answer, world.silent)
GIVEN = {
    "seed": bytes(32),
    "stream": bytes(32),
    "target": structs.replace(world.intent().targets[0], limit=99),
    "tasks": world.TASKS,
    "intent": world.intent(),
    "outcome": Outcome(1, OPENED.verdict, OPENED.results, OPENED.gain, "", OPENED.because),
    "rows": list(OPENED.record),
    "Profile": Profile,
    "Score": Score,
    "Slice": Slice,
    "Problem": Problem,
    "answer": WORLD.answer,
    "profile": world.flat_profile(),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_example_of_a_module_is_true(name: str) -> None:
    module = importlib.import_module(f"detent.evaluate.{name}")
    examples = doctest.DocTestFinder(recurse=False).find(module, name, globs={**GIVEN, **module.__dict__})
    assert sum(len(test.examples) for test in examples) > 0, f"{name} shows no example"
    runner = doctest.DocTestRunner(verbose=False)
    for test in examples:
        runner.run(test)
    assert runner.failures == 0


def test_the_front_door_names_all_it_offers_in_order() -> None:
    offered = [name for name, value in vars(detent.evaluate).items() if not name.startswith("_")]
    public = {name for name in offered if not isinstance(getattr(detent.evaluate, name), ModuleType)}
    assert set(detent.evaluate.__all__) == public
    in_order = sorted(public, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert list(detent.evaluate.__all__) == in_order  # constants, classes, functions


@pytest.mark.parametrize("name", [*MODULES, "__init__"])
def test_the_gate_needs_nothing_but_the_standard_library_and_what_stands_below_it(name: str) -> None:
    allowed = {"detent.errors", "detent.values", "detent.tasks", "detent.evaluate", "msgspec"}
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            known = (
                ".".join(module.split(".")[:2]) in allowed or module.split(".")[0] in sys.stdlib_module_names
            )
            assert known, f"{name} imports {module}"


def test_the_digest_of_the_evaluator_is_over_all_that_decides() -> None:
    named = set(_sources())
    assert {f"evaluate/{module}.py" for module in MODULES} <= named
    assert {"tasks/rng.py", "values/gate.py", "values/problems.py", "values/profiles.py"} <= named
    assert len(evaluator_digest()) == 64
