"""Asking witnesses to cosign a checkpoint: the client's half of C2SP tlog-witness.

    >>> gathered = gather(ledger.checkpoint, ledger.consistency_proof, witnesses, met, deadline=30)
    >>> gathered.met, [reply.said for reply in gathered.replies]
    (True, ['cosigned', 'down'])

Witnesses answer in different words. Only 200, 409 and 422 mean what the text says; every other 4xx is a refusal, and
no answer, 5xx or 429 is a witness that is down, which is no sign of tampering. A witness that has seen more of the
log than there is, or another beginning of it, is: the ledger was set back or forked, here or where it was cosigned.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import SystemRandom
from typing import Literal

from detent.coordinate import _http
from detent.coordinate._parties import Consistency, WitnessAt, check
from detent.coordinate._request import Request
from detent.coordinate._together import Together
from detent.errors import PeerError, TrustError
from detent.ledger import (
    Checkpoint,
    CosignerKey,
    Note,
    Signature,
    verified_cosignatures,
)

Said = Literal["cosigned", "down", "refused", "ahead"]
"""What came of asking a witness.

cosigned: a line by its key, verified.  down: no answer, or not before there was enough; ask again later.
refused: an answer, and no cosignature; ask who runs it.
ahead: it says that it cosigned more of this log, or another beginning of it, than is here.
"""

Met = Callable[[AbstractSet[str]], bool]
"""Whether the witnesses of these names are enough."""

LARGEST_ANSWER = 65_536
LONGEST_ATTEMPT = 10.0
"""Seconds for one request."""

_MOST_ROUNDS = 4
"""How often a witness may name another size before it counts as refusing; others may ask beside us."""

_PAUSES = (0.2, 30.0)
"""Seconds before asking again: at first, and at most."""

_AGAIN = {408, 425, 429}
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")
_RANDOM = SystemRandom()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of asking one witness. `size` is where it says it stands, `why` a sentence."""

    name: str
    said: Said
    why: str = ""
    size: int | None = None
    line: Signature | None = None
    timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """The checkpoint's note with the cosignatures, in the order of the witnesses, and a reply of each of them."""

    note: str
    replies: tuple[Reply, ...]
    met: bool

    @property
    def cosigned(self) -> frozenset[str]:
        """Names of the witnesses that did."""
        return frozenset(reply.name for reply in self.replies if reply.said == "cosigned")

    @property
    def ahead(self) -> tuple[Reply, ...]:
        """Those that have seen what is not here."""
        return tuple(reply for reply in self.replies if reply.said == "ahead")

    @property
    def sizes(self) -> dict[str, int]:
        """Where each witness stands, as far as it said; for the next `gather`."""
        return {reply.name: reply.size for reply in self.replies if reply.size is not None}


def gather(
    note: str,
    consistency: Consistency,
    witnesses: Sequence[WitnessAt],
    met: Met,
    *,
    deadline: float,
    known: Mapping[str, int] | None = None,
) -> Gathered:
    """Ask all witnesses at once for their cosignature, until `met`, or all have answered, or time is over.

    Args:
        note: the signed checkpoint; cosignatures that it already has count.
        consistency: called by one thread at a time, and never after this has returned.
        witnesses: of different names and keys. To have all of them, let `met` ask for all.
        met: the quorum.
        deadline: seconds from now. Who is down is asked again until then.
        known: where each witness stood, from `Gathered.sizes`; saves a question each.

    Raises:
        TrustError: the note is no checkpoint, or has a wrong cosignature; or the ledger's own files are damaged.
        UsageError: a URL that may not be asked, or one witness twice.
    """
    check(witnesses)
    until = time.monotonic() + deadline
    question = _Question(Note.parse(note.encode()), consistency, [each.key for each in witnesses], until)
    asked = [each for each in witnesses if each.key not in question.already]

    def names(found: Mapping[int, Reply]) -> set[str]:
        new = {reply.name for reply in found.values() if reply.said == "cosigned"}
        return new | {each.name for each in witnesses if each.key in question.already}

    talks = {each.name: _Talk(each, question, (known or {}).get(each.name, 0)) for each in asked}
    try:
        found = Together(list(talks.values()), until).results(lambda replies: met(names(replies)))
    finally:
        question.close()
    replies = {reply.name: reply for reply in found.values()}
    ordered = tuple(
        replies.get(each.name) or question.before(each) or talks[each.name].unfinished() for each in witnesses
    )
    lines = [reply.line for reply in ordered if reply.line and reply.name in replies]
    whole = Note(question.note.text, (*question.note.signatures, *lines))
    return Gathered(str(whole), ordered, met(names(found)))


class _Question:
    """What is asked of all witnesses, and the ledger's proofs, for one thread at a time."""

    def __init__(
        self, note: Note, consistency: Consistency, keys: Sequence[CosignerKey], until: float
    ) -> None:
        self.note, self.until = note, until
        self.checkpoint = Checkpoint.parse(note.text)
        self.already = verified_cosignatures(note, keys)
        self.is_over = threading.Event()
        self._consistency = consistency
        self._one_at_a_time = threading.Lock()
        theirs = [line for line in note.signatures if not any(key.made(line) for key in keys)]
        self._sent = Note(note.text, tuple(theirs))

    def body(self, old: int) -> bytes:
        """The request of a witness that stands at `old`; empty once nobody listens any more."""
        with self._one_at_a_time:
            if self.is_over.is_set():
                return b""
            proof = tuple(self._consistency(old, self.checkpoint.size)) if old else ()
        return bytes(Request(old, proof, self._sent, self.checkpoint))

    def close(self) -> None:
        with self._one_at_a_time:
            self.is_over.set()

    def before(self, witness: WitnessAt) -> Reply | None:
        """The reply of a witness whose cosignature the note had."""
        if witness.key not in self.already:
            return None
        line = next(line for line in self.note.signatures if witness.key.made(line))
        timestamp = witness.key.timestamp_of(line, self.checkpoint)
        return Reply(witness.name, "cosigned", "", self.checkpoint.size, line, timestamp)


@dataclass(slots=True)
class _Talk:
    """All questions and answers with one witness."""

    witness: WitnessAt
    question: _Question
    old: int
    rounds: int = 0
    why: str = "an answer expected before time was over or enough had answered, got none yet"

    def __call__(self) -> Reply:
        pause = _PAUSES[0]
        self.old = min(self.old, self.question.checkpoint.size)
        while not self.question.is_over.is_set():
            try:
                reply = self._ask()
            except PeerError as error:
                self.why = str(error)
                reply = None
            if reply is not None:
                return reply
            rest = pause * _RANDOM.uniform(0.5, 1.5)
            if time.monotonic() + rest >= self.question.until or self.question.is_over.wait(rest):
                break
            pause = min(2 * pause, _PAUSES[1])
        return self.unfinished()

    def unfinished(self) -> Reply:
        """Where no answer has come: what went wrong the last time."""
        return Reply(self.witness.name, "down", self.why)

    def _ask(self) -> Reply | None:
        """One witness, one size after the other as it names them; None to ask again later."""
        while body := self.question.body(self.old):
            until = min(self.question.until, time.monotonic() + LONGEST_ATTEMPT)
            answer = _http.fetch(
                "POST", self.witness.url, "add-checkpoint", until=until, largest=LARGEST_ANSWER, body=body
            )
            if answer.status == 200:  # noqa: PLR2004
                return self._cosigned(answer.body)
            if answer.status == 409:  # noqa: PLR2004
                reply = self._conflict(answer)
                if reply is None:
                    continue
                return reply
            if answer.status == 422 and self.old:  # noqa: PLR2004
                return self._ahead(
                    self.old, f"the first {self.old} entries that it cosigned are not the beginning of these"
                )
            if answer.status >= 500 or answer.status in _AGAIN:  # noqa: PLR2004
                self.why = (
                    f"a cosignature expected, got HTTP {answer.status} {answer.shown!r}; it may be back later"
                )
                return None
            return self._refused(f"HTTP {answer.status} {answer.shown!r}")
        return None

    def _cosigned(self, body: bytes) -> Reply:
        key, checkpoint = self.witness.key, self.question.checkpoint
        try:
            note = Note.parse(checkpoint.text().encode() + b"\n" + body)
            ours = [line for line in note.signatures if key.made(line)]
            times = [key.timestamp_of(line, checkpoint) for line in ours]
        except TrustError as error:
            return self._refused(f"HTTP 200 and lines that do not verify ({error})")
        if note.text != checkpoint.text() or not ours or not times[0]:
            return self._refused("HTTP 200 and no line by its key with a time")
        return Reply(self.witness.name, "cosigned", "", checkpoint.size, ours[0], times[0])

    def _conflict(self, answer: _http.Reply) -> Reply | None:
        """It stands at another size: None when it shall be asked from there."""
        size, ours = _SIZE.fullmatch(answer.body), self.question.checkpoint.size
        if size is not None and int(size[1]) > ours:
            return self._ahead(
                int(size[1]), f"it cosigned {int(size[1])} entries of this log, and here are {ours}"
            )
        if self.old == ours and (size is None or int(size[1]) == ours):  # v1.0.0 said 409 for what is 422 now
            return self._ahead(ours, f"it cosigned {ours} other entries of this log")
        self.rounds += 1
        if size is None or int(size[1]) == self.old or self.rounds > _MOST_ROUNDS:
            return self._refused(f"HTTP 409 {answer.shown!r} when asked from {self.old}")
        self.old = int(size[1])
        return None

    def _ahead(self, size: int, why: str) -> Reply:
        return Reply(
            self.witness.name, "ahead", f"{why}: the ledger was set back or forked, or the witness errs", size
        )

    def _refused(self, got: str) -> Reply:
        why = f"a cosignature expected, got {got}; ask who runs it"
        return Reply(self.witness.name, "refused", why)
