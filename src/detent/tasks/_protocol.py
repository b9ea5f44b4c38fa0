"""What is said between Detent and the process that runs a user's task: one JSON line each way and item.

In: `Load` once, then `Draw` and `Check`. Out: `Loaded`, and one `Drawn` or `Checked` an item; a `Fault` ends
the call. Streams cross as hex seeds. The host believes what it is told; the other side believes nothing.
"""

import msgspec
from msgspec import Struct

from detent.values import Problem


class _Line(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """Common shape of everything on the pipe."""


class Load(_Line, frozen=True, tag="load"):
    """The task file's text, and what its code may use: seconds an item, bytes of memory."""

    source: str
    seconds: float
    memory: int


class Draw(_Line, frozen=True, tag="draw"):
    """(level, seed in hex) of each problem asked for."""

    asks: tuple[tuple[int, str], ...]


class Check(_Line, frozen=True, tag="check"):
    """Problems and the completions to judge."""

    pairs: tuple[tuple[Problem, str], ...]


class Loaded(_Line, frozen=True, tag="loaded"):
    """The class was made; what it calls itself."""

    name: str


class Drawn(_Line, frozen=True, tag="drawn"):
    """One problem."""

    problem: Problem


class Checked(_Line, frozen=True, tag="checked"):
    """One judgement."""

    right: bool


class Fault(_Line, frozen=True, tag="fault"):
    """The task's code did what it must not; `where` is file:line, or the file."""

    message: str
    where: str


Call = Load | Draw | Check
Reply = Loaded | Drawn | Checked | Fault

_calls: msgspec.json.Decoder[Call] = msgspec.json.Decoder(Call)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def encode_line(record: Call | Reply) -> bytes:
    """One line, its newline included."""
    return msgspec.json.encode(record) + b"\n"


def decode_call(line: bytes) -> Call:
    """Read what Detent asks; raises msgspec.DecodeError when it is no call."""
    return _calls.decode(line)


def decode_reply(line: bytes) -> Reply:
    """Read what the host answered; raises msgspec.DecodeError when it is no reply."""
    return _replies.decode(line)
