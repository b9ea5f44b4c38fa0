"""What a task says of a problem beyond its answer, for who looks inside a model: marks, which decide nothing.

    >>> marks_of(builtin("add"), [Problem("A8756=", "521")])
    [{'carry': (0, 1, 1)}]

A mark is a name and small whole numbers: one for the whole problem, or one for each sign of its answer. Few tasks have
any, and none needs them.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from detent.tasks.base import TaskSource
from detent.values import Problem

Marks = dict[str, tuple[int, ...]]


@runtime_checkable
class Marking(Protocol):
    """A `TaskSource` that may have something to say of its problems."""

    def marks(self, problems: Sequence[Problem]) -> list[Marks]:
        """Of each problem, in order; {} where there is nothing to say. Raises TaskError as `problems` does."""
        ...


def marks_of(source: TaskSource, problems: Sequence[Problem]) -> list[Marks]:
    """What a source says of its problems, in order; {} of each where it never says anything.

    Raises:
        TaskError: the task's code raised, hung, died or returned something else.
    """
    return source.marks(problems) if isinstance(source, Marking) else [{} for _ in problems]


def carries(problem: Problem) -> Marks:
    """Of `add`: the carry into each digit of the sum, from the units up."""
    digits = [int(sign) for sign in problem.prompt[1:-1]]
    found = [0]
    for one, other in zip(digits[::2], digits[1::2], strict=True):
        found.append(int(one + other + found[-1] >= 10))  # noqa: PLR2004  ten digits
    return {"carry": tuple(found)}
