"""Asking several parties at once, and not waiting for who does not answer."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
_LONGEST_WAIT = 3600.0  # seconds; the clock's type ends somewhere


class Together(Generic[T]):
    """Calls that run side by side until a moment, or until enough of them have returned.

    Threads of calls that were not waited for end with the process; `over` tells them that nobody listens.
    """

    def __init__(self, calls: Sequence[Callable[[], T]], until: float) -> None:
        self._calls, self._until = calls, until
        self._results: SimpleQueue[tuple[int, T | BaseException]] = SimpleQueue()

    def results(self, enough: Callable[[dict[int, T]], bool]) -> dict[int, T]:
        """What the calls returned, by their place; fewer when there was enough, or no more time.

        Raises:
            whatever the first call raised that did not return.
        """
        for place in range(len(self._calls)):
            threading.Thread(target=self._call, args=(place,), daemon=True).start()
        found: dict[int, T] = {}
        while len(found) < len(self._calls) and not enough(found):
            left = self._until - time.monotonic()
            try:
                place, result = self._results.get(timeout=min(max(0.0, left), _LONGEST_WAIT))
            except Empty:
                if left > _LONGEST_WAIT:
                    continue
                break
            if isinstance(result, BaseException):
                raise result
            found[place] = result
        return found

    def _call(self, place: int) -> None:
        try:
            result: T | BaseException = self._calls[place]()
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            result = error
        self._results.put((place, result))
