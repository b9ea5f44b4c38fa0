"""Server-sent events: whoever watches a run is told when there is something new, and asks for that.

    GET /runs/demo/events      event: version      id: 5f3c29aa-17      data: {"run": "demo", "version": 17, ...}

All viewers wait for the same bell of a run; none looks at the disk. Who comes back and says by Last-Event-ID that it
has seen the newest is told nothing until there is more.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from detent.web.house import House, Room
from detent.web.limiting import Seats
from detent.web.refusing import refusal

HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2_000
LONGEST_SECONDS = 3600.0
"""A stream ends then, and the browser comes back: so a token that is no longer known ends too."""


_BEGAN = secrets.token_hex(4)  # what was seen of another server's versions says nothing about this one's


class Ending:
    """Set when the server ends: streams would keep it from doing so."""

    def __init__(self) -> None:
        self.set = False


def router(house: House, seats: Seats, ending: Ending) -> APIRouter:
    """The streams of these runs."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/events")
    async def every(request: Request) -> Response:
        return Stream(house.rooms, request, seats, ending)

    @routes.get("/runs/{name}/events")
    async def one(name: str, request: Request) -> Response:
        return Stream((house.run(name),), request, seats, ending)

    return routes


class Stream(StreamingResponse):
    """Events for as long as there is a seat for them."""

    def __init__(self, rooms: Sequence[Room], request: Request, seats: Seats, ending: Ending) -> None:
        last = request.headers.get("last-event-id", "")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(rooms, last, ending), media_type="text/event-stream", headers=headers)
        self._seats, self._client = seats, request.state.client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the seat is free again however it ends."""
        with self._seats.seat(self._client) as had:
            if had:
                await super().__call__(scope, receive, send)
                return
        said = "fewer streams at once expected, got too many; close some pages, and try again"
        await refusal(scope, 429, said, headers={"Retry-After": "10"})(scope, receive, send)


async def _events(rooms: Sequence[Room], last: str, ending: Ending) -> AsyncIterator[str]:
    """An event for each change. last: the id that the client saw last; what it has seen is not told again."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + LONGEST_SECONDS
    known = dict.fromkeys((room.name for room in rooms), -1)
    if len(rooms) == 1 and last == _id(rooms[0].version):
        known[rooms[0].name] = rooms[0].version
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while not ending.set and loop.time() < ends:
        news = [room for room in rooms if room.version != known[room.name]]
        for room in news:
            known[room.name] = room.version
            yield _event(room)
        if not news and not await _changed(rooms, known):
            yield ": still here\n\n"


async def _changed(rooms: Sequence[Room], known: dict[str, int]) -> bool:
    """Wait until one of them is another; False when none was for a heartbeat's time."""
    waiting = [asyncio.ensure_future(room.changed(known[room.name], HEARTBEAT_SECONDS)) for room in rooms]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
    return any(room.version != known[room.name] for room in rooms)


def _event(room: Room) -> str:
    view = room.view
    data: dict[str, Any] = {
        "run": room.name,
        "version": view.version,
        "entries": view.state.entries,
        "size": view.size,
        "generation": max(view.state.generation - 1, 0),
        "request": view.state.request.number if view.state.request and not view.state.answer else None,
        "hold": view.state.hold.kind if view.state.hold else None,
        "running": view.running,
        "fault": bool(view.fault),
    }
    return f"event: version\nid: {_id(view.version)}\ndata: {json.dumps(data)}\n\n"


def _id(version: int) -> str:
    return f"{_BEGAN}-{version}"
