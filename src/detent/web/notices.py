"""Telling people that they are needed: webhooks and e-mail of `detent serve --notify FILE`.

    >>> with Notifier(read_notices(path)) as notifier, attending(house, notifier):
    ...     serve(house, settings)

What is to be told goes into an outbox on disk first, under an id made from the ledger's entry; a thread for each target
takes it from there, and tries again, later and later, until it arrives or `retry_hours` are over. So nothing that waits
for a person is told twice, and a restart loses nothing.
"""

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

from detent.assembly.places import data_folder
from detent.charter import SignedCharter
from detent.errors import DetentError
from detent.values import State
from detent.values.text import one_line
from detent.web import mailing, webhooks
from detent.web.house import House, Room
from detent.web.noticing import Mail, Notices, Webhook, check
from detent.web.occasions import Occasion, occasions
from detent.web.outbox import Delivery, Outbox

FIRST_WAIT, LONGEST_WAIT = 10.0, 4 * 3600.0
LOOK_SECONDS = 5.0
"""How often a target's thread looks for what is due, when nobody rings."""

ATTEND_SECONDS, HOUR = 2.0, 3600.0

Target = Webhook | Mail


class Told(Protocol):
    """What is needed of a run: its name in addresses, and its charter, whose seal's tip says which run it is."""

    @property
    def name(self) -> str:
        """In addresses."""

    @property
    def signed(self) -> SignedCharter:
        """In force."""


def outbox_path() -> Path:
    """Where the outbox lies when no other place is given."""
    return data_folder() / "notices" / "outbox.db"


class Notifier:
    """Tells what the configuration names. As a context manager it delivers; without, it only writes down.

    Raises:
        UsageError: the configuration cannot be used.
        StorageError: the outbox cannot be opened.
    """

    def __init__(
        self,
        config: Notices,
        outbox: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], None] = print,
    ) -> None:
        check(config)
        self._config = config
        self._targets: tuple[Target, ...] = (*config.webhook, *config.mail)
        self._clock = clock
        self._tell = tell
        self._dice = random.SystemRandom()
        self.outbox = Outbox(outbox or outbox_path())
        self._closing = threading.Event()
        self._bells = {target.name: threading.Event() for target in self._targets}
        self._threads: list[threading.Thread] = []

    def consider(self, room: Told, before: State, after: State) -> None:
        """Write down what a person has to be told of. To be called when a run was read to its end, as it then stands.

        Args:
            room: the run.
            before: as it stood when it was last considered; State() the first time.
            after: as it stands.

        It never raises: that somebody could not be told must not keep anybody from looking.
        """
        try:
            now = self._clock()
            stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for occasion in occasions(before, after, stamp, self._config.lease_low):
                self._write_down(room, occasion, now, stamp)
        except (DetentError, KeyError, ValueError, OSError) as error:
            self._say(f"what happened in {room.name} could not be noted down: {error}")

    def _write_down(self, room: Told, occasion: Occasion, now: float, stamp: str) -> None:
        charter = room.signed.charter
        name = message_id(charter.seal.tip, occasion)
        body = message_body(room.name, charter.name, occasion, stamp, self._config.address)
        for target in self._targets:
            if occasion.kind in target.about and self.outbox.add(name, target.name, body, now):
                self._bells[target.name].set()

    def deliver(self, target: Target) -> bool:
        """Try one message to one target, if one is due; whether there was one."""
        now = self._clock()
        delivery = self.outbox.claim(target.name, now)
        if delivery is None:
            return False
        try:
            _send(target, delivery, now)
        except webhooks.GoneError as error:
            self.outbox.given_up(delivery)
            self._say(f"{target.name}: {error}; {delivery.id} is given up")
        except (DetentError, webhooks.LaterError) as error:
            self._again(target, delivery, error)
        else:
            self.outbox.sent(delivery)
        return True

    def _again(self, target: Target, delivery: Delivery, error: Exception) -> None:
        now = self._clock()
        if now - delivery.made >= self._config.retry_hours * 3600:
            self.outbox.given_up(delivery)
            self._say(f"{target.name}: {error}; {delivery.id} is given up after {delivery.attempts} tries")
            return
        wait = wait_after(delivery.attempts) * self._dice.uniform(0.5, 1.5)
        if isinstance(error, webhooks.LaterError):
            wait = max(wait, error.seconds)
        self.outbox.later(delivery, now + wait)
        self._say(f"{target.name}: {error}; {delivery.id} is tried again in {wait:.0f} s")

    def _keep_delivering(self, target: Target) -> None:
        bell = self._bells[target.name]
        while not self._closing.is_set():
            try:
                while not self._closing.is_set() and self.deliver(target):
                    pass
            except Exception as error:  # noqa: BLE001  a thread that ended would tell nobody of anything again
                self._say(f"{target.name}: {type(error).__name__}")
            bell.wait(LOOK_SECONDS)
            bell.clear()

    def _say(self, text: str) -> None:
        self._tell(one_line(f"notices: {text}", 500))

    def __enter__(self) -> Self:
        """Begin to deliver, with a thread for each target: one that hangs keeps no other waiting."""
        for target in self._targets:
            thread = threading.Thread(
                target=self._keep_delivering, args=(target,), name=f"notices {target.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; what is being sent has a moment to arrive, and what is not sent waits on disk."""
        self._closing.set()
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join(2.0)
        if not any(thread.is_alive() for thread in self._threads):
            self.outbox.close()


@contextmanager
def attending(house: House, notifier: Notifier, seconds: float = ATTEND_SECONDS) -> Iterator[None]:
    """While it lasts, every run of the house is considered whenever it was read on to its end.

    And once an hour, since a lease may expire without anything being written.
    """
    closing = threading.Event()

    def attend() -> None:
        seen: dict[str, tuple[int, float, State]] = {}
        while not closing.is_set():
            for room in house.rooms:
                _attend(room, notifier, seen)
            closing.wait(seconds)

    thread = threading.Thread(target=attend, name="notices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


def _attend(room: Room, notifier: Notifier, seen: dict[str, tuple[int, float, State]]) -> None:
    view, at = room.view, time.monotonic()
    entries, last, before = seen.get(room.name, (0, 0.0, State()))
    grown, stale = view.state.entries > entries, at - last > HOUR
    # Half-way through a long ledger questions stand open that were answered long ago.
    if view.fault or view.state.entries < view.size or not view.size or not (grown or stale):
        return
    notifier.consider(room, before, view.state)
    seen[room.name] = view.state.entries, at, view.state


def message_id(tip: str, occasion: Occasion) -> str:
    """The same for the same entry of the same run, always and everywhere. tip: of the run's seal."""
    named = f"detent/notice/v1\n{tip}\n{occasion.kind}\n{occasion.key}"
    return f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def message_body(run: str, charter: str, occasion: Occasion, stamp: str, address: str) -> str:
    """The JSON that a webhook gets, and from which an e-mail is made."""
    data = {
        "run": run,
        "charter": charter,
        "generation": occasion.generation,
        "title": occasion.title,
        "lines": occasion.lines,
        "link": f"{address.rstrip('/')}/runs/{run}" if address else "",
    }
    return json.dumps({"type": f"detent.{occasion.kind}", "timestamp": stamp, "data": data})


def wait_after(attempts: int) -> float:
    """Seconds until the next try, before jitter: 10, 40, 160, 640, ... and never more than four hours.

    >>> [wait_after(attempts) for attempts in (1, 2, 3, 100)]
    [10.0, 40.0, 160.0, 14400.0]
    """
    return min(LONGEST_WAIT, FIRST_WAIT * 4.0 ** min(attempts - 1, 10))


def _send(target: Target, delivery: Delivery, now: float) -> None:
    if isinstance(target, Webhook):
        webhooks.post(target, delivery.id, delivery.body.encode(), now)
        return
    data = json.loads(delivery.body)["data"]
    lines = (data["title"], "", *data["lines"], "", data["link"] or f"run {data['run']}")
    mailing.send(target, mailing.message(target, delivery.id, f"[{data['run']}] {data['title']}", lines))
