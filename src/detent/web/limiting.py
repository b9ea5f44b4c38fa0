"""How much one client may ask for: buckets that fill up again, and so many streams at once.

>>> buckets = Buckets(rate=1.0, burst=2.0)
>>> [buckets.take("a", at) for at in (0.0, 0.0, 0.0, 1.0)]
[0.0, 0.0, 1.0, 0.0]
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

MOST_CLIENTS = 4096
"""Buckets that are kept; of more clients than that the one that was heard of longest ago begins anew."""


class Buckets:
    """A bucket for each client. rate: drops a second. burst: drops of a full one."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, at: float) -> float:
        """Take a drop; 0 where there was one, else the seconds until there is. at: seconds, never less than before."""
        left, since = self._left.pop(client, (self._burst, at))
        left = min(self._burst, left + (at - since) * self._rate)
        waits = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[client] = (left if waits else left - 1, at)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return waits


class Seats:
    """So many at once: for each client, and for all together."""

    def __init__(self, each: int, of_all: int) -> None:
        self._each, self._of_all = each, of_all
        self._taken: dict[str, int] = {}

    @property
    def taken(self) -> int:
        """Of all clients together."""
        return sum(self._taken.values())

    @contextmanager
    def seat(self, client: str) -> Iterator[bool]:
        """A seat while the block lasts; False where there is none."""
        mine = self._taken.get(client, 0)
        if mine >= self._each or self.taken >= self._of_all:
            yield False
            return
        self._taken[client] = mine + 1
        try:
            yield True
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
