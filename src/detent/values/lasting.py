"""What only ever gets longer, and is kept at every length: all lengths share what they have in common.

>>> one = Lasting().then("a")
>>> two = one.then("b")
>>> dict(one), dict(two)
({0: 'a'}, {0: 'a', 1: 'b'})
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class Lasting(Mapping[int, V]):
    """What was noted under 0, 1, 2, ... It never changes; who keeps ten thousand of them keeps ten thousand notes.

    As dicts they would be fifty million, which whoever verifies a long record, or a hostile one, has no room for.
    """

    __slots__ = ("_notes", "_size")

    def __init__(self) -> None:
        """Nothing noted."""
        self._notes: list[V] = []
        self._size = 0

    def then(self, note: V) -> "Lasting[V]":
        """These, and one more under the next number."""
        after: Lasting[V] = Lasting()
        # Somebody may have gone on from here already, to elsewhere.
        after._notes = self._notes if len(self._notes) == self._size else self._notes[: self._size]
        after._notes.append(note)
        after._size = self._size + 1
        return after

    def __getitem__(self, number: int) -> V:
        if not isinstance(number, int) or not 0 <= number < self._size:
            raise KeyError(number)
        return self._notes[number]

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._size))

    def __len__(self) -> int:
        return self._size
