"""Problems drawn again, so many and no more: a record says in a few bytes that millions were drawn.

>>> Drawing().items(tasks, {"copy": {4: 60}}, stream)[0].problem
Problem(prompt='C0923=', answer='0923')
"""

from collections.abc import Mapping

from detent.errors import TrustError
from detent.evaluate import profile_items
from detent.tasks import TaskSource
from detent.values import Item

MOST_AT_ONCE = 500_000
"""Problems of one entry; a charter's every rung may have 100,000. They take some 500 bytes each."""

MOST = 10_000_000
"""Of all entries that one check looks at: some two minutes."""


class Drawing:
    """What one check has drawn so far."""

    def __init__(self) -> None:
        """Nothing."""
        self._left = MOST

    def items(
        self, tasks: Mapping[str, TaskSource], rungs: Mapping[str, Mapping[int, int]], stream: bytes
    ) -> list[Item]:
        """As `profile_items`.

        Raises:
            TrustError: more than an entry or a check may have.
            TaskError: a task's code went wrong.
        """
        wanted = sum(count for levels in rungs.values() for count in levels.values())
        most = min(MOST_AT_ONCE, self._left)
        if wanted > most:
            raise TrustError(
                f"at most {most:,} problems to be drawn again expected, got {wanted:,}: of an entry it may be "
                f"{MOST_AT_ONCE:,}, of all together {MOST:,}"
            )
        self._left -= wanted
        return profile_items(tasks, rungs, stream)
