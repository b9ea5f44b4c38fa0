"""How long an answer may be: so much longer than its prompt, or so long whatever the prompt.

>>> room_after(4, 4), room_after(4, AtMost(64))
(8, 64)
"""

from msgspec import Struct


class AtMost(Struct, frozen=True, forbid_unknown_fields=True):
    """So many tokens, of an answer to any prompt."""

    tokens: int

    def __str__(self) -> str:
        return f"{self.tokens} tokens"


Room = int | AtMost
"""A number: tokens by which an answer may be longer than its prompt. Neither counts the end mark."""

LONGEST_TOKEN = 8
"""Characters of a token on the average of an answer, beyond which nobody is believed to have written that few."""


def room_after(prompt: int, room: Room) -> int:
    """The most tokens of an answer to a prompt of so many tokens, the end mark not counted."""
    return room.tokens if isinstance(room, AtMost) else prompt + room


def room_for(prompt: int, room: Room, wanted: int) -> Room:
    """The same, or as much more as `wanted` tokens take after a prompt of so many."""
    return AtMost(max(room.tokens, wanted)) if isinstance(room, AtMost) else max(room, wanted - prompt)


def one_more(room: Room) -> Room:
    """The same with a token more."""
    return AtMost(room.tokens + 1) if isinstance(room, AtMost) else room + 1
