"""Runs for pages: rooms that stand still, of real scripted runs and of ledgers that are made up.

>>> client = TestClient(app_of(peopled(folder)))
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from tests.audit.scripted_run import DRAFT, LOG, QuickFiles, ScriptedRun, sign

from detent.charter import SignedCharter
from detent.engine import DataStore
from detent.errors import UsageError
from detent.ledger import LARGEST_ENTRY, Ledger
from detent.report import Story, tell
from detent.signing import canonical
from detent.values import Entry, State, entry_document, fold, stub_of
from detent.web.pages import router

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass
class View:
    state: State
    signed: SignedCharter | None
    fault: str = ""
    running: bool = False


@dataclass
class Room:
    """A run as it stands; `entries` may be put to another list, and `version` counted up."""

    name: str
    folder: Path
    entries: list[Entry]
    charter: SignedCharter
    top: dict[str, int]
    purpose: str = ""
    version: int = 1
    fault: str = ""

    @property
    def view(self) -> View:
        return View(self.state, self.charter, self.fault)

    @cached_property
    def state(self) -> State:
        return fold(self.entries)

    @property
    def signed(self) -> SignedCharter:
        return self.charter

    @cached_property
    def story(self) -> Story:
        return tell(
            self.entries, self.charter.charter.name, self.purpose or self.charter.charter.purpose, self.top
        )

    def read_on(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.__dict__.pop("state", None)
        self.__dict__.pop("story", None)
        self.version += 1


@dataclass
class House:
    rooms: Sequence[Room]

    def run(self, name: str) -> Room:
        found = next((room for room in self.rooms if room.name == name), None)
        if found is None:
            raise UsageError(f"the name of a run expected, got {name}")
        return found


def room_of(run: ScriptedRun, name: str) -> Room:
    """A run of the real loop."""
    (run.folder / "log.vkey").write_text(str(LOG.verify_key))
    return Room(name, run.folder, run.entries(), run.signed, dict(run.signed.charter.direction.improve))


def made_up(folder: Path, name: str, entries: list[Entry], top: dict[str, int], purpose: str = "") -> Room:
    """A ledger that no loop wrote, signed as a real one is."""
    for part in ("data", "answers", "models"):
        (folder / part).mkdir(parents=True)
    (folder / "log.vkey").write_text(str(LOG.verify_key))
    with Ledger.create(folder / "ledger", LOG, LOG.name, QuickFiles) as ledger:
        ledger.extend(_fitting(folder, canonical(entry_document(entry))) for entry in entries)
    return Room(name, folder, entries, sign(DRAFT), top, purpose)


def _fitting(folder: Path, entry: bytes) -> bytes:
    """An entry, or what stands for one that is too large."""
    if len(entry) <= LARGEST_ENTRY:
        return entry
    DataStore(folder / "data", folder / "answers").put_bytes(entry)
    return canonical(entry_document(stub_of(entry)))


def app_of(*rooms: Room) -> FastAPI:
    """An app with the pages alone, under the policy that the dashboard has."""
    app = FastAPI()
    house = House(rooms)
    app.include_router(router(house))
    app.add_api_route("/events", lambda: StreamingResponse(_versions(rooms), media_type="text/event-stream"))
    app.add_api_route("/runs/{name}/events", lambda name: _stream(house.run(name)))
    app.add_middleware(BaseHTTPMiddleware, dispatch=_guarded)
    return app


def _stream(room: Room) -> StreamingResponse:
    return StreamingResponse(_versions([room]), media_type="text/event-stream")


async def _versions(rooms: Sequence[Room]) -> AsyncIterator[str]:
    """As the real stream: each version, as soon as it is there."""
    known: dict[str, int] = {}
    while True:
        for room in rooms:
            if known.get(room.name) != room.version:
                known[room.name] = room.version
                data = json.dumps({"run": room.name, "version": room.version})
                yield f"event: version\ndata: {data}\n\n"
        await asyncio.sleep(0.05)


async def _guarded(request: Request, go_on: RequestResponseEndpoint) -> Response:
    answer = await go_on(request)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer
