"""Tables of a look inside: tokens that flipped and what layers say, which are tables alone; and those behind pictures.

A table that would be too long for a page ends with a row that says how many are left out.
"""

from collections.abc import Iterable

from msgspec import UNSET, Struct

from detent.report import _inside_words as said
from detent.report import _words as words
from detent.report.figures import Table
from detent.values import Interpreted
from detent.values.inside import Tokens, Words

MOST_ROWS = 200
"""Rows of a table."""


class Listed(Struct, frozen=True):
    """A table that stands for itself."""

    title: str
    caption: str
    table: Table


def lists(found: Interpreted) -> tuple[Listed, ...]:
    """The sections that are tables: tokens that flipped, and what layers say."""
    made = []
    if found.words is not UNSET and found.words.examples:
        made.append(_flips(found.words))
    if found.tokens is not UNSET and found.tokens.layers:
        made.append(_tokens(found.tokens))
    return tuple(made)


def capped(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], numbers: int = 0) -> Table:
    """A table of so many rows that a page can hold, and one that says what is left out."""
    every = list(rows)
    if len(every) > MOST_ROWS:
        left = f"and {words.count(len(every) - MOST_ROWS)} more"
        every = [*every[:MOST_ROWS], (left, *[""] * (len(head) - 1))]
    return Table(head, tuple(every), numbers)


def pair_text(pair: tuple[int, int]) -> str:
    """A pair of layers or blocks: `3`, or `2 to 3` where the number is another now."""
    was, now = pair
    return str(now) if was == now else f"{was} to {now}"


def _flips(found: Words) -> Listed:
    rows = tuple(
        (
            said.quoted(one.prompt, 40),
            said.quoted(one.so_far, 40),
            said.quoted(one.before),
            said.quoted(one.after),
            said.figure(one.divergence),
        )
        for one in found.examples
    )
    return Listed(
        "Tokens that flipped",
        f"Places where the likeliest token is another: the {len(rows)} that differ most, in the models' own text.",
        Table(("prompt", "so far", "before", "after", "KL, nats"), rows, numbers=4),
    )


def _tokens(found: Tokens) -> Listed:
    rows = (
        (
            pair_text(one.layers),
            ", ".join(map(said.quoted, one.more)) or "-",
            ", ".join(map(said.quoted, one.fewer)) or "-",
            said.percent(one.size),
        )
        for one in found.layers
    )
    return Listed(
        "What layers say more and less of",
        f"The mean difference of each layer over {words.number_of(found.places, 'place')}, as after would say it.",
        capped(("layer", "more of", "less of", "moved by"), rows, numbers=3),
    )
