"""What a client is told when it gets no for an answer: what was expected, what was got, what to do.

    {"error": {"kind": "UsageError", "said": "...", "expected": "...", "got": "...", "do": "..."}}

The same sentence for people is a short page. Nothing that a client sent is in it but as text.
"""

import re
from collections.abc import Mapping
from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from detent.errors import (
    BusyError,
    CharterError,
    DetentError,
    PeerError,
    StorageError,
    TrustError,
    UsageError,
)
from detent.report import plain

_STATUS: tuple[tuple[type[DetentError], int], ...] = (
    (UsageError, 400),
    (CharterError, 403),
    (BusyError, 409),
    (TrustError, 500),
    (PeerError, 502),
    (StorageError, 507),
)
_SAID = re.compile(
    r"(?P<expected>.+?) expected(?P<where>[^;]*?), got:? ?(?P<got>.+?)(?:; (?P<do>.+))?", re.DOTALL
)
MOST_SAID = 2_000


def status_of(error: DetentError) -> int:
    """The HTTP status of an error of the tree; 500 of what has none."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refusal(
    scope: Scope, status: int, said: str, kind: str = "Refused", headers: Mapping[str, str] | None = None
) -> Response:
    """The answer: JSON for programs, a page for browsers."""
    said = plain(said[:MOST_SAID])
    if not wants_page(scope):
        return JSONResponse({"error": told(said, kind)}, status, headers)
    return HTMLResponse(
        page(f"{status}", f"<p>{escape(said)}</p><p><a href='/'>All runs</a></p>"), status, headers
    )


def told(said: str, kind: str) -> dict[str, str]:
    """A sentence taken apart as far as it has parts."""
    found = _SAID.fullmatch(said)
    parts = {name: text for name, text in found.groupdict("").items() if name != "where"} if found else {}
    return {"kind": kind, "said": said, "expected": "", "got": "", "do": "", **parts}


def wants_page(scope: Scope) -> bool:
    """Whether a person's browser asks: for a page, and not below /api."""
    return "text/html" in Headers(scope=scope).get("accept", "") and not scope["path"].startswith("/api/")


def page(title: str, body: str) -> str:
    """A short page. title, body: HTML that was escaped already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/static/style.css">'
        f"<title>{title} - Detent</title></head>"
        '<body class="dashboard"><header class="bar"><nav aria-label="Dashboard">'
        '<a class="brand" href="/">Detent</a></nav></header>'
        f"<main><h1>{title}</h1>{body}</main></body></html>"
    )
