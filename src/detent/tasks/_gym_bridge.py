"""A task of the library reasoning-gym, as the task host runs it: this file's text, with TASK and LEVELS before it.

    chain_sum, level 1  ->  Problem("State the final answer to the following arithmetic problem: 4 + 3 =", "7")

Level i asks the library's global level LEVELS[i - 1], from 0: each attribute of the curriculum at that level, or at its
own highest where it has fewer, put together by the curriculum's `generate_configuration` as the library does by itself
(ranges reach from the lowest level to this one). A task without a curriculum has one level, its own defaults.

The problem is the first of a data set of one, made with one integer seed: the first `rng.randrange(2**31 - 1)`.
Python's and numpy's own generators get the same seed before, for tasks that use them. An entry whose answer is empty
is passed over for that of the stream's next number, at most TRIES times.
"""

import os
import random
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import cast


class _Unseen(ModuleType):
    """A module in which every name is a class that does nothing."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _NoDrawing(MetaPathFinder, Loader):
    """Gives out such modules for matplotlib: libraries import it, nobody draws, and it needs a folder to write to."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if fullname.partition(".")[0] not in {"matplotlib", "mpl_toolkits"}:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Unseen(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


sys.meta_path.insert(0, _NoDrawing())

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # each thread takes address space, of which there is a limit

from reasoning_gym.factory import (  # noqa: E402
    CURRICULA,
    DATASETS,
    create_curriculum,
    create_dataset,
)

from detent.tasks import Problem, Rng  # noqa: E402

TASK: str = globals()["TASK"]
LEVELS: tuple[int, ...] = globals()["LEVELS"]
TRIES = 100
SEEDS = 2**31 - 1
"""numpy takes no seed of more than 32 bits, and some tasks add a little to it."""


def first_entry(task: str, level: int, seed: int) -> dict[str, object]:
    """The library's entry for one global level (from 0) and integer seed."""
    random.seed(seed)
    sys.modules["numpy"].random.seed(seed)
    if task not in CURRICULA:
        return cast("dict[str, object]", create_dataset(task, size=1, seed=seed)[0])
    curriculum = create_curriculum(task)
    curriculum.set_global_level(level)
    config = curriculum.generate_configuration({"size": 1, "seed": seed})
    if hasattr(config, "validate"):
        config.validate()
    return cast("dict[str, object]", DATASETS[task][0](config=config)[0])


class Gym:
    """The task named TASK."""

    name = f"gym:{TASK}"

    def __init__(self) -> None:
        """Refuse what the library does not have."""
        if TASK not in DATASETS:
            raise ValueError(f"a task of reasoning-gym expected, got {TASK}")

    def problem(self, level: int, rng: Rng) -> Problem:
        """The library's question and its answer."""
        if not 1 <= level <= len(LEVELS):
            raise ValueError(f"a level of 1 to {len(LEVELS)} expected, got {level}")
        for _ in range(TRIES):
            entry = first_entry(TASK, LEVELS[level - 1], rng.randrange(SEEDS))
            answer = entry["answer"]
            if answer is not None and str(answer).strip():
                return Problem(str(entry["question"]), str(answer))
        raise ValueError(f"an answer expected from {TASK}, got none of {TRIES} times: nothing can be matched")

    def check(self, problem: Problem, completion: str) -> bool:
        """The answer to the letter, outer white space apart. The library's scorer gives part credit; nobody asks it."""
        return completion.strip() == problem.answer.strip()
