"""The same as JSON: runs, generations, questions, entries and proofs under `/api/v1`, described by OpenAPI.

    curl http://127.0.0.1:8734/api/v1/runs/demo/generations?start=0&limit=50

Routes are plain functions: the framework runs them in threads, since a disk may make them wait.
"""

from collections.abc import Mapping
from html import escape
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Path, Query
from fastapi.responses import HTMLResponse

from detent.assembly.following import entries_at, reader_of
from detent.assembly.requests import Asked
from detent.errors import DetentError, UsageError
from detent.report import generation_line, request_page, tell_turn, tried_lines
from detent.report.story import Opening, Turn
from detent.values import Entry as LedgerEntry
from detent.values import entry_document
from detent.web import models
from detent.web.house import House, Room
from detent.web.refusing import page

MOST = 200
"""Items of one answer."""

Name = Annotated[str, Path(description="The run's name.", max_length=100)]
Start = Annotated[int, Query(ge=0, description="Index of the first.")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at the most.")]
Number = Annotated[int, Path(ge=0, le=10_000_000)]
FAILS: dict[int | str, dict[str, Any]] = {
    404: {"model": models.Failed, "description": "There is no such thing."},
    503: {"model": models.Failed, "description": "The run cannot be read, or was not read yet."},
}


def router(house: House) -> APIRouter:
    """All of it."""
    routes = APIRouter(prefix="/api/v1", responses=FAILS)
    _runs(routes, house)
    _generations(routes, house)
    _requests(routes, house)
    _ledger(routes, house)
    return routes


def _runs(routes: APIRouter, house: House) -> None:
    @routes.get("/runs")
    def runs() -> list[models.Run]:
        """Every run; what waits for a person comes first."""
        found = [_run(room) for room in house.rooms]
        return sorted(found, key=lambda run: run.request is None)

    @routes.get("/runs/{name}")
    def run(name: Name) -> models.RunInFull:
        """A run, and where it stands in full."""
        room = _room(house, name)
        view, signed = room.view, room.signed
        return models.RunInFull(
            **_run(room).model_dump(),
            charter_version=signed.charter.version,
            charter=signed.digest,
            checkpoint=view.checkpoint,
            status=room.status(),
        )


def _generations(routes: APIRouter, house: House) -> None:
    @routes.get("/runs/{name}/generations")
    def generations(name: Name, start: Start = 0, limit: Limit = 50) -> models.Page[models.Generation]:
        """Closed generations, the oldest first."""
        turns = _room(house, name).story.turns
        items = [_generation(turn) for turn in turns[start : start + limit]]
        return models.Page(start=start, total=len(turns), items=items)

    @routes.get("/runs/{name}/generations/{generation}")
    def one(name: Name, generation: Number) -> models.GenerationInFull:
        """A generation with everything it has written; the one in progress too."""
        state = _room(house, name).state
        slots: Mapping[str, LedgerEntry] = state.history.get(generation, {})
        trials: Mapping[str, Mapping[str, LedgerEntry]] = state.tried.get(generation, {})
        if not slots and generation == state.generation:
            slots, trials = state.slots, state.trials
        if not slots:
            raise HTTPException(
                404, f"a generation up to {len(state.history) - 1} expected, got {generation}"
            )
        turn = tell_turn(slots)
        return models.GenerationInFull(
            generation=generation,
            closed=None if turn is None else _generation(turn),
            entries=_documents(slots),
            trials={trial: _documents(own) for trial, own in trials.items()},
        )


def _requests(routes: APIRouter, house: House) -> None:
    @routes.get("/runs/{name}/requests")
    def requests(name: Name, start: Start = 0, limit: Limit = 50) -> models.Page[models.Request]:
        """What people were asked, the oldest first."""
        every = _room(house, name).asked()
        items = [models.Request(**_request(asked)) for asked in every[start : start + limit]]
        return models.Page(start=start, total=len(every), items=items)

    @routes.get("/runs/{name}/requests/{number}")
    def one(name: Name, number: Number) -> models.RequestInFull:
        """A question with the evidence."""
        room = _room(house, name)
        found = next((asked for asked in room.asked() if asked.request.number == number), None)
        if found is None:
            raise HTTPException(404, f"the number of a request expected, got {number}; see the list of them")
        change = tried_lines(room.state, found.request.generation)
        text = request_page(found.request, found.answer, found.slots, change)
        return models.RequestInFull(**_request(found), page=text)


def _ledger(routes: APIRouter, house: House) -> None:
    @routes.get("/runs/{name}/entries")
    def entries(name: Name, start: Start = 0, limit: Limit = 50) -> models.Page[models.Entry]:
        """Entries by index, each checked against the signed checkpoint before it is shown."""
        run = _room(house, name).run
        total = reader_of(run).size
        found = entries_at(run, min(start, total), limit)
        return models.Page(start=start, total=total, items=[_entry(*one) for one in found])

    @routes.get("/runs/{name}/ledger/checkpoint")
    def checkpoint(name: Name) -> dict[str, str]:
        """The signed checkpoint, a C2SP signed note, as text in JSON."""
        return {"checkpoint": reader_of(_room(house, name).run).checkpoint}

    @routes.get("/runs/{name}/ledger/inclusion/{index}")
    def inclusion(
        name: Name, index: Number, size: Annotated[int | None, Query(ge=1)] = None
    ) -> models.Inclusion:
        """The proof that an entry stands on the ledger."""
        reader = reader_of(_room(house, name).run)
        wanted = reader.size if size is None else size
        return models.Inclusion(
            index=index,
            leaf_hash=reader.leaf_hash(index).hex(),
            size=wanted,
            root=reader.root(wanted).hex(),
            path=[one.hex() for one in reader.inclusion_proof(index, wanted)],
            checkpoint=reader.checkpoint,
        )

    @routes.get("/runs/{name}/ledger/consistency")
    def consistency(
        name: Name, old: Annotated[int, Query(ge=0)], new: Annotated[int | None, Query(ge=0)] = None
    ) -> models.Consistency:
        """The proof that the ledger only grew."""
        reader = reader_of(_room(house, name).run)
        wanted = reader.size if new is None else new
        return models.Consistency(
            old=old,
            new=wanted,
            old_root=reader.root(old).hex(),
            new_root=reader.root(wanted).hex(),
            path=[one.hex() for one in reader.consistency_proof(old, wanted)],
            checkpoint=reader.checkpoint,
        )


def described(app: FastAPI) -> APIRouter:
    """`/api`: what the OpenAPI description says, as a page that loads nothing from elsewhere."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api")
    def listed() -> HTMLResponse:
        return HTMLResponse(page("API", _listed(app.openapi())))

    return routes


def _listed(described: Mapping[str, Any]) -> str:
    rows = []
    for address, ways in sorted(described["paths"].items()):
        for method, what in ways.items():
            asks = ", ".join(
                f"<code>{escape(one['name'])}</code>"
                for one in what.get("parameters", ())
                if one["in"] == "query"
            )
            said = escape(what.get("description", what.get("summary", "")))
            rows.append(
                f"<tr><td>{method.upper()}</td><td><code>{escape(address)}</code></td><td>{said}</td><td>{asks}</td></tr>"
            )
    head = "<tr><th>method</th><th>address</th><th>what</th><th>asks</th></tr>"
    more = '<p>All fields, their units and types: <a href="/api/v1/openapi.json">OpenAPI</a>.</p>'
    return f"{more}<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _room(house: House, name: str) -> Room:
    """A run that can be read; HTTPException says what is wrong else."""
    try:
        room = house.run(name)
    except UsageError as error:
        raise HTTPException(404, str(error)) from error
    if room.view.signed is None:
        said = room.fault or f"{name} read expected, got that it is being read; ask again in a moment"
        raise HTTPException(503, said)
    return room


def _run(room: Room) -> models.Run:
    view = room.view
    known: dict[str, Any] = {
        "name": room.name,
        "fault": view.fault,
        "entries": view.size,
        "read": view.state.entries,
        "newest_at": view.state.latest_at,
        "version": view.version,
    }
    try:
        status, charter = room.status(), room.signed.charter
    except DetentError:
        nothing: dict[str, Any] = dict.fromkeys(models.Run.model_fields) | {
            "title": "",
            "purpose": "",
            "state": "unreadable",
        }
        return models.Run(**nothing | known)
    return models.Run(
        **known,
        title=charter.name,
        purpose=charter.purpose,
        state=status["state"],
        generation=status["generation"],
        promoted=status["promoted"],
        ladder_start=status["ladder"]["start"],
        ladder=status["ladder"]["now"],
        lease_left=status["lease"]["left"],
        error_budget=models.ErrorBudget(
            total=status["error_budget"]["total"], spent=status["error_budget"]["spent"]
        ),
        request=status["request"],
        held=None if status["hold"] is None else models.Held(**status["hold"]),
    )


def _generation(turn: Turn) -> models.Generation:
    opening: Opening | None = turn.opening
    gain = opening.gain if opening else None
    return models.Generation(
        generation=turn.generation,
        at=turn.at,
        decision=turn.decision,
        because=turn.because,
        candidate=turn.candidate,
        incumbent=turn.incumbent,
        verdict=opening.verdict if opening else None,
        proven=turn.proven,
        alpha=opening.alpha if opening else None,
        gain=models.Gain(low=gain.low, high=gain.high, items=gain.items) if gain else None,
        items=opening.items if opening else None,
        ladder=turn.ladder,
        line=generation_line(turn),
    )


def _request(asked: Asked) -> dict[str, Any]:
    request, answer = asked.request, asked.answer
    return {
        "number": request.number,
        "generation": request.generation,
        "at": request.at,
        "candidate": request.candidate,
        "reasons": list(request.reasons),
        "unchecked": list(request.unchecked),
        "approvers": request.approvers,
        "expires": request.expires,
        "answer": answer
        and models.Answer(
            verdict=answer.verdict,
            because=answer.because,
            signers=list(answer.signers),
            at=answer.at,
            seconds=answer.seconds,
        ),
    }


def _documents(slots: Mapping[str, LedgerEntry]) -> dict[str, dict[str, Any]]:
    return {slot: entry_document(entry) for slot, entry in islice(slots.items(), 1_000)}


def _entry(index: int, leaf: bytes, entry: LedgerEntry) -> models.Entry:
    return models.Entry(
        index=index,
        kind=entry.kind,
        at=entry.at,
        generation=entry.generation,
        leaf_hash=leaf.hex(),
        entry=entry_document(entry),
    )
