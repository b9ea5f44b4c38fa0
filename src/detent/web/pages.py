"""Every page of the dashboard, made on the server: it can be read without any script.

    >>> app.include_router(router(house))

What a page shows is of one moment of a run. Scripts make it live, let charts zoom, and sign; none of them is needed to
read.
"""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from detent.report import Story
from detent.report.shown import budget, headline, key_figures
from detent.web import run_values
from detent.web.comparing import compared
from detent.web.gauges import gauges, number, wires
from detent.web.generation_values import KEPT, asked, file_of, told
from detent.web.glance import ordered
from detent.web.kept import Kept, common, moment, page_of, room_of
from detent.web.rooms import House, Room
from detent.web.showing import missing, piece_of, show, whole_number
from detent.web.static_files import static_file
from detent.web.wire_values import history

ENTRIES = 50
SIDES = ("left", "right")


def router(house: House) -> APIRouter:
    """The pages of these runs, and the files that they load."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    kept = Kept()

    @pages.get("/")
    def runs(request: Request) -> Response:
        found = ordered([room for room in house.rooms if room.view.signed is not None], moment())
        unread = [room for room in house.rooms if room.view.signed is None]
        return show("runs.html.jinja", **common(request, house), glances=found, unread=unread)

    @pages.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        return static_file(name, request)

    @pages.get("/compare")
    def compare(request: Request) -> Response:
        asks = request.query_params
        wanted = [(asks.get(side, ""), asks.get(f"{side}_generation", "")) for side in SIDES]
        sides = compared(house, kept.story, wanted)
        return show("compare.html.jinja", **common(request, house), sides=sides)

    _run_pages(pages, house, kept)
    _detail_pages(pages, house, kept)
    _ledger_pages(pages, house, kept)
    return pages


def _run_pages(pages: APIRouter, house: House, kept: Kept) -> None:
    @pages.get("/runs/{name}")
    def run(name: str, request: Request) -> Response:
        room = room_of(house, name)
        return show("run.html.jinja", **common(request, house, room), **_run(room, kept, request))

    @pages.get("/runs/{name}/generations/{generation}")
    def generation(name: str, generation: str, request: Request) -> Response:
        room = room_of(house, name)
        found = _generation(room, kept.story(room), whole_number(generation, -1), request)
        return show("generation.html.jinja", **common(request, house, room), **found)

    @pages.get("/runs/{name}/requests/{wanted}")
    def question(name: str, wanted: str, request: Request) -> Response:
        room = room_of(house, name)
        story, which = kept.story(room), whole_number(wanted, -1)
        asked_in = run_values.requests(kept.notes(room))
        found = next((one for one in asked_in if one.request and one.request.number == which), None)
        if found is None:
            raise missing("the number of a request", wanted)
        values = _generation(room, story, found.generation, request)
        return show("request.html.jinja", **common(request, house, room), **values)


def _detail_pages(pages: APIRouter, house: House, kept: Kept) -> None:
    @pages.get("/runs/{name}/data/{digest}")
    def data(name: str, digest: str, request: Request) -> Response:
        room = room_of(house, name)
        found = file_of(room.folder, kept.story(room), digest, page_of(request))
        if found is None:
            raise missing("the digest of a data file on the ledger", digest)
        return show("data.html.jinja", **common(request, house, room), file=found)

    @pages.get("/runs/{name}/wires/{wire}")
    def wire(name: str, wire: str, request: Request) -> Response:
        room = room_of(house, name)
        found = history(kept.story(room), kept.notes(room), wire, page_of(request))
        if found is None:
            raise missing("the name of a tripwire that was read", wire)
        return show(
            "wire.html.jinja", **common(request, house, room), wire=wire, history=found, number=number
        )


def _ledger_pages(pages: APIRouter, house: House, kept: Kept) -> None:
    @pages.get("/runs/{name}/ledger")
    def ledger(name: str, request: Request) -> Response:
        room = room_of(house, name)
        record = kept.record(room)
        kind = request.query_params.get("kind", "")
        kind = kind if kind in record.kinds else ""
        found = piece_of(
            record.total(kind),
            page_of(request),
            ENTRIES,
            lambda start, stop: record.lines(kind, start, stop),
            {"kind": kind},
        )
        return show(
            "ledger.html.jinja",
            **common(request, house, room),
            entries=found,
            kind=kind,
            kinds=record.kinds,
            size=record.size,
            checkpoint=record.checkpoint,
            cosigned=room.state.cosigned,
            log_key=record.log_key,
        )

    @pages.get("/runs/{name}/ledger/{index:int}")
    def entry(name: str, index: int, request: Request) -> Response:
        room = room_of(house, name)
        found = kept.record(room).entry(index)
        if found is None:
            raise missing("the index of an entry", index)
        return show("entry.html.jinja", **common(request, house, room), entry=found)


def _run(room: Room, kept: Kept, request: Request) -> dict[str, Any]:
    story, notes = kept.story(room), kept.notes(room)
    asks = request.query_params
    left, right = (whole_number(asks.get(side, ""), -1) for side in SIDES)
    return {
        "story": story,
        "headline": headline(story),
        "key_figures": tuple(key_figures(story)),
        "progress": run_values.progress(story),
        "gains": run_values.gate_gains(story),
        "budget": budget(story, run_values.MOST_DRAWN),
        "timeline": run_values.timeline(story, page_of(request)),
        "gauges": gauges(story, max(moment(), story.last)),
        "wires": wires(story, notes),
        "maps": run_values.maps(story, None if left < 0 else left, None if right < 0 else right),
        "requests": run_values.requests(notes)[: run_values.STEPS],
        "under_way": run_values.under_way(story),
    }


def _generation(room: Room, story: Story, generation: int, request: Request) -> dict[str, Any]:
    found = told(story, generation)
    if found is None:
        raise missing("the number of a generation", generation)
    asks = request.query_params
    problems = asked(
        room.folder, story, generation, (asks.get("kept", ""), asks.get("target", "")), page_of(request)
    )
    return {"told": found, "problems": problems, "kept_words": KEPT}
