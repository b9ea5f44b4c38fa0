"""What pages share: the room that an address names, what is made once a version, and what every page says."""

from typing import Any

from fastapi import HTTPException, Request

from detent.assembly.clock import now
from detent.errors import DetentError, UsageError
from detent.report import Story
from detent.web.glance import Glance, glance, story_of
from detent.web.index import Index, Note
from detent.web.record import Record
from detent.web.rooms import House, Room
from detent.web.showing import missing, whole_number


def moment() -> str:
    """The time (RFC 3339), by which leases and questions expire."""
    return now()


class Kept:
    """What is made once and asked for often: a run's story with its forecast, by version, and its record."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._stories: dict[str, tuple[int, Story]] = {}
        self._indexes: dict[str, Index] = {}
        self._records: dict[str, Record] = {}

    def story(self, room: Room) -> Story:
        """The story of the room's newest version."""
        version = room.version
        known = self._stories.get(room.name)
        if known is None or known[0] != version:
            known = self._stories[room.name] = version, story_of(room)
        return known[1]

    def notes(self, room: Room) -> tuple[Note, ...]:
        """What pages list of every generation."""
        return self._indexes.setdefault(room.name, Index()).read_on(self.story(room))

    def record(self, room: Room) -> Record:
        """The room's ledger, as far as it is signed now."""
        try:
            if room.name not in self._records:
                self._records[room.name] = Record(room.folder)
            record = self._records[room.name]
            record.refresh()
        except DetentError as error:
            raise HTTPException(503, str(error)) from error
        return record


def room_of(house: House, name: str) -> Room:
    try:
        room = house.run(name)
    except UsageError as error:
        raise missing("the name of a run", name) from error
    if room.view.signed is None:
        raise HTTPException(503, room.fault or "the run is being read; ask again")
    return room


def page_of(request: Request) -> int:
    return whole_number(request.query_params.get("page", ""), 1)


def common(request: Request, house: House, room: Room | None = None) -> dict[str, Any]:
    """What every page needs. token: what a form must send back, as the guard set it; "" without one."""
    seen: Glance | None = glance(room, moment()) if room else None
    return {
        "room": room,
        "seen": seen,
        "rooms": [one.name for one in house.rooms],
        "token": getattr(request.state, "token", ""),
        "version": room.version if room else 0,
    }
