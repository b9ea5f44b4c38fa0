"""What is said between Detent and the process that runs a user's code: one JSON line each way and item.

In: `Load` once, then `Draw`, `Check` and `Mark` of a task, `Look` of a tripwire, `Accept` of a proxy. Out: `Loaded`,
and one `Drawn`, `Checked`, `Marked` or `Said` an item; a `Fault` ends the call. Streams cross as hex seeds. The host
believes what it is told; the other side believes nothing.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from detent.values import Problem

Kind = Literal["task", "gym", "tripwire", "proxy", "checker"]
"""What a user's file holds. task: a class. gym: Detent's own, over another's library.
tripwire, proxy, checker (of a principle's probes): a function."""


class _Line(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """Common shape of everything on the pipe."""


class Load(_Line, frozen=True, tag="load"):
    """The file's text, what it holds and its name in the charter; what it may use: seconds an item, bytes of memory."""

    source: str
    kind: Kind
    name: str
    seconds: float
    memory: int


class Draw(_Line, frozen=True, tag="draw"):
    """(level, seed in hex) of each problem asked for."""

    asks: tuple[tuple[int, str], ...]


class Check(_Line, frozen=True, tag="check"):
    """Problems and the completions to judge."""

    pairs: tuple[tuple[Problem, str], ...]


class Mark(_Line, frozen=True, tag="mark"):
    """Problems to say something of."""

    problems: tuple[Problem, ...]


class Look(_Line, frozen=True, tag="look"):
    """A generation's numbers, for a tripwire to look at: totals, never a prompt or an answer."""

    numbers: dict[str, Any]


class Accept(_Line, frozen=True, tag="accept"):
    """Prompts and completions, for a proxy to accept or not."""

    pairs: tuple[tuple[str, str], ...]


class Loaded(_Line, frozen=True, tag="loaded"):
    """The class was made, or the function is there."""


class Drawn(_Line, frozen=True, tag="drawn"):
    """One problem."""

    problem: Problem


class Checked(_Line, frozen=True, tag="checked"):
    """One judgement."""

    right: bool


class Marked(_Line, frozen=True, tag="marked"):
    """What a task says of one problem; {} where it has no such method."""

    marks: dict[str, tuple[int, ...]]


class Said(_Line, frozen=True, tag="said"):
    """What a tripwire said of the numbers: a sentence when it fired, None when it is quiet."""

    sentence: str | None


class Fault(_Line, frozen=True, tag="fault"):
    """The user's code did what it must not; `where` is file:line, or the file."""

    message: str
    where: str


Call = Load | Draw | Check | Mark | Look | Accept
Reply = Loaded | Drawn | Checked | Marked | Said | Fault

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
