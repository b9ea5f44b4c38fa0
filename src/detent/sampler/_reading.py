"""What a server sent, taken for what it is: a reply, an abstention, or an error. Nothing of it is obeyed.

>>> odds_of(reply, ("1", "2"), "logprobs")           # nats for the first verdict; None abstains
2.1972245773362196
"""

from collections.abc import Sequence
from math import exp, inf, log
from typing import Any

import msgspec
from msgspec import Struct, field

from detent.errors import PeerError
from detent.sampler._answers import Reply
from detent.values.serving import MOST_SAID, SAID, Connection, Verdicts

MOST_TEXT = 65_536
"""Characters of an answer that are read; a longer one did not end."""

MOST_NAME = 200
MOST_TOKENS = 1 << 40
_ROUNDING = 1e-6
_HALF = 0.5
_LEAST = 1e-9  # of what is left over, where rounding leaves nothing


class MalformedError(Exception):
    """An answer that is none, which the next try may mend."""


class _Top(Struct):
    token: str
    logprob: float


class _Token(Struct):
    top_logprobs: list[_Top] = []


class _Logprobs(Struct):
    content: list[_Token] | None = None


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(Struct):
    prompt_tokens: int
    completion_tokens: int


class _Answer(Struct):
    """The fields of a chat completion that are looked at; servers add others."""

    model: str
    choices: list[_Choice]
    usage: _Usage | None = None
    system_fingerprint: str | None = field(default=None)


_decoder = msgspec.json.Decoder(_Answer)


def read(content: bytes, connection: Connection, most_read: int, most_written: int) -> Reply:
    """A server's answer. most_read, most_written: tokens that it counts for where the server does not say.

    Raises:
        MalformedError: it is no chat completion, or has no choice.
        PeerError: another model answered.
    """
    try:
        answer = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"a chat completion in JSON expected, got: {shown(str(error))}") from error
    if not answer.choices:
        raise MalformedError("a choice in the answer expected, got none")
    if not is_served(answer.model, connection):
        wanted = connection.reported or connection.model
        raise PeerError(
            f"the model {wanted!r} expected from servers.{connection.name}, got an answer of {shown(answer.model)!r}; "
            "it serves another: correct model, or reported where that is its other name"
        )
    choice = answer.choices[0]
    text = choice.message.content or ""
    known = answer.usage and min(answer.usage.prompt_tokens, answer.usage.completion_tokens) >= 0
    usage = answer.usage if answer.usage and known else _Usage(most_read, most_written)
    return Reply(
        text=text[:MOST_TEXT],
        ended=choice.finish_reason == "stop" and len(text) <= MOST_TEXT,
        top=_top(choice),
        model=shown(answer.model),
        fingerprint=shown(answer.system_fingerprint or ""),
        read=min(usage.prompt_tokens, MOST_TOKENS),
        written=min(usage.completion_tokens, MOST_TOKENS),
    )


def is_served(said: str, connection: Connection) -> bool:
    """Whether that is the charter's model: by its name, or its name and a version after it."""
    if connection.reported:
        return said == connection.reported
    rest = said.removeprefix(connection.model)
    return said.startswith(connection.model) and (not rest or rest[0] in "-:@")


def _top(choice: _Choice) -> tuple[tuple[str, float], ...] | None:
    if choice.logprobs is None or not choice.logprobs.content:
        return None
    return tuple((one.token[:MOST_NAME], one.logprob) for one in choice.logprobs.content[0].top_logprobs[:64])


def odds_of(reply: Reply, verdicts: Sequence[str], by: Verdicts) -> float | None:
    """Ln p(the first verdict) - ln p(the second), nats, at most `MOST_SAID` either way; None for no verdict.

    With log-probabilities a verdict is any token that says it but for spaces around it, and both together must be at
    least as likely as all else. One that is not among the likeliest told counts for as much as it can have: no more
    than the least of those, and no more than they leave.
    """
    if by != "logprobs":
        said = reply.text.strip() if by == "text" else _said(reply.text)
        return {verdicts[0]: SAID, verdicts[1]: -SAID}.get(said)
    if not reply.top or any(not -inf < chance <= _ROUNDING for _, chance in reply.top):
        return None
    first, second = (_chance(reply.top, verdict) for verdict in verdicts)
    if first + second < _HALF:
        return None
    chances = [exp(min(0.0, chance)) for _, chance in reply.top]
    unseen = min(*chances, max(_LEAST, 1 - sum(chances)))
    odds = _log(first or unseen) - _log(second or unseen)
    return max(-MOST_SAID, min(MOST_SAID, odds))


def _chance(top: Sequence[tuple[str, float]], verdict: str) -> float:
    return sum(exp(min(0.0, chance)) for token, chance in top if token.strip() == verdict)


def _log(chance: float) -> float:
    return log(chance) if chance > 0 else -MOST_SAID


def _said(text: str) -> str:
    """The verdict in an object of one key."""
    try:
        found: Any = msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        return ""
    alone = isinstance(found, dict) and set(found) == {"verdict"} and isinstance(found["verdict"], str)
    return str(found["verdict"]) if alone else ""


def shown(text: str) -> str:
    """A server's words with nothing in them that a terminal obeys, and not many."""
    return "".join(c if c.isascii() and c.isprintable() else " " for c in text[:MOST_NAME]).strip()
