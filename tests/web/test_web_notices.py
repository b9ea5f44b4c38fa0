"""People are told when they are needed: once, after every restart, and by nobody but whom the file names."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import structs
from tests.audit.scripted_run import ScriptedRun
from tests.web.deciding_world import asked
from tests.web.receivers import Hook, answer, hooked

from detent.charter import SignedCharter
from detent.errors import StorageError, UsageError
from detent.ledger import Ledger
from detent.values import Requested, State, Watched, fold
from detent.web import webhooks
from detent.web.app import serve_folders
from detent.web.house import House, View
from detent.web.notices import Notifier, attending, outbox_path
from detent.web.noticing import Notices, Webhook
from detent.web.occasions import occasions
from detent.web.outbox import CLAIM_SECONDS, Outbox
from detent.web.settings import Settings

SECRET = "a-secret-of-thirty-two-characters"  # noqa: S105  of tests
VARIABLE = "DETENT_TEST_HOOK"


@dataclass(frozen=True)
class Room:
    name: str
    signed: SignedCharter


@dataclass
class Clock:
    at: float = 1_767_225_600.0  # 2026-01-01

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def room(peopled: ScriptedRun) -> Room:
    return Room("demo", peopled.signed)


@pytest.fixture(scope="session")
def states(peopled: ScriptedRun) -> list[State]:
    """As the run stood after each entry."""
    found, state = [], State()
    for entry in peopled.entries():
        state = fold((entry,), state)
        found.append(state)
    return found


@pytest.fixture
def waiting(states: list[State]) -> State:
    """A run that asks for the first time."""
    return next(state for state in states if state.request is not None)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hooked() as hook:
        yield hook


def to(hook: Hook, **fields: object) -> Notices:
    target = Webhook("lab", hook.url, VARIABLE, allow_private=True, **fields)  # type: ignore[arg-type]
    return Notices(webhook=(target,))


def drained(notifier: Notifier) -> None:
    """Deliver what is due now."""
    for target in notifier._targets:
        while notifier.deliver(target):
            pass


def test_a_run_s_story_is_told_once_entry_by_entry(room: Room, states: list[State], hook: Hook) -> None:
    notifier = Notifier(to(hook), clock=Clock())
    before = State()
    for state in states:
        notifier.consider(room, before, state)
        before = state
    drained(notifier)

    requests = {state.request_index for state in states if state.request is not None}
    holds = {(state.hold.kind, state.hold.index) for state in states if state.hold is not None}
    fired = {
        state.generation
        for state in states
        for watched in (state.slots.get("watch/v1"),)
        if isinstance(watched, Watched)
        and any(
            reading.fired and watched.actions.get(reading.wire) != "record" for reading in watched.readings
        )
    }
    assert len(requests) == 4
    assert {kind for kind, _ in holds} == {"paused", "halted"}
    assert hook.types.count("detent.request") == len(requests)
    assert hook.types.count("detent.held") == len(holds)
    assert hook.types.count("detent.tripwire") == len(fired)
    assert len(set(hook.ids)) == len(hook.ids)


def test_who_looks_again_from_the_start_after_a_restart_repeats_nothing(
    room: Room, waiting: State, hook: Hook
) -> None:
    clock = Clock()
    for _ in range(3):
        notifier = Notifier(to(hook), clock=clock)
        notifier.consider(room, State(), waiting)
        drained(notifier)
        notifier.outbox.close()
        clock.at += 86_400

    assert hook.types.count("detent.request") == 1


def test_what_was_written_down_before_a_restart_is_sent_after_it(
    room: Room, waiting: State, hook: Hook
) -> None:
    first = Notifier(to(hook), clock=Clock())
    first.consider(room, State(), waiting)
    first.outbox.close()
    assert not hook.got

    with Notifier(to(hook), clock=Clock()):
        until(lambda: "detent.request" in hook.types)


def test_what_was_being_sent_when_the_power_went_is_sent_again_under_the_same_id(
    room: Room, waiting: State, hook: Hook
) -> None:
    clock = Clock()
    notifier = Notifier(to(hook, about=("request",)), clock=clock)
    notifier.consider(room, State(), waiting)
    delivery = notifier.outbox.claim("lab", clock())
    assert delivery is not None

    drained(notifier)
    assert not hook.got, "another process may be sending it"
    clock.at += CLAIM_SECONDS
    drained(notifier)

    assert hook.ids == [delivery.id]


def test_two_servers_of_one_user_tell_once(room: Room, waiting: State, hook: Hook) -> None:
    notifiers = [Notifier(to(hook, about=("request",)), clock=Clock()) for _ in range(4)]

    def serve(one: Notifier) -> None:
        one.consider(room, State(), waiting)
        drained(one)

    threads = [threading.Thread(target=serve, args=(one,)) for one in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(hook.got) == 1


def test_the_same_run_elsewhere_has_the_same_ids_and_another_run_others(
    room: Room, waiting: State, hook: Hook, tmp_path: Path, peopled: ScriptedRun
) -> None:
    other = peopled.copy(tmp_path / "other").signed
    seal = other.charter.seal.model_copy(update={"tip": "00" * 32})
    another = other.__class__(
        other.charter.model_copy(update={"seal": seal}), other.text, other.digest, other.envelope
    )
    for number, told in enumerate((room, Room("elsewhere", other), Room("demo", another))):
        notifier = Notifier(to(hook, about=("request",)), tmp_path / f"{number}.db", clock=Clock())
        notifier.consider(told, State(), waiting)
        drained(notifier)

    assert hook.ids[0] == hook.ids[1] != hook.ids[2]


def test_a_receiver_that_fails_is_tried_again_later_and_later_until_it_takes_it(
    room: Room, waiting: State, hook: Hook
) -> None:
    hook.deeds = [answer(500), answer(503), answer(302, Location="http://localhost:9/"), answer(200)]
    clock, told = Clock(), list[str]()
    notifier = Notifier(to(hook, about=("request",)), clock=clock, tell=told.append)
    notifier.consider(room, State(), waiting)
    tries, began = [], clock.at
    while not hook.got or notifier.outbox.states()[hook.ids[0], "lab"] == "waiting":
        count = len(hook.got)
        drained(notifier)
        if len(hook.got) > count:
            tries.append(clock.at - began)
        clock.at += 1

    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) == 4
    assert 5 <= waits[0] <= 16
    assert 20 <= waits[1] <= 61
    assert 80 <= waits[2] <= 241
    assert len(set(hook.ids)) == 1
    assert len({headers["webhook-signature"] for headers, _ in hook.got}) == 4, "the time is signed anew"
    assert "redirects are not followed" in told[2]


def test_what_never_arrives_is_given_up_after_the_hours_that_the_file_says(
    room: Room, waiting: State, hook: Hook
) -> None:
    hook.deeds = [answer(500)]
    clock, told = Clock(), list[str]()
    notifier = Notifier(to(hook, about=("request",)), clock=clock, tell=told.append)
    notifier.consider(room, State(), waiting)
    for _ in range(200):
        drained(notifier)
        clock.at += 3600

    assert set(notifier.outbox.states().values()) == {"given up"}
    assert 15 < len(hook.got) < 60
    assert "is given up after" in told[-1]


def test_a_receiver_that_wants_no_more_is_not_asked_again(room: Room, waiting: State, hook: Hook) -> None:
    hook.deeds = [answer(410)]
    notifier = Notifier(to(hook, about=("request",)), clock=Clock(), tell=list[str]().append)
    notifier.consider(room, State(), waiting)
    drained(notifier)

    assert set(notifier.outbox.states().values()) == {"given up"}


def test_a_receiver_may_say_when_to_come_again(room: Room, waiting: State, hook: Hook) -> None:
    hook.deeds = [answer(429, Retry_After="7200"), answer(200)]
    clock = Clock()
    notifier = Notifier(to(hook, about=("request",)), clock=clock, tell=list[str]().append)
    notifier.consider(room, State(), waiting)
    for wait in (0, 7100, 200):
        clock.at += wait
        drained(notifier)
        assert len(hook.got) == (2 if wait == 200 else 1)


def test_each_target_is_told_of_what_it_asked_for_alone(room: Room, states: list[State], hook: Hook) -> None:
    notifier = Notifier(to(hook, about=("held",)), clock=Clock())
    for state in states:
        notifier.consider(room, State(), state)
    drained(notifier)

    assert set(hook.types) == {"detent.held"}


def test_one_receiver_that_hangs_keeps_no_other_waiting(
    room: Room, waiting: State, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "DEADLINE_SECONDS", 5.0)
    with hooked() as other:
        other.deeds = [lambda _: time.sleep(3)]
        slow = Webhook("slow", other.url, VARIABLE, allow_private=True)
        config = Notices(webhook=(slow, *to(hook).webhook))
        with Notifier(config, clock=Clock(), tell=list[str]().append) as notifier:
            notifier.consider(room, State(), waiting)
            began = time.monotonic()
            until(lambda: "detent.request" in hook.types)
            assert time.monotonic() - began < 2


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to be")


def test_the_lease_is_told_of_when_it_is_nearly_spent_and_when_it_is(states: list[State]) -> None:
    def kinds(state: State, now: str, low: int) -> list[str]:
        return [one.kind for one in occasions(State(), state, now, low) if one.kind.startswith("lease")]

    now = "2026-01-01T00:30:00Z"
    assert kinds(State(), now, 1) == [], "there was never one"
    granted = next(state for state in states if state.grants)
    assert kinds(granted, now, 100) == [], "nothing of it is used"
    used = next(state for state in states if state.spent == 2)
    assert kinds(used, now, used.lease_left(now)) == ["lease_low"]
    assert kinds(used, now, used.lease_left(now) - 1) == []
    assert kinds(used, "2027-01-01T00:00:00Z", 1) == ["lease_spent"]


def test_words_of_others_are_one_line_each_and_cut(room: Room, waiting: State, hook: Hook) -> None:
    assert waiting.request is not None
    nasty = "\r\nwebhook-id: other\n\x1b[2J\u202e<b>" + "x" * 5000
    asked = structs.replace(waiting.request, reasons=(nasty,) * 50)
    state = structs.replace(waiting, slots={**waiting.slots, "request/v1": asked})
    notifier = Notifier(to(hook, about=("request",)), clock=Clock())
    notifier.consider(room, State(), state)
    drained(notifier)

    ((headers, body),) = hook.got
    assert headers["webhook-id"].startswith("msg_")
    lines = json.loads(body)["data"]["lines"]
    assert len(lines) <= 12
    assert all(line.isprintable() and len(line) < 320 for line in lines)


def test_an_outbox_that_the_disk_refuses_is_said_and_stops_nobody(
    room: Room, waiting: State, hook: Hook, tmp_path: Path
) -> None:
    told = list[str]()
    notifier = Notifier(to(hook), clock=Clock(), tell=told.append)
    notifier.outbox._file.close()
    notifier.consider(room, State(), waiting)
    assert "could not be noted down" in told[0]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="an outbox in the user's data folder expected"):
        Outbox(tmp_path / "file" / "outbox.db")


def test_the_outbox_is_its_user_s_alone_and_holds_neither_secret_nor_address(
    room: Room, waiting: State, hook: Hook
) -> None:
    notifier = Notifier(to(hook), clock=Clock())
    notifier.consider(room, State(), waiting)
    notifier.outbox.close()
    content = outbox_path().read_bytes()

    assert outbox_path().stat().st_mode & 0o077 == 0
    assert SECRET.encode() not in content
    assert b"a-path-that-is-secret" not in content


@dataclass
class ReadRoom:
    """A run, read as far as `view` says."""

    name: str
    signed: SignedCharter
    view: View


class OneRoom(NamedTuple):
    rooms: tuple[ReadRoom, ...]


def test_a_run_is_not_considered_before_it_was_read_to_its_end(
    room: Room, waiting: State, hook: Hook
) -> None:
    """Half-way through a long ledger questions stand open that were answered long ago."""
    read = ReadRoom("demo", room.signed, View(waiting, size=waiting.entries + 1))
    config = to(hook, about=("request",))
    with Notifier(config) as notifier, attending(OneRoom((read,)), notifier, 0.01):  # type: ignore[arg-type]
        time.sleep(0.1)
        assert not notifier.outbox.states()
        read.view = View(waiting, size=waiting.entries, fault="it cannot be read on")
        time.sleep(0.1)
        assert not notifier.outbox.states()
        read.view = View(waiting, size=waiting.entries)
        until(lambda: hook.types == ["detent.request"])


def test_a_run_that_asks_while_it_is_served_tells_people(hook: Hook, tmp_path: Path) -> None:
    scene = asked(tmp_path / "scene")
    with scene.here():
        record = scene.record()
        number = next(index for index, entry in enumerate(scene.entries()) if isinstance(entry, Requested))
        scene.rewrite(record[:number])
        house = House([scene.run], poll_seconds=0.01)
        with house, Notifier(to(hook, about=("request",))) as notifier, attending(house, notifier, 0.01):
            until(lambda: house.rooms[0].view.size == number)
            assert not hook.got
            with Ledger.open(scene.folder.ledger, scene.log_key) as ledger:
                ledger.append(record[number])
            until(lambda: bool(hook.got))

    assert hook.types == ["detent.request"]
    data = json.loads(hook.got[0][1])["data"]
    assert data["run"] == "run"
    assert any("request 1 ends at" in line for line in data["lines"])


def test_a_file_that_is_not_in_order_keeps_the_server_from_starting(
    peopled: ScriptedRun, tmp_path: Path
) -> None:
    (tmp_path / "notify.toml").write_text("[[webhook]]\n")

    with pytest.raises(UsageError, match=r"see docs/notices\.md"):
        serve_folders([peopled.folder], Settings.local(), print, tmp_path / "notify.toml")
