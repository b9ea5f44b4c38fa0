"""The two pipes to the overseer: lines of JSON in, lines of JSON out, and nothing else ever on either."""

import os
import time
from collections.abc import Iterator
from typing import Protocol

from detent.values import Progress, Result, Served
from detent.values.jobs import Phase, encode_line
from detent.values.serving import Greeted

READY = b'{"type":"ready"}'
"""Said once, when jobs can come; by a nursery after every opening too."""

QUIET_SECONDS = 0.1
"""Least time between two words about progress; the first and the last are always said."""

_CHUNK = 1 << 16


class Tell(Protocol):
    """What a job calls, as often as it likes, with units done, of how many, and a short live figure."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Say so."""


class Wire:
    """Both pipes. Nothing else in the process can reach them."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._heard = bytearray()

    @classmethod
    def taken(cls) -> "Wire":
        """Take standard input and output from everybody: a stray print goes to the log, a read gets nothing."""
        incoming, outgoing = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(incoming, outgoing)

    def lines(self) -> Iterator[bytes]:
        """Each line without its newline, until the overseer closes the pipe."""
        while True:
            end = self._heard.find(b"\n")
            while end < 0:
                seen = len(self._heard)
                said = os.read(self._incoming, _CHUNK)
                if not said:
                    return
                self._heard += said
                end = self._heard.find(b"\n", seen)
            line = bytes(self._heard[:end])
            del self._heard[: end + 1]
            yield line

    def ready(self) -> None:
        """Say that jobs can come."""
        self._say(READY)

    def send(self, record: Result | Progress | Served | Greeted) -> None:
        """Say one record."""
        self._say(encode_line(record))

    def progress(self, phase: Phase) -> Tell:
        """Passes on the first, the last, and in between one word each QUIET_SECONDS."""
        last = float("-inf")

        def tell(done: int, total: int, note: str = "", /) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= QUIET_SECONDS or done >= total:
                last = now
                self.send(Progress(phase=phase, done=done, total=total, note=note))

        return tell

    def _say(self, line: bytes) -> None:
        rest = memoryview(line + b"\n")
        while rest:
            rest = rest[os.write(self._outgoing, rest) :]
