r"""A witness (C2SP tlog-witness v1.0.0): it cosigns a log's checkpoint when the log has only grown since the last one.

    >>> witness = Witness.open([key], [log_key], state, mark)
    >>> witness.add_checkpoint(b"old 0\n\n" + note, now=1_900_000_000).status
    200

`consider` is the whole protocol, without disk and clock; `Witness` is it with both. Where v1.0.0 and the text after
it differ, the later text is followed: another root for the same size is 422, and a wrong signature by a known key 403.

The first cosignature of a checkpoint is kept and its bytes are given again to whoever asks for the same one again.
So there is one timestamp and one Ed25519 signature for each size of a log, ever, whoever asks how often: the seal's
problems can be drawn from it (docs/statistics.md, "The seal"). No timestamp precedes one given before.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from detent.coordinate._answers import PLAIN, Answer, RefusedError, Say, otherwise, said
from detent.coordinate._request import Request
from detent.coordinate._state import Kept, Memory, Store
from detent.errors import StorageError, TrustError, UsageError
from detent.ledger import Checkpoint, CosignerKey, CosigningKey, Note, Signature, verify_consistency
from detent.ledger.cosignatures import LATEST
from detent.signing import VerifyKey
from detent.values import sha256_hex

LogKey = VerifyKey | CosignerKey
"""A log's verify key, whose name is the log's origin: Ed25519 (type 1), or ML-DSA-44 (type 6)."""

Logs = Mapping[str, Sequence[LogKey]]
"""The keys trusted for each origin."""

SIZE = "text/x.tlog.size"
_LONGEST_MLDSA_ORIGIN = 255
_EMPTY_ROOT = hashlib.sha256().digest()  # RFC 6962 section 2.1


class Witness:
    """The witness with its state on disk; one process at a time has it, any number of threads may ask."""

    def __init__(self, keys: Sequence[CosigningKey], logs: Sequence[LogKey], store: Store, say: Say) -> None:
        self._say = say
        self._keys = tuple(keys)
        self._logs: dict[str, tuple[LogKey, ...]] = {}
        for key in logs:
            self._logs[key.name] = (*self._logs.get(key.name, ()), key)
        self._store = store
        self._memory = store.load()
        self._is_sure = True
        self._turn = threading.Lock()

    @classmethod
    def open(
        cls,
        keys: Sequence[CosigningKey],
        logs: Sequence[LogKey],
        state: Path,
        mark: Path,
        say: Say = lambda _: None,
    ) -> Self:
        """Take the state; where there is none and no mark either, begin one.

        Args:
            keys: the first is an Ed25519 key; an ML-DSA-44 key may follow, which signs a second line.
            logs: who may ask for cosignatures.
            state: a file in an existing folder.
            mark: a file in an existing folder, best on another disk: it tells an old state from the newest.
            say: takes sentences for who runs the witness: that its disk refuses, or a log signed two histories.

        Raises:
            UsageError: no such keys.
            BusyError: another process has the state.
            TrustError: the state was damaged, set back, or belongs to other keys.
            StorageError: the disk refuses.
        """
        _check(keys, logs)
        store = Store.take(state, mark, [key.verify_key for key in keys])
        try:
            return cls(keys, logs, store, say)
        except BaseException:
            store.close()
            raise

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """Answer a request; a cosignature in the answer is durable, and so is that its log stands there.

        Args:
            body: of the request.
            now: seconds since 1970.
        """
        return self.add_checkpoints([body], now)[0]

    def add_checkpoints(self, bodies: Sequence[bytes], now: int) -> list[Answer]:
        """Answer requests one after the other, with one write to the disk for all of them."""
        with self._turn:
            try:
                return self._answers(bodies, now)
            except (StorageError, TrustError) as error:
                # Nothing that was signed leaves; what the disk holds now is found out before the next answer.
                self._say(str(error))  # the sentence names paths: not for those who ask
                return [said(500, "this witness cannot write its state now; ask again later")] * len(bodies)

    def checkpoint(self, origin_hash: str) -> Answer:
        """What monitors ask for: the newest cosigned checkpoint of the log whose origin has this SHA-256, in hex."""
        for origin, kept in self._memory.logs.items():
            if sha256_hex(origin.encode()) == origin_hash:
                return Answer(200, PLAIN, kept.note.encode())
        return said(404, "no checkpoint of such a log was cosigned here")

    def close(self) -> None:
        """Give the state back."""
        with self._turn:
            self._store.close()

    def _answers(self, bodies: Sequence[bytes], now: int) -> list[Answer]:
        if not self._is_sure:
            self._memory = self._store.load()
            self._is_sure = True
        memory, answers = self._memory, []
        for body in bodies:
            answer, memory = consider(body, memory, self._logs, self._keys, now)
            answers.append(answer)
            if answer.status == 422:  # noqa: PLR2004
                self._keep_split(Request.parse(body), memory)
        if memory is not self._memory:
            self._is_sure = False  # until the end is reached, whatever interrupts
            self._memory = self._store.save(memory)
            self._is_sure = True
        return answers

    def _keep_split(self, request: Request, memory: Memory) -> None:
        """Where a log signed another root for the size it stands at: both notes are proof, whatever it says later."""
        new = request.checkpoint
        kept = memory.logs.get(new.origin)
        if kept is None or kept.checkpoint.size != new.size or kept.checkpoint.root == new.root:
            return
        offered = Note(new.text(), log_signatures(request.note, self._logs[new.origin]))
        try:
            self._say(self._store.keep_split(new.origin, [kept.note, str(offered)]))
        except StorageError as error:  # the answer does not depend on it
            self._say(f"{new.origin} signed two histories, which could not be kept: {error}")


def consider(
    body: bytes, memory: Memory, logs: Logs, keys: Sequence[CosigningKey], now: int
) -> tuple[Answer, Memory]:
    """The answer to a request, and what has to be remembered before it may be given.

    The same memory comes back, the very object, where nothing new was signed.
    """
    try:
        return _considered(body, memory, logs, keys, now)
    except RefusedError as refused:
        return refused.answer, memory


def _considered(
    body: bytes, memory: Memory, logs: Logs, keys: Sequence[CosigningKey], now: int
) -> tuple[Answer, Memory]:
    with otherwise(400):
        request = Request.parse(body)
    trusted = logs.get(request.checkpoint.origin)
    if trusted is None:
        raise RefusedError(
            404, "a log that is witnessed here expected, got another; ask who runs this witness"
        )
    with otherwise(403):
        signed = log_signatures(request.note, trusted)
    if request.old > request.checkpoint.size:
        raise RefusedError(
            400, "an old size up to the checkpoint's expected, got a larger one; ask for the newest"
        )
    kept = memory.logs.get(request.checkpoint.origin)
    latest = kept.checkpoint if kept else Checkpoint(request.checkpoint.origin, 0, _EMPTY_ROOT)
    if request.old != latest.size:
        return Answer(409, SIZE, f"{latest.size}\n".encode()), memory
    with otherwise(422):
        _check_grown(request, latest)
    if kept and request.checkpoint == kept.checkpoint:
        return _cosigned(kept, keys), memory
    return _first_time(request.checkpoint, signed, memory, keys, now)


def read_log_key(text: str) -> LogKey:
    """A log's vkey, of type 1 or 6.

    Raises:
        UsageError: it is none.
    """
    try:
        return VerifyKey.parse(text)
    except UsageError as error:
        try:
            key = CosignerKey.parse(text)
        except UsageError:
            raise error from None
    if key.algorithm != "ml-dsa-44":
        raise UsageError(
            f"a log's verify key of type 1 or 6 expected, got {text[:120]!r}, which a witness signs with; "
            "copy the line from the run's log.vkey"
        )
    return key


def _check(keys: Sequence[CosigningKey], logs: Sequence[LogKey]) -> None:
    if not keys or keys[0].algorithm != "ed25519" or any(key.algorithm == "ed25519" for key in keys[1:]):
        raise UsageError(
            "an Ed25519 key, and after it at most ML-DSA-44 keys expected, got "
            f"{', '.join(key.algorithm for key in keys) or 'none'}; one Ed25519 key is one witness"
        )
    if not logs:
        raise UsageError("the verify key of a log or of several expected, got none; name them with --log")
    long = [key.name for key in logs if len(key.name.encode()) > _LONGEST_MLDSA_ORIGIN]
    if len(keys) > 1 and long:
        raise UsageError(
            f"origins of at most {_LONGEST_MLDSA_ORIGIN} bytes expected, got {long[0][:80]!r}...; "
            "ML-DSA-44 signs no longer one: leave that key or that log out"
        )


def log_signatures(note: Note, keys: Sequence[LogKey]) -> tuple[Signature, ...]:
    """The log's own signatures of a checkpoint, one for each of its keys that made one; others are passed over.

    Raises:
        TrustError: there is none, or one that names a key of the log does not verify.
    """
    checkpoint = Checkpoint.as_written(note.text)
    known = {(key.name, key.id): key for key in keys}
    found: dict[LogKey, Signature] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if isinstance(key, VerifyKey):
            key.verify(line.signature, note.text.encode())
        elif key is not None:
            key.timestamp_of(line, checkpoint)
        if key is not None:
            found.setdefault(key, line)
    if not found:
        raise TrustError("a signature by the log's own key expected, got none; sign the checkpoint with it")
    return tuple(found.values())


def _check_grown(request: Request, latest: Checkpoint) -> None:
    """Return when the checkpoint continues the latest one.

    Raises:
        TrustError: it does not, or nothing shows that it does.
    """
    new = request.checkpoint
    if new.size == 0 and new.root != _EMPTY_ROOT:
        raise TrustError("the empty tree's root for size 0 expected, got another; no log begins like that")
    if new.size == latest.size and new.root != latest.root:
        raise TrustError(
            f"the root {latest.root.hex()} of {new.origin} at size {new.size} expected, got {new.root.hex()}; "
            "the log signed two: whoever has both notes can prove it"
        )
    verify_consistency(latest.size, new.size, request.proof, latest.root, new.root)


def _first_time(
    checkpoint: Checkpoint,
    signed: Sequence[Signature],
    memory: Memory,
    keys: Sequence[CosigningKey],
    now: int,
) -> tuple[Answer, Memory]:
    if not 0 < now <= LATEST:
        raise RefusedError(
            500, "a clock that shows a time after 1970 expected, got another; set the witness's right"
        )
    time = max(now, memory.time)  # a clock that was set back gives no earlier time than before
    lines = tuple(key.cosign(checkpoint, time) for key in keys)
    kept = Kept(checkpoint, str(Note(checkpoint.text(), (*signed, *lines))))
    return _cosigned(kept, keys), memory.with_log(kept, time)


def _cosigned(kept: Kept, keys: Sequence[CosigningKey]) -> Answer:
    """The witness's own lines, out of the note that is kept."""
    ours = [
        line
        for line in Note.parse(kept.note.encode()).signatures
        if any(k.verify_key.made(line) for k in keys)
    ]
    return Answer(200, PLAIN, "".join(map(str, ours)).encode())
