"""How often a server is asked: so many a minute, later after a failure, and not at all while it asks for quiet."""

import asyncio
import email.utils
import random
import time

FIRST_WAIT = 0.5
LONGEST_WAIT = 120.0
"""Seconds that are waited before another try, at the most, whoever asks for it."""


class Pace:
    """When the next question may be sent."""

    def __init__(self, per_minute: int) -> None:
        self._apart = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for it."""
        while True:
            now = time.monotonic()
            wait = self._next - now
            if wait <= 0:
                self._next = max(self._next, now) + self._apart
                return
            await asyncio.sleep(wait)

    def quiet(self, seconds: float) -> None:
        """Nobody asks for so long."""
        self._next = max(self._next, time.monotonic() + seconds)


def backoff(tried: int) -> float:
    """Seconds before another try: twice as many each time, and some fewer by chance, so that not all come at once."""
    most = min(LONGEST_WAIT, FIRST_WAIT * 2.0**tried)
    return most * random.uniform(0.5, 1.0)  # noqa: S311  nothing follows from it


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3): a number, or a date; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment.timestamp() - time.time())
