"""How many items go down the pipe to a user's code at once."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

PORTION = 256


def portions(items: Sequence[T]) -> list[Sequence[T]]:
    """The items in order, so many at a time."""
    return [items[at : at + PORTION] for at in range(0, len(items), PORTION)]
