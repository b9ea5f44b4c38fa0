"""What a charter may name, and what the gate needs at least, handed in by whoever knows tasks and gate."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

Kind = Literal["superiority", "non_inferiority", "floor"]

LeastLimit = Callable[[Kind, float, int, float], int]
"""(kind of test, its bound, last opening k, error budget) -> the smallest item limit at opening 1 with which
openings 1 .. k can all pass. Raises UsageError when no limit does."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The built-in tasks' names, and the gate's need for items."""

    tasks: Collection[str]
    least_limit: LeastLimit
