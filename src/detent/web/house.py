"""The runs that a server shows, each read on while it grows.

    >>> with House([Path("demo")]) as house:
    ...     house.run("demo").state.generation
    8

One thread looks at every run twice a second, however many people look at pages: it sees that a checkpoint is another
one, reads the new entries alone, and wakes whoever waits. It writes nothing into a run folder and takes no lock.
"""

import asyncio
import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from detent.assembly.following import Follower
from detent.assembly.places import RunFolder
from detent.assembly.reading import Told, is_running, status_from
from detent.assembly.requests import Asked, asked_of
from detent.charter import SignedCharter
from detent.errors import DetentError, UsageError
from detent.report import Story, Turn, tell_turn
from detent.values import State

POLL_SECONDS = 0.5
RETRY_SECONDS = 10.0
"""A run that cannot be read is looked at again when its checkpoint is another, and otherwise this often."""

STATUS_SECONDS = 5.0
SHOWN_SECONDS = 0.5
"""While a long ledger is read, what came so far is shown this often."""

Seen = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A run at one moment.

    fault: why it cannot be read on, "" where it can. size: entries of the newest checkpoint; state.entries of them were
    read. running: a living process holds its ledger.
    """

    state: State
    signed: SignedCharter | None = None
    version: int = 0
    fault: str = ""
    size: int = 0
    checkpoint: str = ""
    running: bool = False


class Room:
    """One run: what was read of it, and whoever waits for more. Everything it gives is a frozen value."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.run = RunFolder(folder)
        self._view = View(State())
        self._follower: Follower | None = None
        self._seen: Seen = ()
        self._tried_at = 0.0
        self._told: tuple[int, Story] | None = None
        self._status: tuple[int, float, dict[str, Any]] | None = None
        self._asked_in: list[int] = []
        self._looked_through = 0
        self._telling = threading.RLock()
        self._reading = threading.Lock()
        self._bells = threading.RLock()  # never held while something is read: the event loop waits for it
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def view(self) -> View:
        """Everything of one moment: what a page is made from, so that its parts fit."""
        return self._view

    @property
    def state(self) -> State:
        """The ledger, folded as far as it was read. `history` and `tried` unpack a generation when it is looked at."""
        return self._view.state

    @property
    def signed(self) -> SignedCharter:
        """The charter in force.

        Raises:
            UsageError: the run could not be read at all: see `fault`.
        """
        if self._view.signed is None:
            raise UsageError(f"a run that can be read expected, got {self.name}: {self._view.fault}")
        return self._view.signed

    @property
    def version(self) -> int:
        """Grows whenever something is to be shown anew."""
        return self._view.version

    @property
    def fault(self) -> str:
        """Why the run cannot be read on; "" where it can. What was read before stays."""
        return self._view.fault

    @property
    def story(self) -> Story:
        """The run, told; made when it is asked for, once a version. Closed turns are brief: see `turn`.

        Raises:
            UsageError: the run could not be read at all.
        """
        with self._telling:
            version = self._view.version
            if self._told is None or self._told[0] != version:
                if self._follower is None:
                    raise UsageError(f"a run that can be read expected, got {self.name}: {self.fault}")
                with self._reading:
                    story = self._follower.story()
                self._told = version, story
            return self._told[1]

    def turn(self, generation: int) -> Turn | None:
        """A closed generation in full, with the traces of its tests; None of one that is not closed."""
        return tell_turn(self.state.history[generation]) if generation in self.state.history else None

    def asked(self) -> list[Asked]:
        """Every question to people, the oldest first; closed generations are looked through once."""
        with self._telling:
            state = self.state
            for generation in range(self._looked_through, len(state.history)):
                if asked_of(state.history[generation]) is not None:
                    self._asked_in.append(generation)
            self._looked_through = max(self._looked_through, len(state.history))
            closed = (
                state.history[generation] for generation in self._asked_in if generation in state.history
            )
            found = [asked_of(slots) for slots in (*closed, state.slots)]
        return [asked for asked in found if asked is not None]

    def status(self) -> dict[str, Any]:
        """What `detent status --json` prints; kept for a moment, since it also says how much time is left.

        Raises:
            UsageError: the run could not be read at all.
        """
        with self._telling:
            version, at = self._view.version, time.monotonic()
            if self._status is None or self._status[0] != version or at - self._status[1] > STATUS_SECONDS:
                story, signed = self.story, self.signed
                told = Told(story.state, story.adapter, story.served, story.screenings)
                document = status_from(self.run, signed, told)
                self._status = version, at, document
            return self._status[2]

    async def changed(self, version: int, seconds: float | None = None) -> int:
        """The version as soon as it is another than that one; after so many seconds the one it is."""
        loop = asyncio.get_running_loop()
        if self._view.version == version:
            bell = loop.create_future()
            with self._bells:
                self._waiting.append((loop, bell))
            if self._view.version != version:  # it changed before the bell hung there
                _ring([bell])
            try:
                await asyncio.wait_for(bell, seconds)
            except TimeoutError:
                pass
            finally:
                with self._bells:
                    self._waiting = [one for one in self._waiting if one[1] is not bell]
        return self._view.version

    def look(self, at: float) -> bool:
        """Read on if there is something to read; returns whether there is more at once. at: seconds, monotonic."""
        seen = _seen(self.run)
        waits = self._follower is not None and self._follower.behind > 0 and not self._view.fault
        if (
            seen == self._seen
            and not waits
            and not (self._view.fault and at - self._tried_at > RETRY_SECONDS)
        ):
            return False
        self._seen, self._tried_at = seen, at
        try:
            with self._reading:
                view = self._read(seen)
        except DetentError as error:
            view = replace(self._view, fault=str(error))
        except OSError as error:
            view = replace(self._view, fault=f"a run folder that can be read expected, got: {error}")
        self._show(view)
        return self._follower is not None and self._follower.behind > 0 and not view.fault

    def _read(self, seen: Seen) -> View:
        if self._follower is None:
            self._follower = Follower(self.run)
        follower = self._follower
        if not follower.behind:
            follower.refresh()
        ends = time.monotonic() + SHOWN_SECONDS
        try:
            while follower.catch_up() and follower.behind and time.monotonic() < ends:
                time.sleep(0)  # whoever answers meanwhile goes first
        finally:  # what was read before a fault is shown with it
            self._view = replace(self._view, state=follower.state, signed=follower.signed, size=follower.size)
        return replace(self._view, fault="", checkpoint=follower.checkpoint, running=bool(seen[-1]))

    def _show(self, view: View) -> None:
        """Publish, and wake whoever waits."""
        with self._bells:
            self._view = replace(view, version=self._view.version + 1)
        self.ring()

    def ring(self) -> None:
        """Wake everybody who waits, once for each event loop."""
        with self._bells:
            waiting, self._waiting = self._waiting, []
        for loop in {loop for loop, _ in waiting}:
            bells = [bell for of, bell in waiting if of is loop]
            try:
                loop.call_soon_threadsafe(_ring, bells)
            except RuntimeError:  # that loop has ended, and with it who waited there
                continue


def _ring(bells: Iterable[asyncio.Future[None]]) -> None:
    for bell in bells:
        if not bell.done():
            bell.set_result(None)


def _seen(run: RunFolder) -> Seen:
    """By what a change is noticed: the checkpoint, the charter's copy, what was handed in, and who is at work."""
    found: list[object] = []
    for path in (run.ledger / "checkpoint", run.envelope, run.charter, run.inbox):
        try:
            about = path.stat()
            found.append((about.st_mtime_ns, about.st_size, about.st_ino))
        except OSError:
            found.append(None)
    try:
        found.append(is_running(run))
    except (DetentError, OSError):
        found.append(False)
    return tuple(found)


class House:
    """The runs by name. As a context manager it keeps reading them; `look` reads once, for who has no thread.

    Raises:
        UsageError: a folder is no run folder.
    """

    def __init__(self, folders: Sequence[Path], poll_seconds: float = POLL_SECONDS) -> None:
        self._rooms: dict[str, Room] = {}
        for folder in dict.fromkeys(folder.resolve() for folder in folders):
            RunFolder(folder).check()
            name = _free_name(folder, self._rooms)
            self._rooms[name] = Room(name, folder)
        self._poll_seconds = poll_seconds
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def rooms(self) -> tuple[Room, ...]:
        """All of them, as they were named."""
        return tuple(self._rooms.values())

    def run(self, name: str) -> Room:
        """The run of that name. Names are looked up, never put into a path.

        Raises:
            UsageError: there is none.
        """
        found = self._rooms.get(name)
        if found is None:
            raise UsageError(
                f"the name of a run expected, got {name[:80]!r}; there are: {', '.join(self._rooms)}"
            )
        return found

    def look(self) -> bool:
        """Look at every run once; returns whether one has more to read at once."""
        more = [room.look(time.monotonic()) for room in self.rooms]
        return any(more)

    def ring(self) -> None:
        """Wake everybody who waits for any of them."""
        for room in self.rooms:
            room.ring()

    def __enter__(self) -> Self:
        """Start reading, in a thread of its own."""
        self._closing.clear()
        self._thread = threading.Thread(target=self._keep_looking, name="house", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _keep_looking(self) -> None:
        while not self._closing.is_set():
            more = self.look()
            self._closing.wait(0 if more else self._poll_seconds)


def _free_name(folder: Path, taken: Iterable[str]) -> str:
    """The folder's name as an address can hold it; of two that are alike the second has a number."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip(".-")[:64] or "run"
    names, number = set(taken), 2
    if plain not in names:
        return plain
    while f"{plain}-{number}" in names:
        number += 1
    return f"{plain}-{number}"
