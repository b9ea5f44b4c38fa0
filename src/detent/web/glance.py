"""A run at a glance: where it stands, what it waits for, and in which order people should look at several.

>>> [one.name for one in ordered(rooms, now)]
['asks a person', 'is paused', 'runs']
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from detent.oversight import why_stop
from detent.report import Standing, Story, foreseen, standing
from detent.report.shown import rate
from detent.values import Hold, Requested
from detent.web.rooms import Room

Turn = Literal["asked", "held", "other"]
ORDER: tuple[Turn, ...] = ("asked", "held", "other")
HELD: frozenset[Standing] = frozenset({"paused", "halted", "lease_spent", "waiting"})

WORDS: dict[Standing, str] = {
    "ready": "ready to go on",
    "running": "running",
    "waiting": "waiting",
    "paused": "paused",
    "halted": "halted",
    "lease_spent": "lease spent",
    "finished": "finished",
}


class Glance(NamedTuple):
    """One run in a few words. group: what it needs of people. request: the one that waits."""

    name: str
    title: str
    purpose: str
    group: Turn
    stands: Standing
    said: str
    hold: Hold | None
    request: Requested | None
    generation: int
    promoted: int
    ladder: str
    began: str
    left: int
    last: str
    fault: str


def glance(room: Room, now: str) -> Glance:
    """Where it stands."""
    view, story, charter = room.view, room.story, room.signed.charter
    state = view.state
    at = max(now, state.latest_at)
    stands = standing(why_stop(state, charter, at, enough=False), running=view.running)
    request = state.request if state.request and not state.answer and at < state.request.expires else None
    held = state.hold is not None or stands in HELD
    return Glance(
        name=room.name,
        title=charter.name,
        purpose=charter.purpose,
        group="asked" if request else "held" if held else "other",
        stands=stands,
        said="asks a person" if request else WORDS[stands],
        hold=state.hold,
        request=request,
        generation=max(state.history, default=0),
        promoted=state.promoted,
        ladder=rate(story.ladder_now) if story.ladder_now is not None else "-",
        began=rate(story.ladder_start) if story.ladder_start is not None else "-",
        left=state.lease_left(at),
        last=story.last,
        fault=view.fault,
    )


def ordered(rooms: Iterable[Room], now: str) -> list[Glance]:
    """What waits for a person first, then what is held, then the rest; in each the newest first."""
    found = sorted((glance(room, now) for room in rooms), key=lambda one: one.name)
    found.sort(key=lambda one: one.last, reverse=True)
    return sorted(found, key=lambda one: ORDER.index(one.group))


def story_of(room: Room) -> Story:
    """The room's story, with what its charter says of the generations to come."""
    return foreseen(room.story, room.signed.charter)
