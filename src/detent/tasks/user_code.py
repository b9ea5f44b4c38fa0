"""One Python file of a user's, and the process without keys that it runs in: a task's class, a tripwire's function.

The file is read once; its SHA-256 is its digest, and those bytes are what runs. Without a confining `command_prefix`
the process can read what its user can read; inside bubblewrap it has no network either.
"""

import errno
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

from detent.errors import EngineError, StorageError, TaskError, TrustError
from detent.tasks._channel import Channel, EndedError, SilenceError
from detent.tasks._protocol import (
    Call,
    Checked,
    Drawn,
    Fault,
    Kind,
    Load,
    Loaded,
    Marked,
    Said,
    decode_reply,
    encode_line,
)
from detent.values import sha256_hex

T = TypeVar("T")
R = TypeVar("R", Loaded, Drawn, Checked, Marked, Said)

GRACE = 2.0
"""Seconds after the limit in which the host may still say where the code hangs."""

LARGEST_CODE = 1 << 20
"""Bytes of a file of code."""

LONGEST_WORDS = 500
"""Characters of what a user's code said of itself that are believed."""

_FORMS: dict[Kind, tuple[str, str]] = {
    "task": ("FILE.py:Class", "class"),
    "gym": ("FILE.py:Class", "class"),
    "tripwire": ("FILE.py:function", "function"),
    "proxy": ("FILE.py:function", "function"),
    "checker": ("FILE.py:function", "function"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user's code may use. seconds: for one problem, check or look, or to load; memory: bytes.

    altogether: seconds for everything that one reader asks of it; who runs a run waits as long as it takes.
    """

    seconds: float = 10.0
    memory: int = 1 << 30
    altogether: float = inf


class CodeAddress(NamedTuple):
    """Where a user's code is written: a file beside the charter, and a class or function in it."""

    file: str
    member: str


@dataclass(frozen=True, slots=True)
class UserCode:
    """A file as it was read. name: of the task or tripwire, in the charter."""

    kind: Kind
    name: str
    address: CodeAddress
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file."""
        return sha256_hex(self.content)

    @property
    def said(self) -> str:
        """What messages call it, such as `task rotate`."""
        return f"{'task' if self.kind == 'gym' else self.kind} {self.name}"


def code_address(kind: Kind, source: str) -> CodeAddress:
    """Read `source` as the charter has it, such as `rotate.py:Rotate`.

    Raises:
        TaskError: it has another form, or leads out of the charter's folder.
    """
    match = re.fullmatch(r"([^:]+\.py):([A-Za-z_][A-Za-z0-9_]*)", source)
    if not match or Path(match[1]).is_absolute() or ".." in Path(match[1]).parts:
        form, member = _FORMS[kind]
        raise TaskError(
            f'"{form}" with FILE in the charter\'s folder expected, got "{source}"; '
            f"move the file beside the charter and name the {member}"
        )
    return CodeAddress(match[1], match[2])


def read_code(kind: Kind, name: str, source: str, folder: Path) -> UserCode:
    """The file that `source` names, in `folder`, as it is now.

    Raises:
        TaskError: `source` is of another form, or the file cannot be read.
    """
    address = code_address(kind, source)
    try:
        content = plain_content(folder / address.file, LARGEST_CODE)
    except (OSError, ValueError) as error:
        got = error.strerror if isinstance(error, OSError) else error
        raise TaskError(
            f"{kind} {name}: the file {folder / address.file} expected, got {got}; put it beside the charter"
        ) from error
    return UserCode(kind, name, address, content)


def plain_content(path: Path, most: int) -> bytes:
    """Of an ordinary file: a stranger's run folder may have a pipe there that nobody writes to, or a device.

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else, or has more than `most` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise ValueError(f"something else than an ordinary file of at most {most:,} bytes")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(found.st_size)
    finally:
        os.close(handle)


def pinned_code(kind: Kind, name: str, source: str, sha256: str, folder: Path) -> UserCode:
    """As `read_code`, for a run: the file must be the one whose `sha256` (hex) the stewards signed.

    Raises:
        TrustError: the file was changed since.
        TaskError: as `read_code`.
    """
    found = read_code(kind, name, source, folder)
    if found.digest != sha256:
        # Stops the world: with another checker or tripwire nothing on the ledger means what it says.
        raise TrustError(
            f"{found.said}: {folder / found.address.file} with SHA-256 {sha256} expected, as signed, "
            f"got {found.digest}; restore the file"
        )
    return found


class CodeProcess:
    """A user's code, running elsewhere. Its process starts with the first question.

    Every error ends the process; the next question starts a new one.
    """

    def __init__(self, code: UserCode, command_prefix: Sequence[str], limits: Limits) -> None:
        self._code = code
        self._prefix = tuple(command_prefix)
        self._limits = limits
        self._channel: Channel | None = None
        self._spent = 0.0

    def ask(self, call: Call, kind: type[R], doing: Sequence[str]) -> list[R]:
        """Send `call`; one reply of `kind` for each thing being done, as messages call it.

        Raises:
            TaskError: the code raised, hung, died or returned something else.
            EngineError, StorageError: no process could be started.
        """
        try:
            channel = self._channel or self._open()
            return self._exchange(channel, call, kind, doing)
        except BaseException:
            self.close()  # an unfinished exchange must not answer the next question
            raise

    def close(self) -> None:
        """End the process and wait for it; may be called twice."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def fail(self, sentence: str) -> NoReturn:
        """Raise what is wrong with the code as TaskError."""
        raise TaskError(f"{self._code.said}: {self._code.address.file}: {sentence}")

    def _open(self) -> Channel:
        """Start the process and load the code in it."""
        # -R: where a prefix fixes the hash seed, chance comes back, and code that depends on it shows. Of the gym some
        # tasks are known to depend on it, and nobody here can mend them: there it is fixed for all.
        chance = ("-R",) if self._code.kind != "gym" else ()
        fixed = () if chance else ("/usr/bin/env", "PYTHONHASHSEED=0")
        python = (*fixed, sys.executable, *chance, "-P", "-m", "detent.tasks.host")
        try:
            self._channel = Channel([*self._prefix, *python, *self._code.address])
        except OSError as error:
            disk_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise (StorageError if disk_full else EngineError)(
                f"a process for {self._code.said} expected, got {error}; nothing was changed, run again when "
                "the system lets one start"
            ) from error
        load = Load(self._text(), self._code.kind, self._code.name, self._limits.seconds, self._limits.memory)
        self._exchange(self._channel, load, Loaded, ["loading it"])
        return self._channel

    def _text(self) -> str:
        try:
            return self._code.content.decode()
        except UnicodeDecodeError as error:
            self.fail(f"a file in UTF-8 expected, got {error}")

    def _exchange(self, channel: Channel, call: Call, kind: type[R], doing: Sequence[str]) -> list[R]:
        began, most = time.monotonic(), self._limits.altogether
        self._step(channel, doing[0], lambda seconds: channel.send(encode_line(call), seconds))
        replies = []
        for each in doing:
            replies.append(self._reply(channel, kind, each))
            if self._spent + time.monotonic() - began > most:
                self.fail(f"all answers within {most:g} seconds expected, got more to wait for")
        self._spent += time.monotonic() - began
        return replies

    def _reply(self, channel: Channel, kind: type[R], doing: str) -> R:
        line = self._step(channel, doing, channel.receive)
        try:
            reply = decode_reply(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.fail(f"its process spoke out of turn during {doing}: {line[:60]!r}")
        if isinstance(reply, Fault):
            where, message = _plain(reply.where), _plain(reply.message)
            raise TaskError(f"{self._code.said}: {where}: {message} (during {doing})")
        if not isinstance(reply, kind):
            self.fail(f"its process spoke out of turn during {doing}: {line[:60]!r}")
        return reply

    def _step(self, channel: Channel, doing: str, step: Callable[[float], T]) -> T:
        """Do one step of the exchange in time."""
        began = time.monotonic()
        try:
            return step(self._limits.seconds + GRACE)
        except SilenceError:
            self._hangs(channel, doing)
        except EndedError as error:
            # Behind a command prefix the signal may arrive as the shells' 128 + its number.
            alarmed = error.status in {-signal.SIGALRM, 128 + signal.SIGALRM}
            if alarmed or time.monotonic() - began >= self._limits.seconds:
                self._hangs(channel, doing)
            last = _plain(channel.last_words.strip().rpartition("\n")[2])
            said = f'; its last words: "{last}"' if last else ""
            self.fail(f"its process {_ending(error.status)} during {doing}{said}")

    def _hangs(self, channel: Channel, doing: str) -> NoReturn:
        """The host wrote where the code stood to standard error, innermost first."""
        file = re.escape(Path(self._code.address.file).name)
        place = re.search(rf'File "({file})", line (\d+)', channel.last_words)
        where = f"{place[1]}:{place[2]}" if place else self._code.address.file
        raise TaskError(
            f"{self._code.said}: {where}: no result after {self._limits.seconds:g} seconds during {doing}; "
            "it hangs, or is too slow"
        )


class Hosted:
    """What a user's task, tripwire and proxy have in common: a file, and a process that runs it."""

    def __init__(self, code: UserCode, command_prefix: Sequence[str], limits: Limits) -> None:
        self._code = code
        self._process = CodeProcess(code, command_prefix, limits)

    @property
    def name(self) -> str:
        """Its name in the charter."""
        return self._code.name

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its file."""
        return self._code.digest

    def close(self) -> None:
        """End its process and wait for it; may be called twice."""
        self._process.close()


def _plain(text: str) -> str:
    """A stranger's words as one line that a terminal only prints, cut where it becomes long."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST_WORDS])


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"
