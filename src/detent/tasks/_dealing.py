r"""Which pool a row of a file belongs to: a public function of its prompt, the same for ever and for everyone.

    >>> deal("What is 2 + 2?", Shares(sealed=0.5, shown=0.1, openings=8))
    'opening 7'

The bytes of the prompt in UTF-8, ASCII letters in lower case, each run of ASCII white space as one space, none at the
ends, are hashed: h = SHA-256("detent/rows/v1" || 00 || bytes). With u the first 8 bytes of h over 2^64:

    u < sealed            sealed, and of opening 1 + (the next 8 bytes, big-endian) mod `openings`
    u < sealed + shown    shown: asked in the open, never trained on
    else                  taught: true answers on the seed levels, labels above

So prompts that differ in case or space alone are never in two pools. The hash is public, not keyed: whoever checks a
run sees from the file alone that nothing sealed was taught; nothing is lost, for whoever has the file has its answers.
"""

from hashlib import sha256
from typing import NamedTuple

LABEL = b"detent/rows/v1\0"
_WHOLE = 1 << 64

TAUGHT, SHOWN = 0, -1
"""Places of `place_of` beside the openings 1, 2, 3, ..."""


class Shares(NamedTuple):
    """How a file's rows are dealt. sealed, shown: shares of them, the rest is taught. openings: parts of the sealed."""

    sealed: float
    shown: float
    openings: int


def place_of(prompt: str, shares: Shares) -> int:
    """The opening that a row belongs to, or TAUGHT or SHOWN."""
    drawn = sha256(LABEL + plain_bytes(prompt)).digest()
    first = int.from_bytes(drawn[:8], "big")
    if first < int(shares.sealed * _WHOLE):
        return 1 + int.from_bytes(drawn[8:16], "big") % shares.openings
    return SHOWN if first < int((shares.sealed + shares.shown) * _WHOLE) else TAUGHT


def plain_bytes(prompt: str) -> bytes:
    """A prompt's bytes as they are hashed: the same for all that differ in case and space of ASCII alone."""
    return b" ".join(prompt.encode().lower().split())


def deal(prompt: str, shares: Shares) -> str:
    """The same in words: "taught", "shown" or "opening 3"."""
    place = place_of(prompt, shares)
    return {TAUGHT: "taught", SHOWN: "shown"}.get(place, f"opening {place}")
