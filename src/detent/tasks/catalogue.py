"""The tasks that come with Detent, by name, run in this process.

>>> source = builtin("reverse")
>>> problem = source.problems([(4, b"detent")])[0]
>>> problem.prompt, problem.answer
('R9713=', '3179')
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType

from detent.errors import UsageError
from detent.tasks.add import Add
from detent.tasks.base import Ask, Task
from detent.tasks.copy import Copy
from detent.tasks.marks import Marks, carries
from detent.tasks.reverse import Reverse
from detent.tasks.rng import Rng
from detent.tasks.sort import Sort
from detent.values import Problem, sha256_hex

DIGITS = 10

BUILTINS: Mapping[str, type[Task]] = MappingProxyType(
    {"add": Add, "copy": Copy, "reverse": Reverse, "sort": Sort}
)

_DRAWN = {"add": 2}
"""Digits of a problem at level 1, where they are more than one."""

_MARKS: Mapping[str, Callable[[Problem], Marks]] = MappingProxyType({"add": carries})
"""Not in the tasks' own files, whose digests are on ledgers: marks decide nothing, and may change."""


class BuiltinSource:
    """A `TaskSource` over a task of this package; it needs no process of its own."""

    def __init__(self, task: Task) -> None:
        self._task = task

    @property
    def name(self) -> str:
        """The task's name."""
        return self._task.name

    @property
    def digest(self) -> str:
        """As `source_digest`."""
        return source_digest(self.name)

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """One problem an ask, in order."""
        problem = self._task.problem
        return [problem(level, Rng(seed)) for level, seed in asks]

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """Whether each completion answers its problem, in order."""
        return [self._task.check(problem, completion) for problem, completion in pairs]

    def space(self, level: int) -> float | None:
        """Ten digits at each place of a problem."""
        return float(DIGITS ** (level * _DRAWN.get(self.name, 1)))

    def marks(self, problems: Sequence[Problem]) -> list[Marks]:
        """As in `Marking`."""
        said = _MARKS.get(self.name)
        return [said(problem) if said else {} for problem in problems]

    def close(self) -> None:
        """Nothing runs, so nothing ends."""


def builtin(name: str) -> BuiltinSource:
    """The built-in task of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in BUILTINS:
        raise UsageError(f"one of the tasks {', '.join(BUILTINS)} expected, got {name!r}")
    return BuiltinSource(BUILTINS[name]())


@cache
def source_digest(name: str) -> str:
    """SHA-256 of what `sha256sum NAME.py _digits.py rng.py` prints, which is all the code the task runs.

    Anyone can check it: `cd src/detent/tasks && sha256sum copy.py _digits.py rng.py | sha256sum`.
    """
    folder = resources.files(__package__)
    files = (f"{name}.py", "_digits.py", "rng.py")
    listing = "".join(f"{sha256_hex(folder.joinpath(file).read_bytes())}  {file}\n" for file in files)
    return sha256_hex(listing.encode())
