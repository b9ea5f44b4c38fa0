"""The page where a person gives a read token for a cookie.

    POST /login      token=detent-read-...&next=/runs/demo

The token is in the body, never in an address: addresses are kept in logs and histories.
"""

import re
from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from detent.web.readers import Readers
from detent.web.refusing import page

_PATH = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?")
"""Of this server: two slashes at the beginning would name another."""


def router(readers: Readers) -> APIRouter:
    """Log in, log out, and the session's token for programs."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def ask(request: Request) -> Response:
        return _page(_local(request.query_params.get("next", "")))

    @routes.post("/login")
    async def begin(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=8)
        token, then = (fields.get(name, [""])[0] for name in ("token", "next"))
        if not readers.knows(token.strip()):
            return _page(_local(then), "That is no read token of this server.")
        return RedirectResponse(_local(then), 303, {"Set-Cookie": readers.begin()})

    @routes.post("/logout")
    def end(request: Request) -> Response:
        return RedirectResponse("/login", 303, {"Set-Cookie": readers.end(request.headers)})

    @routes.get("/api/v1/token")
    def token(request: Request) -> dict[str, str]:
        return {"token": request.state.token}

    return routes


def _local(then: str) -> str:
    return then if _PATH.fullmatch(then) else "/"


def _page(then: str, wrong: str = "") -> Response:
    body = (
        f'<p role="alert">{escape(wrong)}</p>'
        '<form method="post" action="/login" autocomplete="off">'
        f'<input type="hidden" name="next" value="{escape(then)}">'
        '<p><label for="token">Read token</label> '
        '<input id="token" name="token" type="password" required autofocus></p>'
        "<p><button>Read</button></p></form>"
        "<p>Whoever runs this server makes one with <code>detent key read-token</code>. It lets you read; "
        "decisions are signed with a steward's own key.</p>"
    )
    return HTMLResponse(page("Log in", body), 403 if wrong else 200)
