"""How pages are made: templates that escape everything, links, and long lists cut into pages.

    >>> show("runs.html.jinja", request, title="Runs", runs=found)

A page is text from a ledger, a model or a task in elements of ours: `detent.report`'s environment escapes every value
and takes out of it what cannot be seen.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from fastapi import HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

from detent.report.rendering import environment
from detent.report.shown import clip, plain
from detent.web.static_files import served

T = TypeVar("T")

LONGEST = 4_000
"""Characters of one text that a page shows."""

NO_NUMBER = 10**9
"""Above every generation, page, index or request that there can be."""


class Piece(NamedTuple, Generic[T]):
    """A part of a long list. number: of the page, from 1. total: of all items. newer, older: queries, "" for none."""

    items: Sequence[T]
    number: int
    last: int
    total: int
    newer: str
    older: str


def piece(items: Sequence[T], number: int, size: int, query: Mapping[str, object] | None = None) -> Piece[T]:
    """The page of that number; one beyond the end is the last. query: what else the page's address asks for."""
    return piece_of(len(items), number, size, lambda start, stop: items[start:stop], query)


def piece_of(
    total: int, number: int, size: int, take: Any, query: Mapping[str, object] | None = None
) -> Piece[Any]:
    """The same of a list that `take(start, stop)` reads a part of."""
    last = max(1, -(-total // size))
    number = min(max(number, 1), last)
    start = (number - 1) * size

    def at(other: int) -> str:
        kept = {key: value for key, value in (query or {}).items() if value not in ("", None)}
        return "?" + urlencode({**kept, "page": other}) if 1 <= other <= last else ""

    return Piece(take(start, min(start + size, total)), number, last, total, at(number - 1), at(number + 1))


def whole_number(text: str, default: int) -> int:
    """A number out of an address; what is none, or too large to be one of ours, is the default."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(NO_NUMBER)) else default


def address(run: str, *parts: object) -> str:
    """The address of a page of a run: every part is quoted."""
    return "/" + "/".join(quote(str(part), safe="") for part in ("runs", run, *parts))


def missing(what: str, wanted: object) -> HTTPException:
    """404: there is no such thing."""
    return HTTPException(404, f"{what} expected, got {clip(plain(str(wanted)), 80)}; there is none")


def show(template: str, **values: object) -> HTMLResponse:
    """The page."""
    return HTMLResponse(_templates().get_template(template).render(**values))


def lines_of(text: str, most: int = LONGEST) -> list[str]:
    """A text's lines for a reader: cut, with a last line that says so."""
    cut = text[:most]
    left = len(text) - len(cut)
    return [*map(plain, cut.splitlines()), *([f"… {left:,} more characters"] if left else [])] or [""]


@cache
def _templates() -> Environment:
    ours = PackageLoader("detent.web")
    made = environment(
        ChoiceLoader([ours, PrefixLoader({"report": PackageLoader("detent.report")})]), LONGEST
    )
    made.globals |= {"address": address, "served": served, "newline": Markup("\n")}
    made.filters |= {"lines": lines_of}
    return made
