"""What witnesses have seen of a log: their newest checkpoints of it, and those that a ledger does not continue.

>>> [one.checkpoint.size for one in newest_seen(origin, [log_key], witnesses, deadline=5) if one.checkpoint]
[42, 42]
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from detent.coordinate import _http
from detent.coordinate._parties import Consistency, WitnessAt, check
from detent.coordinate._request import LARGEST_REQUEST
from detent.coordinate._together import Together
from detent.coordinate.witness import LogKey, log_signatures
from detent.errors import PeerError, TrustError
from detent.ledger import Checkpoint, Note, verified_cosignatures, verify_consistency
from detent.values import sha256_hex


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint of a log that a witness shows, signed by both; None and the reason when it shows none."""

    name: str
    checkpoint: Checkpoint | None = None
    note: str = ""
    timestamp: int | None = None
    why: str = ""


def newest_seen(
    origin: str, log_keys: Sequence[LogKey], witnesses: Sequence[WitnessAt], deadline: float
) -> tuple[Seen, ...]:
    """What each witness shows as its newest checkpoint of the log, by the monitoring GET; all are asked at once.

    A checkpoint counts when the log's own key and the witness's signed it: a witness cannot make one up.

    Args:
        origin: of the log.
        log_keys: of the log.
        witnesses: of different names.
        deadline: seconds from now.

    Raises:
        UsageError: a URL that may not be asked, or one witness twice.
    """
    check(witnesses)
    until = time.monotonic() + deadline
    path = f"{sha256_hex(origin.encode())}/checkpoint"
    calls = [_Look(each, origin, tuple(log_keys), path, until) for each in witnesses]
    found = Together(calls, until).results(lambda _: False)
    late = "an answer in time expected, got none; it may be down"
    return tuple(found.get(place) or Seen(each.name, why=late) for place, each in enumerate(witnesses))


def contradicting(
    note: str,
    consistency: Consistency,
    log_keys: Sequence[LogKey],
    witnesses: Sequence[WitnessAt],
    *,
    deadline: float,
) -> tuple[Seen, ...]:
    """Checkpoints that witnesses show and this ledger does not continue: proof, since the log's own key signed them.

    That a witness says it is ahead proves nothing, it may err or lie; this does, to anyone who has the log's key.

    Args:
        note: the ledger's newest signed checkpoint.
        consistency: of that ledger.
        log_keys: of the log.
        witnesses: of different names and keys.
        deadline: seconds from now.

    Raises:
        as `newest_seen`, and what `consistency` raises.
    """
    ours = Checkpoint.parse(Note.parse(note.encode()).text)
    seen = newest_seen(ours.origin, log_keys, witnesses, deadline)
    return tuple(one for one in seen if one.checkpoint and not _continues(ours, one.checkpoint, consistency))


def _continues(ours: Checkpoint, theirs: Checkpoint, consistency: Consistency) -> bool:
    if theirs.size > ours.size:
        return False
    path = consistency(theirs.size, ours.size)
    try:
        verify_consistency(theirs.size, ours.size, path, theirs.root, ours.root)
    except TrustError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Look:
    """The monitoring GET at one witness."""

    witness: WitnessAt
    origin: str
    log_keys: tuple[LogKey, ...]
    path: str
    until: float

    def __call__(self) -> Seen:
        try:
            answer = _http.fetch(
                "GET", self.witness.url, self.path, until=self.until, largest=LARGEST_REQUEST
            )
            if answer.status != 200:  # noqa: PLR2004
                return self._nothing(f"HTTP {answer.status} {answer.shown!r}")
            return self._seen(Note.parse(answer.body))
        except (PeerError, TrustError) as error:
            return Seen(self.witness.name, why=str(error))

    def _seen(self, note: Note) -> Seen:
        checkpoint = Checkpoint.parse(note.text)
        if checkpoint.origin != self.origin:
            return self._nothing(f"one of {checkpoint.origin[:80]!r}")
        log_signatures(note, self.log_keys)
        timestamp = verified_cosignatures(note, [self.witness.key]).get(self.witness.key)
        if timestamp is None:
            return self._nothing("one without its own cosignature")
        return Seen(self.witness.name, checkpoint, str(note), timestamp)

    def _nothing(self, got: str) -> Seen:
        return Seen(self.witness.name, why=f"a checkpoint of {self.origin} expected, got {got}")
