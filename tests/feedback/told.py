"""What a filled template says to a reader that sees its pieces, and to one that sees nothing but the text."""

import re
from collections.abc import Sequence

from detent.feedback import Piece
from detent.feedback.templates import QUOTE


def told(filled: Sequence[Piece]) -> list[str]:
    """What stands in the places, in order: the lines behind quotes put together again."""
    found: list[str] = []
    data = quoted = False  # what the last two pieces were
    for piece in filled:
        if piece.data and data and quoted:
            found[-1] += piece.text
        elif piece.data:
            found.append(piece.text)
        data, quoted = piece.data or (data and piece.text == QUOTE), not piece.data and piece.text == QUOTE
    return found


def read(text: str) -> tuple[list[str], list[str]]:
    """Of a fenced text: the template's lines, marks left out, and what stands in its places. No mark is compared."""
    frame: list[str] = []
    places: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if not line.startswith(QUOTE):
            frame.append(re.sub(r"[0-9a-f]{12}", "MARK", line))
        elif inside:
            places[-1] += line[len(QUOTE) :]
        else:
            places.append(line[len(QUOTE) :])
        inside = line.startswith(QUOTE)
    return frame, [place.removesuffix("\n") for place in places]
