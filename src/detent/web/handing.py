"""What people decide in the browser: the bytes to sign go out, envelopes come in, and no key is ever here.

    POST /api/v1/runs/demo/drafts      {"kind": "approve", "request": 1, "because": "looked at every row"}
    POST /api/v1/runs/demo/envelopes   {"envelope": "..."}

An envelope is handed in as `detent approve` hands one in: whoever sent it is not believed, only its signatures are.
"""

import base64
import hashlib
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from detent.assembly import (
    Handed,
    ToSign,
    draft_answer,
    draft_enrolment,
    draft_lease,
    draft_order,
    draft_waiting,
    enrol,
    hand_in,
    waiting_for,
)
from detent.assembly.places import data_folder
from detent.charter import CHARTER_TYPE
from detent.errors import BusyError, DetentError, StorageError, TrustError, UsageError
from detent.oversight import payload_digest, type_of
from detent.signing import VerifyKey, signers_of, tidied
from detent.values import sha256_hex
from detent.web.handed import (
    Became,
    Drafted,
    Enrolled,
    Fault,
    Faulty,
    Newcomer,
    Signed,
    Waiting,
    WaitingKey,
    Wanted,
)
from detent.web.kept import common, room_of
from detent.web.rooms import House
from detent.web.showing import show

LARGEST_BODY = 131_072
"""Bytes of a request: the largest envelope, written as text in JSON."""

PATIENCE = 2.0
"""Seconds to wait for another hand-in to the same run; a halt must not wait for long."""

MOST_WRONG_CODES = 10
"""Within a minute, of one run; then nobody enrols for a while."""

MINUTE = 60.0


class Guesses:
    """Wrong codes of each run within the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = defaultdict(deque)
        self._guard = threading.Lock()

    def check(self, run: str) -> None:
        """Raises TrustError when there were too many."""
        with self._guard:
            wrong = self._wrong[run]
            while wrong and wrong[0] < self._clock() - MINUTE:
                wrong.popleft()
            if len(wrong) >= MOST_WRONG_CODES:
                raise TrustError(
                    f"at most {MOST_WRONG_CODES} wrong codes a minute expected, got more; wait a minute, then try again"
                )

    def wrong(self, run: str) -> None:
        """Note one."""
        with self._guard:
            self._wrong[run].append(self._clock())


class Turns:
    """One hand-in to a run at a time: two would find each other at work, and one would wait for the next session."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def of(self, run: str) -> Iterator[None]:
        """Whoever waited for long goes on all the same: it is then taken in as beside another process."""
        lock = self._locks[run]
        mine = lock.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                lock.release()


class JsonRoute(APIRoute):
    """Takes JSON of a bounded size, and says what is wrong as `Fault`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with both."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                if request.method == "POST":
                    _check_body(request)
                return await answer(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
                return _fault(UsageError(f"{place}: {first['msg']} expected, got another; correct it"), 422)
            except _NoSuchRunError as error:
                return _fault(error.said, 404)
            except DetentError as error:
                return _fault(error, _status(error))

        return handler


def router(house: House) -> APIRouter:
    """The endpoints by which people decide, and the page where a browser enrols its key."""
    api = APIRouter(route_class=JsonRoute, tags=["deciding"], responses={400: {"model": Faulty}})
    guesses, turns = Guesses(), Turns()

    @api.post("/api/v1/runs/{name}/drafts")
    def draft(name: str, wanted: Wanted) -> Drafted:
        """What is to be signed, to the byte: the same that the command line would sign."""
        folder = _folder(house, name)
        with _without(folder):
            return _drafted(_to_sign(folder, wanted), folder)

    @api.post("/api/v1/runs/{name}/envelopes")
    def envelopes(name: str, signed: Signed, response: Response) -> Became:
        """Hand in an envelope; says whether it stands on the ledger, waits, or was refused."""
        folder = _folder(house, name)
        with _without(folder):
            envelope = tidied(signed.envelope, type_of(signed.envelope))
            digest = payload_digest(envelope)
            try:
                with turns.of(name):
                    handed = hand_in(folder, envelope)
            except (BusyError, StorageError):
                raise
            except DetentError as error:
                response.status_code = 409
                return Became(became="refused", digest=digest, why=_said(error, folder))
        response.status_code = 200 if handed.entry else 202
        return _became(handed, digest, folder)

    @api.get("/api/v1/runs/{name}/waiting")
    def waiting(name: str) -> list[Waiting]:
        """What waits for signatures, drafts of enrolments among it."""
        folder = _folder(house, name)
        with _without(folder):
            return [_waiting(digest, one, folder) for digest, one in waiting_for(folder).items()]

    @api.post("/api/v1/runs/{name}/enrolments/draft")
    def enrolment(name: str, newcomer: Newcomer) -> Drafted:
        """The charter with a newcomer's key, for their browser to sign; the code is not used up."""
        folder = _folder(house, name)
        with _without(folder), _guessed(guesses, name):
            draft = draft_enrolment(folder, newcomer.code, VerifyKey.parse(newcomer.key))
            return _drafted(draft, folder)

    @api.post("/api/v1/runs/{name}/enrolments", status_code=201)
    def enrolments(name: str, enrolled: Enrolled) -> WaitingKey:
        """Lay the amendment down for the quorum in force to sign; the code is used up."""
        folder = _folder(house, name)
        with _without(folder), turns.of(name), _guessed(guesses, name):
            digest = enrol(folder, enrolled.code, VerifyKey.parse(enrolled.key), enrolled.envelope)
        return WaitingKey(digest=digest, next=f"detent charter sign DIR {digest[:12]} --key FILE")

    @api.get("/runs/{name}/enrol", include_in_schema=False)
    def enrol_page(name: str, request: Request) -> Response:
        """Where a browser makes its key."""
        return show("enrol.html.jinja", **common(request, house, room_of(house, name)))

    @api.get("/runs/{name}/sign", include_in_schema=False)
    def sign_page(name: str, request: Request) -> Response:
        """Where a browser signs what waits for signatures, and lets a run go on."""
        return show("sign.html.jinja", **common(request, house, room_of(house, name)))

    return api


def _check_body(request: Request) -> None:
    """JSON and nothing else: what a form on another site can send without asking is no JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UsageError(f"Content-Type application/json expected, got {kind[:80]!r}; send JSON")
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and int(length) <= LARGEST_BODY):
        raise UsageError(
            f"a body of at most {LARGEST_BODY} bytes, with its Content-Length, expected, got {length[:20]!r}; send less"
        )


def _to_sign(folder: Path, wanted: Wanted) -> ToSign:
    match wanted.kind:
        case "approve" | "deny":
            return draft_answer(folder, _given(wanted.request, "request"), wanted.kind, wanted.because)
        case "lease":
            generations = _given(wanted.generations, "generations")
            return draft_lease(folder, generations, hours=wanted.hours, petaflop=wanted.petaflop)
        case "countersign":
            return draft_waiting(folder, wanted.digest)
        case order:
            return draft_order(folder, order, wanted.because, to=wanted.to)


def _given(value: int | None, what: str) -> int:
    if value is None:
        raise UsageError(f"a number as {what} expected, got none; add it")
    return value


def _drafted(draft: ToSign, folder: Path) -> Drafted:
    kind = draft.payload_type
    head = f"DSSEv1 {len(kind)} {kind} {len(draft.payload)} ".encode()
    return Drafted(
        payload=base64.b64encode(draft.payload).decode(),
        payload_type=kind,
        digest=sha256_hex(draft.payload),
        pae_sha256=hashlib.sha256(head + draft.payload).hexdigest(),
        says=draft.says(folder),
        stewards=[str(key) for key in draft.signed.stewards],
        in_force=draft.signed.text if kind == CHARTER_TYPE else None,
    )


def _became(handed: Handed, digest: str, folder: Path) -> Became:
    if handed.entry is None:
        return Became(became="waits", digest=digest, why=_hidden(handed.waits, folder))
    return Became(became="on the ledger", digest=digest, entry=handed.entry.kind, at=handed.entry.at)


def _waiting(digest: str, one: ToSign, folder: Path) -> Waiting:
    signers = signers_of(one.envelope, one.payload_type, one.signed.stewards)
    return Waiting(digest=digest, payload_type=one.payload_type, signers=list(signers), says=one.says(folder))


def _folder(house: House, name: str) -> Path:
    try:
        return house.run(name).folder
    except UsageError as error:
        raise _NoSuchRunError(error) from error


class _NoSuchRunError(Exception):
    """No run of that name is served: no mistake of the tree, since only addresses can make it."""

    def __init__(self, said: UsageError) -> None:
        super().__init__(str(said))
        self.said = said


@contextmanager
def _guessed(guesses: Guesses, run: str) -> Iterator[None]:
    guesses.check(run)
    try:
        yield
    except TrustError:
        guesses.wrong(run)
        raise


@contextmanager
def _without(folder: Path) -> Iterator[None]:
    """Errors that do not say where on the server's disk the run lies."""
    try:
        yield
    except DetentError as error:
        raise type(error)(_said(error, folder)) from error


def _said(error: DetentError, folder: Path) -> str:
    return _hidden(str(error), folder)


def _hidden(text: str, folder: Path) -> str:
    return text.replace(str(folder), "DIR").replace(str(data_folder()), "DATA")


def _status(error: DetentError) -> int:
    match error:
        case UsageError():
            return 400
        case StorageError():
            return 507
        case BusyError():
            return 503
        case _:
            return 409


def _fault(error: DetentError, status: int) -> JSONResponse:
    """The three parts as messages have them; of one that has another form, the whole as what was got."""
    said = str(error)
    parts = re.fullmatch(r"(?s)(.*?),? expected(,.*?)?, got (.*?)(?:[;:] ([^;]*))?", said)
    what, terms, got, then = parts.groups(default="") if parts else ("", "", said, "")
    fault = Fault(kind=type(error).__name__, said=said, expected=what + terms, got=got, do=then)
    return JSONResponse(Faulty(error=fault).model_dump(), status)
