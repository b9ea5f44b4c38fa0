"""A thread that watches, while the loop works, for what must not wait until a generation is closed.

Twice a second it looks for a halt in the inbox, signed by a steward, and at the time: when no lease covers it any
more, nothing goes on. Then it interrupts the main thread, as Ctrl-C does: workers end at once, a step in progress
leaves no entry, and the next start goes on from the ledger. It has a signal of its own, since SIGINT is ignored by
what a shell runs in the background.
"""

import signal
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, Self

from detent.assembly.inbox import Inbox, desk_of, text_of
from detent.charter import Catalogue, SignedCharter
from detent.loop import Book
from detent.oversight import after, is_stop, received
from detent.values import Ordered
from detent.values.grants import spent_once

Reason = Literal["halt", "lease"]

PERIOD = 0.5  # seconds


class Interrupted(KeyboardInterrupt):
    """The sentinel stops what the main thread does."""


class Sentinel:
    """Watches while the block runs, in the main thread. `reason` says why it interrupted, None when it did not."""

    def __init__(
        self,
        inbox: Inbox,
        book: Book,
        signed: SignedCharter,
        catalogue: Catalogue,
    ) -> None:
        self._inbox = inbox
        self._book = book
        self._signed = signed
        self._catalogue = catalogue
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="detent-sentinel", daemon=True)
        self._seen: set[tuple[Path, tuple[int, ...]]] = set()
        self._began, self._since = book.now, time.monotonic()
        self.reason: Reason | None = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGUSR1, _interrupted)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        with self._lock:  # an interrupt that was on its way has arrived, or never will
            signal.signal(signal.SIGUSR1, self._before)

    def _watch(self) -> None:
        while not self._done.wait(PERIOD):
            reason: Reason | None = "halt" if self._halted() else "lease" if self._expired() else None
            if reason is None:
                continue
            with self._lock:
                if not self._done.is_set():
                    self.reason = reason
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            return

    def _halted(self) -> bool:
        """Whether a halt waits that the run will obey; every file is judged once, however many there are."""
        for file in self._inbox.files():
            if self._done.is_set():
                return False
            if (file.path, file.stamp) in self._seen:
                continue
            self._seen.add((file.path, file.stamp))
            text = text_of(file.path)
            if is_stop(text, self._signed) and self._is_halt(text):
                return True
        return False

    def _is_halt(self, text: str) -> bool:
        try:
            found = received(text, desk_of(self._book, self._signed, self._catalogue))
        except Exception:  # noqa: BLE001  whatever lies there must not end the watch; the run refuses it later
            return False
        return isinstance(found, Ordered) and found.order == "halt"

    def _expired(self) -> bool:
        """A clock that is set back meanwhile does not make the lease longer: what has passed has passed."""
        state = self._book.state
        passed = after(self._began, hours=(time.monotonic() - self._since) / 3600)
        now = max(self._book.now, passed)
        if state.slots and state.generation > 0:
            return spent_once(state.grants, state.paying, now) is None
        return bool(state.grants) and all(now >= grant.expires for grant in state.grants)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted
