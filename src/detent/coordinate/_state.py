"""What a witness remembers, on disk: the newest checkpoint of each log, as cosigned the first time.

Two files. The state holds what was signed; the mark, which lies among the user's secrets, counts how often the state
was written. So a state that was restored from an older copy is noticed: a witness that went on from it would sign
backwards. Who restores both from the same old copy is not noticed; nothing on one disk can.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import msgspec

from detent.disk import WriterLock, write_file
from detent.errors import DetentError, StorageError, TrustError
from detent.ledger import Checkpoint, CosignerKey, Note, verified_cosignatures
from detent.values import sha256_hex

_HEAD = re.compile(rb"detent witness state/v1 sha256:([0-9a-f]{64})\n")
_MARK = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_RESTORE = "restore the newest copy of it, or begin anew with a new key; an older state would sign backwards"


@dataclass(frozen=True, slots=True)
class Kept:
    """A log's newest cosigned checkpoint, and the note with its log's signatures and the witness's cosignatures."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Memory:
    """All of it. `time` is the latest timestamp given, which none after it precedes; `count` that of writes."""

    count: int = -1
    time: int = 0
    logs: Mapping[str, Kept] = field(default_factory=dict)

    def with_log(self, kept: Kept, time: int) -> "Memory":
        """The same, but a log has come further. Counted when it is written."""
        return replace(self, time=time, logs={**self.logs, kept.checkpoint.origin: kept})


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON after the first line of the state file. `logs` are the notes, by origin."""

    count: int
    time: int
    keys: list[str]
    logs: dict[str, str]


class Store:
    """The two files, and the lock that makes this process the only one that signs from them."""

    def __init__(self, path: Path, mark: Path, keys: Sequence[CosignerKey], lock: WriterLock) -> None:
        self._path, self._mark, self._keys, self._lock = path, mark, keys, lock

    @classmethod
    def take(cls, path: Path, mark: Path, keys: Sequence[CosignerKey]) -> Self:
        """Lock the state of the witness that signs with `keys`; the first of them is an Ed25519 key.

        Raises:
            BusyError: another process has it.
            StorageError: the disk refuses.
        """
        return cls(path, mark, keys, WriterLock.take(path.with_name(path.name + ".lock")))

    def load(self) -> Memory:
        """What is on disk, which is durable on return; where there is nothing yet, a state with nothing in it.

        Raises:
            TrustError: it was damaged, set back, or is another witness's.
            StorageError: the disk refuses.
        """
        mark, data = self._read_mark(), _read(self._path)
        memory = self._parse(data) if data is not None else Memory()
        if memory.count < mark:
            found = f"one of {memory.count}" if data is not None else "none"
            raise TrustError(
                f"the state of write {mark} expected (says {self._mark}), got {found} in {self._path}; it was set back "
                f"or lost: {_RESTORE}"
            )
        if memory.count > max(mark + 1, 0):
            raise TrustError(
                f"a mark of {memory.count} or one less expected, got {mark if mark >= 0 else 'none'} in {self._mark}; "
                f"bring it along with the state; if it is lost, and {self._path} is surely the newest, write "
                f"{memory.count} and a newline into it"
            )
        # What was read may be what a crash or a failed write left; before anything rests on it, it is made durable.
        self._write(memory if data is not None else replace(memory, count=0))
        return memory if data is not None else replace(memory, count=0)

    def save(self, memory: Memory) -> Memory:
        """Write it, counted, and then the mark; durable on return.

        Raises:
            StorageError: the disk refuses; which of both states is there is not known before the next `load`.
        """
        counted = replace(memory, count=memory.count + 1)
        self._write(counted)
        return counted

    def keep_split(self, origin: str, notes: Sequence[str]) -> str:
        """Put notes of one log that contradict each other beside the state, once; a sentence on where they are.

        Raises:
            StorageError: the disk refuses.
        """
        names = [f"{self._path.name}.split-{sha256_hex(origin.encode())[:16]}-{i}" for i in range(len(notes))]
        paths = [self._path.with_name(name) for name in names]
        for path, note in zip(paths, notes, strict=True):
            if not path.exists():  # whose log it is could fill the disk with more of them
                write_file(path, note.encode())
        return (
            f"{origin} signed two histories: {' and '.join(map(str, paths))} prove it to anyone with its key"
        )

    def close(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def _write(self, memory: Memory) -> None:
        written = _Written(
            memory.count,
            memory.time,
            [str(key) for key in self._keys],
            {origin: kept.note for origin, kept in memory.logs.items()},
        )
        body = msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n"
        write_file(self._path, f"detent witness state/v1 sha256:{sha256_hex(body)}\n".encode() + body)
        write_file(self._mark, f"{memory.count}\n".encode())

    def _read_mark(self) -> int:
        data = _read(self._mark)
        if data is None:
            return -1
        if _MARK.fullmatch(data) is None:
            raise TrustError(
                f"a number in {self._mark} expected, got {data[:40]!r}; it was damaged: write the `count` "
                f"of the newest state into it"
            )
        return int(data)

    def _parse(self, data: bytes) -> Memory:
        head = _HEAD.match(data)
        body = data[head.end() :] if head else b""
        if head is None or head[1].decode() != sha256_hex(body):
            raise TrustError(
                f"a witness's state under its own SHA-256 expected, got {data[:60]!r}... in {self._path}; it was "
                f"damaged: {_RESTORE}"
            )
        try:
            written = msgspec.json.decode(body, type=_Written)
            return self._believed(written)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DetentError) as error:
            raise TrustError(
                f"the state of {self._keys[0].name} expected, got one that cannot be believed in {self._path} "
                f"({error}); {_RESTORE}"
            ) from error

    def _believed(self, written: _Written) -> Memory:
        """The memory, each checkpoint of it held against this witness's own cosignature."""
        unknown = set(written.keys) - {str(key) for key in self._keys}
        if unknown:
            raise TrustError(
                f"the keys that signed before expected, got none for {', '.join(sorted(unknown))[:200]}; "
                "give them again with --key"
            )
        if written.count < 0:
            raise TrustError(f"a count of writes expected, got {written.count}; it was edited")
        logs = {}
        for origin, text in written.logs.items():
            note = Note.parse(text.encode())
            times = verified_cosignatures(note, self._keys)
            checkpoint = Checkpoint.parse(note.text)
            if (
                checkpoint.origin != origin
                or self._keys[0] not in times
                or max(times.values()) > written.time
            ):
                raise TrustError(
                    f"a checkpoint of {origin} cosigned by {self._keys[0].name} until {written.time} expected, "
                    f"got {text[:120]!r}; it was edited"
                )
            logs[origin] = Kept(checkpoint, text)
        return Memory(written.count, written.time, logs)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"to read {path} expected, got {error.strerror or error}; make it a readable file"
        ) from error
