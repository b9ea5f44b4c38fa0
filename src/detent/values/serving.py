"""What crosses to a sampler, the process that asks a model server, and what is kept of the server's answers.

    >>> server_named("server:wise"), server_named("3f" * 32)
    ('wise', '')

A server is no model whose weights are known: its name in the charter stands where else a model's digest stands. What
it said is kept line by line, so that all that followed from it can be computed again, and not asked again.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Literal

import msgspec
from msgspec import Struct

from detent.errors import TrustError, UsageError
from detent.values._record import Record
from detent.values.entry import Entry
from detent.values.feedback import Contest, Judged, JudgeJob, Sampled, SampleJob
from detent.values.jobs import AnswerJob, Answers, JobFailure, Progress

SERVER = "server:"
"""What stands before a server's name where else a model's digest stands."""

Verdicts = Literal["logprobs", "text", "json"]
"""logprobs: of the answer's first token, of which the likeliest are told. text: the verdict and nothing else.
json: an object of one key, {"verdict": "1"}, which the server is told to keep to."""

Purpose = Literal["exam", "answers", "preferences", "proposals"]
"""For what a server was asked: its exam as a judge, answers to compare with the candidates', which to prefer, or which
changes to try."""

SAID = 1.0
"""Nats that a verdict without log-probabilities counts for: it says which, and nothing of how sure."""

MOST_SAID = 100.0
"""Nats beyond which no log-odds are believed: they would be a mistake, or a way to be heard louder."""


def server_named(model: str) -> str:
    """NAME of "server:NAME"; "" of a digest."""
    return model.removeprefix(SERVER) if model.startswith(SERVER) else ""


class Budget(Struct, frozen=True, forbid_unknown_fields=True):
    """What a server may be asked for, of all that a run ever asks of it. 0: no limit of money.

    tokens: read and written together. money: in whatever the prices are in; a price is of a million tokens.
    """

    tokens: int
    money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0

    def cost(self, read: int, written: int) -> float:
        """What so many tokens cost."""
        return (read * self.price_in + written * self.price_out) / 1e6


class Connection(Record, frozen=True, tag="connect"):
    """The first line to a sampler: the server, how it may be asked, and its key, which goes nowhere else.

    reported: the model's name as the server says it, where that is another. seconds: for an answer from first to last
    byte; connect_seconds: until it listens. requests_per_minute: 0 for no limit. retries: after a failure that may
    pass. max_tokens: of an answer; a verdict has its own. spent: tokens read and written that are on record.
    """

    name: str
    url: str
    model: str
    budget: Budget
    key: str = ""
    key_env: str = ""
    reported: str = ""
    verdicts: Verdicts = "logprobs"
    temperature: float = 0.0
    max_tokens: int = 256
    concurrency: int = 4
    requests_per_minute: int = 0
    connect_seconds: float = 10.0
    seconds: float = 60.0
    retries: int = 4
    spent_read: int = 0
    spent_written: int = 0


class Ask(Record, frozen=True, tag="ask"):
    """One job for a server. turn: what answers are kept under: the same question in another turn is asked again."""

    job: JudgeJob | AnswerJob | SampleJob
    turn: str


class Greet(Record, frozen=True, tag="greet"):
    """See whether a server is there and takes the key, by what costs nothing: a list of its models."""


class Greeted(Record, frozen=True, tag="greeted"):
    """It is, and does."""


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a job's questions.

    asked: answers that were used, those among them that were `kept` from before too. abstained: those of a judge
    that were no verdict. reported: "model, fingerprint" as the server said them, and of how many answers. read,
    written: tokens of all of them, as the server counts. questions: SHA-256 over the digests of all of them, in order.
    """

    asked: int
    kept: int
    abstained: int
    reported: dict[str, int]
    read: int
    written: int
    questions: str


class Served(Record, frozen=True, tag="served"):
    """What a server's answers amount to, as a model's would."""

    result: Judged | Answers | Sampled
    report: Report


class ServerAsked(Entry, frozen=True, tag="asked/v1"):
    """A server was asked; nobody can know what weights answered, so that its answers are kept, not made again.

    url, model, verdicts, temperature: of the charter then in force. reports: one a job, in order. money: what all of
    them cost. record: SHA-256 of the file in `answers/` that holds what it said, line by line.
    """

    purpose: Purpose
    server: str
    url: str
    model: str
    verdicts: Verdicts
    temperature: float
    reports: tuple[Report, ...]
    money: float
    record: str

    @property
    def slot(self) -> str:
        return f"{self.kind}/{self.purpose}"

    @property
    def tokens(self) -> int:
        """Read and written."""
        return sum(one.read + one.written for one in self.reports)


class Compared(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="pairs"):
    """A line of what is kept: which answers to a problem were compared."""

    task: str
    level: int
    prompt: str
    pairs: tuple[tuple[str, str], ...]


class Heard(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="ruling"):
    """A line of what is kept: two answers, and the log-odds for the first in both orders; none from who abstained."""

    contest: Contest
    odds: tuple[float, ...]


class Wrote(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="answer"):
    """A line of what is kept: what a model, or server, answered to a prompt. ended: by itself, within its limit."""

    model: str
    prompt: str
    text: str
    ended: bool = True


Kept = Compared | Heard | Wrote
"""A line of what is kept of an exam, or of preferences."""

_to_sampler: msgspec.json.Decoder[Connection | Ask | Greet] = msgspec.json.Decoder(Connection | Ask | Greet)
_from_sampler: msgspec.json.Decoder[Served | Greeted | JobFailure | Progress] = msgspec.json.Decoder(
    Served | Greeted | JobFailure | Progress
)
_kept: msgspec.json.Decoder[Kept] = msgspec.json.Decoder(Kept)


def decode_ask(line: bytes) -> Connection | Ask | Greet:
    """Read one line to a sampler; raises msgspec.ValidationError when it is none."""
    return _to_sampler.decode(line)


def decode_served(line: bytes) -> Served | Greeted | JobFailure | Progress:
    """Read one line from a sampler; raises msgspec.ValidationError when it is none."""
    return _from_sampler.decode(line)


def encode_kept(rows: Iterable[Kept]) -> bytes:
    """The file of what was said."""
    return msgspec.json.Encoder().encode_lines(rows)


def decode_kept(content: bytes) -> list[Kept]:
    """Read such a file.

    Raises:
        TrustError: it is none.
    """
    try:
        rows = _kept.decode_lines(content)
    except (msgspec.DecodeError, UsageError) as error:
        raise TrustError(f"what a server said expected, line by line, got: {error}") from error
    if encode_kept(rows) != content:
        raise TrustError("what a server said and nothing else expected, got more; the file was changed")
    amiss = [one for row in rows if isinstance(row, Heard) for one in row.odds if not isfinite(one)]
    if amiss:
        raise TrustError(f"finite log-odds expected among what a server said, got {amiss[0]}")
    return rows
