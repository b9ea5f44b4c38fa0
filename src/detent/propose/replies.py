"""What a language model answered, taken for what it is: changes in the form that was asked for, and nothing else.

    >>> list(proposals_in('{"proposals": [{"change": "feedback", "settings": {"recipe.steps": 240}}]}', None, 1))
    [Tune(settings={'recipe.steps': 240}, by='model', because='')]

Nothing is searched for in prose and nothing is mended. What is not in the form is declined, the others are used; what
is beyond the charter's bounds is for `detent.propose.dealing` to decline, as of everybody. The reason steers nothing:
it is kept in one line, with nothing in it that a terminal obeys. The same text gives the same changes to whoever reads
it.
"""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from detent.errors import CharterError, DetentError, EngineError, PeerError, SubjectError, UsageError
from detent.propose.consulting import MOST_REASON, MOST_TOKENS
from detent.propose.dealing import Source, declined
from detent.propose.recorded import from_record
from detent.propose.rules import About
from detent.values import AnswerJob, Answers, Declined, Edit, Reshape, Setting, Tune
from detent.values.room import LONGEST_TOKEN
from detent.values.serving import Kept
from detent.values.shape import reshape
from detent.values.text import SPACES, one_line

MOST_READ = LONGEST_TOKEN * MOST_TOKENS
"""Characters of an answer; of a longer one nothing is read."""

MOST_PROPOSALS = 24
"""Of an answer that are looked at; the others are counted."""

MOST_DEPTH = 8
"""Of brackets within brackets; the form has five."""

MOST_DIGITS = 32
"""Characters of a number."""

MOST_WHOLE = 1 << 53
"""A whole number above it is none in every program."""

FENCE = "```"


class _Tune(Struct, forbid_unknown_fields=True, tag_field="change", tag="feedback"):
    settings: dict[str, Setting]
    because: str = ""


class _Reshape(Struct, forbid_unknown_fields=True, tag_field="change", tag="architecture"):
    edit: Edit
    because: str = ""


def proposals_in(text: str, about: About | None) -> Source:
    """The changes that an answer proposes, in its order, each allowed by the model's shape.

    about: the model; None where its shape may not be changed. What is declined names no cause but our own.
    """
    found = _decoded(text)
    if isinstance(found, str):
        yield declined("model", text[:MOST_READ], found)
        return
    for item in found[:MOST_PROPOSALS]:
        yield _proposal(item, about)
    if (more := len(found) - MOST_PROPOSALS) > 0:
        yield declined(
            "model", f"{more} more", f"at most {MOST_PROPOSALS} proposals expected, got {len(found)}"
        )


def _proposal(item: object, about: About | None) -> Tune | Reshape | Declined:
    said = json.dumps(item)
    try:
        match msgspec.convert(item, _Tune | _Reshape):
            case _Tune(settings=settings, because=because) if settings:
                return Tune(settings, by="model", because=one_line(because, MOST_REASON))
            case _Reshape(edit=edit, because=because):
                if why := _unfit(edit, about):
                    return declined("model", edit.said, why)
                return Reshape(edit, by="model", because=one_line(because, MOST_REASON))
    except msgspec.ValidationError:
        pass  # in words of the library, which differ from version to version
    return declined("model", said, "a change in the form that was asked for expected, got another")


def _unfit(edit: Edit, about: About | None) -> str:
    """Why a model of this shape cannot take the edit; "" where it can, or where none is allowed whatever it is."""
    if about is None:
        return ""
    try:
        reshape(about.shape, edit)
        parameters = about.parameters(edit)
    except (UsageError, SubjectError):
        return f"an edit that a model of {about.shape.said} can take expected, got another"
    if parameters > about.most:
        return f"at most {about.most} parameters expected, as the charter says, got {parameters}"
    return ""


def _decoded(text: str) -> list[Any] | str:
    """The proposals, as plain values; or why there are none."""
    if len(text) > MOST_READ:
        return f"at most {MOST_READ} characters expected, got more"
    body = _unfenced(text.strip(SPACES))
    if not body:
        return "an answer expected, got none"
    if not _shallow(body):
        return f"brackets at most {MOST_DEPTH} deep expected, got more"
    try:
        found = json.loads(
            body,
            object_pairs_hook=_named_once,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_unread,
        )
    except ValueError:
        return "a JSON object and nothing else expected, got something else"
    if not isinstance(found, dict) or set(found) != {"proposals"} or not isinstance(found["proposals"], list):
        return 'a JSON object with the key "proposals", a list, and no other expected, got something else'
    return found["proposals"]


def _unfenced(text: str) -> str:
    """What stands between the lines of a fence, where the text is one fence and nothing else."""
    if not (text.startswith(FENCE) and text.endswith(FENCE)):
        return text
    first, _, rest = text.partition("\n")
    return rest.removesuffix(FENCE).strip(SPACES) if first.strip(SPACES) in {FENCE, f"{FENCE}json"} else text


def _shallow(text: str) -> bool:
    """Whether brackets are no deeper than they may be; how deep a parser goes differs from machine to machine."""
    depth, within, escaped = 0, False, False
    for character in text:
        if within:
            within = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            within = True
        elif character in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                return False
        elif character in "]}":
            depth -= 1
    return True


# What cannot be read as it was meant becomes text, which is no value where a number, or an object, is expected: so one
# proposal is declined for it and not all of them.


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | str:
    found = dict(pairs)
    return found if len(found) == len(pairs) else "two keys of one name"


def _whole(digits: str) -> int | str:
    if len(digits) > MOST_DIGITS or abs(found := int(digits)) > MOST_WHOLE:
        return _unread(digits)
    return found


def _number(digits: str) -> float | str:
    if len(digits) > MOST_DIGITS or not isfinite(found := float(digits)):
        return _unread(digits)
    return found


def _unread(said: str) -> str:
    return f"not a number that is read: {said[:MOST_DIGITS]}"


UNHEARD = (PeerError, CharterError, UsageError, EngineError)
"""What is raised where a server cannot be asked and a run goes on without its proposals."""

_WHY = {
    PeerError: "a server that answers expected, got none, or none that can be used",
    CharterError: "a question within the server's budget expected, got one that could go beyond",
    UsageError: "a server that takes the question expected, got one that refuses it, or the key",
    EngineError: "a sampler at work expected, got one that died, or said what is not so",
}
"""On record, in words that tell nothing of the machine; the sampler's log has the others."""


def unheard(error: DetentError) -> Declined:
    """In the place of an answer that could not be had. error: one of UNHEARD."""
    return declined("model", "nothing", next(why for kind, why in _WHY.items() if isinstance(error, kind)))


def is_unheard(one: Declined) -> bool:
    """Whether that is what stands in the place of an answer."""
    return (one.by, one.said) == ("model", "nothing") and one.because in _WHY.values()


def answer_in(rows: Iterable[Kept], job: AnswerJob) -> str:
    """What was answered to the question, by the record.

    Raises:
        TrustError: another question was asked, or nothing answered.
    """
    result = from_record(rows)(job)
    assert isinstance(result, Answers)  # noqa: S101  of an AnswerJob
    return result.completions[0]
