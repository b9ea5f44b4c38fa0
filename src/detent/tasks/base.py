"""What a task is: for the person who writes one (`Task`), and for Detent, which only asks (`TaskSource`)."""

from collections.abc import Sequence
from typing import Protocol

from detent.tasks.rng import Rng
from detent.values import Problem

Ask = tuple[int, bytes]
"""A level (1 or more) and the seed of the stream that its problem is drawn from."""


class Task(Protocol):
    """One family of problems. Both methods are pure: what they return depends on their arguments alone.

    A task may have a third, `marks`: `detent.tasks.marks`.
    """

    name: str

    def problem(self, level: int, rng: Rng) -> Problem:
        """A problem of that level (1 or more), drawn from `rng` and nothing else."""
        ...

    def check(self, problem: Problem, completion: str) -> bool:
        """Whether `completion` answers `problem`. It must accept the problem's own answer."""
        ...


class TaskSource(Protocol):
    """A task as Detent uses it, wherever its code runs."""

    @property
    def name(self) -> str:
        """The task's name in the charter."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the code that draws and checks; intents name it."""
        ...

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """One problem an ask, in order; the same asks give the same problems.

        Raises:
            TaskError: the task's code raised, hung, died or returned something else.
        """
        ...

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """Whether each completion answers its problem, in order. Raises TaskError as `problems` does."""
        ...

    def space(self, level: int) -> float | None:
        """How many problems of that level there are, all as likely; None when nobody said."""
        ...

    def close(self) -> None:
        """End what runs; may be called twice."""
        ...
