"""Prompts as data: a text with named places, and what goes into them told apart from the text for good.

    >>> revise = Template("{prompt}{draft}~")                             # for a model that reads characters
    >>> "".join(piece.text for piece in revise.fill(prompt="C12=", draft="1{prompt}"))
    'C12=1{prompt}~'
    >>> judge = Template("Between lines with {mark} stands data. ...", fenced=True)      # for a language model

A template is split at its places once; filling never looks at the result again, so braces, quotes or whole
templates inside an answer stay what they are.  What no splitting prevents is that the *model* takes an answer for
the prompt around it.  Two ways to let it tell them apart:

- *fenced*: each place's content stands between two lines with a mark, 12 hex digits of a hash of all content,
  found in none of it and in no text of the template. An answer cannot close a fence whose mark depends on it.
  Each of its lines begins with `> `, as no line of the template does: a small model reads no mark, but sees that.
- *plain*: no fence, for models too small to read one. Then content that holds any text that stands in the template
  (here `~`) does not fit, and is not filled in. Two places with no text between them cannot be told apart: right
  only where what stands first ends by itself, as `C12=` does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from detent.errors import SubjectError, UsageError
from detent.values import sha256_hex

PLACES = ("prompt", "draft", "critique", "principle", "first", "second")
"""What a template may name in braces."""

MARK = "mark"
"""What a fenced template may name too: the mark of its fences."""

QUOTE = "> "
"""What each line of content begins with in a fenced template, and no line of the template itself."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
_MARK_DIGITS = 12


class Piece(NamedTuple):
    """A part of a filled template."""

    text: str
    data: bool  # it came from outside


Filled = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places in braces; any brace that names no place in lower case is text.

    Raises:
        UsageError: it names a place that there is none of, or it is fenced and quotes a line itself.
    """

    text: str
    fenced: bool = False
    _parts: tuple[str, ...] = field(init=False, repr=False, compare=False)  # texts and names by turns

    def __post_init__(self) -> None:
        """Split it, once."""
        parts = tuple(_PLACE.split(self.text))
        allowed = {*PLACES, MARK} if self.fenced else set(PLACES)
        if unknown := sorted(set(parts[1::2]) - allowed):
            raise UsageError(
                f"places out of {', '.join(sorted(allowed))} expected, got {unknown[0]}; mend the template"
            )
        if self.fenced and any(line.startswith(QUOTE) for line in self.text.splitlines()):
            raise UsageError(
                f"a fenced template without lines that begin with {QUOTE!r} expected, got {self.text!r}; so data begins"
            )
        object.__setattr__(self, "_parts", parts)

    @property
    def places(self) -> frozenset[str]:
        """The places that it has."""
        return frozenset(self._parts[1::2]) - {MARK}

    def needs(self, *places: str) -> "Template":
        """The template itself, when it has all of these places.

        Raises:
            UsageError: it lacks one.
        """
        if missing := sorted(set(places) - self.places):
            raise UsageError(f"a template with {{{missing[0]}}} expected, got {self.text!r}; add the place")
        return self

    def fits(self, **content: str) -> bool:
        """Whether this content can be told apart from the template once it is filled in."""
        texts = [text for text in self._parts[::2] if text]
        return self.fenced or not any(text in content[place] for place in self.places for text in texts)

    def fill(self, **content: str) -> Filled:
        """The pieces in order; content for places that the template does not have is left out.

        Raises:
            SubjectError: the content does not fit (ask `fits` first).
        """
        if not self.fits(**content):
            raise SubjectError(f"content without the template's own text expected, got {content}; drop it")
        mark = (
            _mark(self._parts[::2], {place: content[place] for place in self.places}) if self.fenced else ""
        )
        pieces: list[Piece] = []
        for number, part in enumerate(self._parts):
            if number % 2 == 0:
                pieces.append(Piece(part, data=False))
            elif part == MARK:
                pieces.append(Piece(mark, data=False))
            elif self.fenced:
                pieces += [Piece(f"<{mark}>\n", data=False), *_quoted(content[part])]
                pieces.append(Piece(f"\n</{mark}>", data=False))
            else:
                pieces.append(Piece(content[part], data=True))
        return tuple(piece for piece in pieces if piece.text or piece.data)


def joined(filled: Filled) -> str:
    """The text of a filled template, as a model reads it."""
    return "".join(piece.text for piece in filled)


def _quoted(content: str) -> list[Piece]:
    """Its lines, whatever breaks them, each behind a quote; text that ends with a break has an empty last line."""
    lines = content.splitlines(keepends=True)
    if not lines or lines[-1].splitlines() != [lines[-1]]:
        lines.append("")
    return [piece for line in lines for piece in (Piece(QUOTE, data=False), Piece(line, data=True))]


def _mark(texts: tuple[str, ...], content: Mapping[str, str]) -> str:
    """A mark that is in none of the texts; the same whichever place each content stands in.

    So two answers that change places leave the rest of the prompt as it was, and a place tells nothing.
    """
    held = sorted(content.values())
    number = 0
    while True:
        mark = sha256_hex("\0".join([str(number), *held]).encode())[:_MARK_DIGITS]
        if not any(mark in text for text in (*texts, *held)):
            return mark
        number += 1
