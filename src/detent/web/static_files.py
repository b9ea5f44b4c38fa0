"""The dashboard's own files: style sheets and scripts, which pages load from here and nowhere else."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import HTTPException, Request
from fastapi.responses import Response

from detent.report.rendering import style

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def served(name: str) -> bool:
    """Whether there is such a file."""
    return name in _files()


def static_file(name: str, request: Request) -> Response:
    """The file, or that it is the one that the browser has. Raises HTTPException 404."""
    content = _file(name)
    kind = TYPES.get(name[name.rfind(".") :])
    if content is None or kind is None:
        raise HTTPException(404, "the name of one of the dashboard's files expected, got another")
    headers = {"ETag": _tag(name), "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)


def _file(name: str) -> bytes | None:
    """Names are compared, never put into a path."""
    return _files().get(name)


@cache
def _files() -> dict[str, bytes]:
    """By name; the style sheet is the report's, and after it what only the dashboard has."""
    folder = files("detent.web").joinpath("static")
    own = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    return {**own, "style.css": style().encode() + own["style.css"]}


@cache
def _tag(name: str) -> str:
    return f'"{sha256(_files()[name]).hexdigest()[:32]}"'
