"""A run's ledger as it lies there, to be verified: `/runs/{name}/ledger/...` (C2SP tlog-tiles), and `log.vkey`.

    curl http://127.0.0.1:8734/runs/demo/ledger/tile/entries/000.p/115

Only what a published ledger consists of is served. An address is read into numbers, and a file's name is made from
those: no part of what was asked for is ever put into a path. What is served is not checked here; its reader does.
"""

import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from detent.audit import plain_file
from detent.errors import UsageError
from detent.ledger.tiles import LARGEST_ENTRY, LENGTH_BYTES, WIDTH, bundle_path, tile_path
from detent.web.house import House

HIGHEST_LEVEL = 63  # tlog-tiles, "Merkle Tree"
LARGEST_NOTE = 1_000_000
LARGEST_TILE = WIDTH * 32
LARGEST_BUNDLE = WIDTH * (LENGTH_BYTES + LARGEST_ENTRY)

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
FOR_EVER = "public, max-age=31536000, immutable"
"""A full tile never changes. Partial ones do not either, but go once the full one is there."""
FOR_AN_HOUR = "public, max-age=3600"
ASK_AGAIN = "no-cache"

_NUMBER = re.compile(r"(?P<groups>(?:x[0-9]{3}/){0,4})(?P<last>[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?")
_LEVEL = re.compile(r"0|[1-9][0-9]?")


def router(house: House) -> APIRouter:
    """The routes of every run's ledger."""
    routes = APIRouter(include_in_schema=False)

    # Plain functions: the framework runs them in threads, since a disk may make them wait.
    @routes.api_route("/runs/{name}/log.vkey", methods=["GET", "HEAD"])
    def log_vkey(name: str, request: Request) -> Response:
        return _tagged(request, _read(_folder(house, name) / "log.vkey", LARGEST_NOTE))

    @routes.api_route("/runs/{name}/ledger/checkpoint", methods=["GET", "HEAD"])
    def checkpoint(name: str, request: Request) -> Response:
        return _tagged(request, _read(_ledger(house, name) / "checkpoint", LARGEST_NOTE))

    @routes.api_route("/runs/{name}/ledger/cosigned", methods=["GET", "HEAD"])
    def cosigned(name: str, request: Request) -> Response:
        return _tagged(request, _read(_ledger(house, name) / "cosigned", LARGEST_NOTE))

    @routes.api_route("/runs/{name}/ledger/tile/entries/{number:path}", methods=["GET", "HEAD"])
    def bundle(name: str, number: str) -> Response:
        index, width = _numbers(number)
        return _kept(_read(_ledger(house, name) / bundle_path(index, width), LARGEST_BUNDLE), width)

    @routes.api_route("/runs/{name}/ledger/tile/{level}/{number:path}", methods=["GET", "HEAD"])
    def tile(name: str, level: str, number: str) -> Response:
        if not _LEVEL.fullmatch(level) or int(level) > HIGHEST_LEVEL:
            raise _nothing()
        index, width = _numbers(number)
        return _kept(_read(_ledger(house, name) / tile_path(int(level), index, width), LARGEST_TILE), width)

    return routes


def _numbers(text: str) -> tuple[int, int]:
    """Index and width of `x001/x234/067.p/8`, in the one spelling that each has."""
    match = _NUMBER.fullmatch(text)
    if match is None or not text.isascii():
        raise _nothing()
    index = int(match["groups"].replace("x", "").replace("/", "") + match["last"])
    width = int(match["width"] or WIDTH)
    if width > WIDTH or bundle_path(index, width) != f"tile/entries/{text}":
        raise _nothing()
    return index, width


def _folder(house: House, name: str) -> Path:
    try:
        return house.run(name).folder
    except UsageError as error:
        raise _nothing() from error


def _ledger(house: House, name: str) -> Path:
    return _folder(house, name) / "ledger"


def _read(path: Path, most: int) -> bytes:
    content = plain_file(path, most)
    if content is None:
        raise _nothing()
    return content


def _kept(content: bytes, width: int) -> Response:
    return Response(
        content, media_type=BYTES, headers={"Cache-Control": FOR_EVER if width == WIDTH else FOR_AN_HOUR}
    )


def _tagged(request: Request, content: bytes) -> Response:
    """What grows: sent anew only to whoever has another one."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Cache-Control": ASK_AGAIN, "ETag": tag}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=TEXT, headers=headers)


def _nothing() -> HTTPException:
    return HTTPException(404, "no such file")
