"""A user's task: one class in one Python file, run in a process of its own without keys.

    [tasks.rotate]
    source = "rotate.py:Rotate"

The file is read once; its SHA-256 is the task's digest, and those bytes are what runs. Without a confining
`command_prefix` the process can read what its user can read; inside bubblewrap it has no network either.
"""

import errno
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

from detent.errors import EngineError, StorageError, TaskError, TrustError
from detent.tasks._channel import Channel, EndedError, SilenceError
from detent.tasks._protocol import (
    Call,
    Check,
    Checked,
    Draw,
    Drawn,
    Fault,
    Load,
    Loaded,
    decode_reply,
    encode_line,
)
from detent.tasks._rules import flaw
from detent.tasks.base import Ask
from detent.values import Problem, sha256_hex

T = TypeVar("T")
R = TypeVar("R", Loaded, Drawn, Checked)

PORTION = 256
"""Items that go down the pipe at once."""

GRACE = 2.0
"""Seconds after the limit in which the host may still say where its task hangs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user's task may use. seconds: for one problem or one check, or to load; memory: bytes."""

    seconds: float = 10.0
    memory: int = 1 << 30


class PluginAddress(NamedTuple):
    """Where a user's task is written: a file beside the charter, and a class in it."""

    file: str
    class_name: str


def plugin_address(source: str) -> PluginAddress:
    """Read `source` as the charter has it, such as `rotate.py:Rotate`.

    Raises:
        TaskError: it has another form, or leads out of the charter's folder.
    """
    match = re.fullmatch(r"([^:]+\.py):([A-Za-z_][A-Za-z0-9_]*)", source)
    if not match or Path(match[1]).is_absolute() or ".." in Path(match[1]).parts:
        raise TaskError(
            f'"FILE.py:Class" with FILE in the charter\'s folder expected, got "{source}"; '
            "move the file beside the charter and name the class"
        )
    return PluginAddress(match[1], match[2])


class PluginSource:
    """A `TaskSource` whose code runs elsewhere. Its process starts with the first question.

    Every error ends the process; the next question starts a new one.
    """

    def __init__(
        self, name: str, address: PluginAddress, code: bytes, command_prefix: Sequence[str], limits: Limits
    ) -> None:
        self._name = name
        self._address = address
        self._code = code
        self._prefix = tuple(command_prefix)
        self._limits = limits
        self._channel: Channel | None = None

    @property
    def name(self) -> str:
        """The task's name in the charter."""
        return self._name

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the task's file."""
        return sha256_hex(self._code)

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """As in `TaskSource`."""
        found: list[Problem] = []
        for some in _portions(asks):
            call = Draw(tuple((level, seed.hex()) for level, seed in some))
            doing = [f"a problem of level {level}" for level, _ in some]
            found += [self._believed(reply.problem) for reply in self._ask(call, Drawn, doing)]
        return found

    def space(self, level: int) -> float | None:  # noqa: ARG002  as in `TaskSource`
        """A user's task does not say."""
        return None

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """As in `TaskSource`."""
        found: list[bool] = []
        for some in _portions(pairs):
            doing = [f"a check of an answer to {problem.prompt!r}" for problem, _ in some]
            found += [reply.right for reply in self._ask(Check(tuple(some)), Checked, doing)]
        return found

    def close(self) -> None:
        """End the task's process and wait for it."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _ask(self, call: Call, kind: type[R], doing: Sequence[str]) -> list[R]:
        """Send `call`; one reply of `kind` for each thing being done."""
        try:
            channel = self._channel or self._open()
            return self._exchange(channel, call, kind, doing)
        except BaseException:
            self.close()  # an unfinished exchange must not answer the next question
            raise

    def _open(self) -> Channel:
        """Start the process and load the task in it."""
        # -R: where a prefix fixes the hash seed, chance comes back, and code that depends on it shows.
        python = (sys.executable, "-R", "-P", "-m", "detent.tasks.host")
        try:
            self._channel = Channel([*self._prefix, *python, *self._address])
        except OSError as error:
            disk_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise (StorageError if disk_full else EngineError)(
                f"a process for task {self._name} expected, got {error}; nothing was changed, run again when "
                "the system lets one start"
            ) from error
        load = Load(self._text(), self._limits.seconds, self._limits.memory)
        (loaded,) = self._exchange(self._channel, load, Loaded, ["loading it"])
        if loaded.name != self._name:
            self._fail(f'name = "{self._name}" expected, as in the charter, got "{loaded.name}"')
        return self._channel

    def _text(self) -> str:
        try:
            return self._code.decode()
        except UnicodeDecodeError as error:
            self._fail(f"a file in UTF-8 expected, got {error}")

    def _exchange(self, channel: Channel, call: Call, kind: type[R], doing: Sequence[str]) -> list[R]:
        self._step(channel, doing[0], lambda seconds: channel.send(encode_line(call), seconds))
        return [self._reply(channel, kind, each) for each in doing]

    def _reply(self, channel: Channel, kind: type[R], doing: str) -> R:
        line = self._step(channel, doing, channel.receive)
        try:
            reply = decode_reply(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._fail(f"its process spoke out of turn during {doing}: {line[:60]!r}")
        if isinstance(reply, Fault):
            raise TaskError(f"task {self._name}: {reply.where}: {reply.message} (during {doing})")
        if not isinstance(reply, kind):
            self._fail(f"its process spoke out of turn during {doing}: {line[:60]!r}")
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
            last = channel.last_words.strip().rpartition("\n")[2]
            said = f'; its last words: "{last}"' if last else ""
            self._fail(f"its process {_ending(error.status)} during {doing}{said}")

    def _hangs(self, channel: Channel, doing: str) -> NoReturn:
        """The host wrote where the task stood to standard error, innermost first."""
        file = re.escape(Path(self._address.file).name)
        place = re.search(rf'File "({file})", line (\d+)', channel.last_words)
        where = f"{place[1]}:{place[2]}" if place else self._address.file
        raise TaskError(
            f"task {self._name}: {where}: no result after {self._limits.seconds:g} seconds during {doing}; "
            "it hangs, or is too slow"
        )

    def _believed(self, problem: Problem) -> Problem:
        if sentence := flaw(problem):
            self._fail(sentence)
        return problem

    def _fail(self, sentence: str) -> NoReturn:
        raise TaskError(f"task {self._name}: {self._address.file}: {sentence}")


def plugin(
    name: str, source: str, folder: Path, *, command_prefix: Sequence[str] = (), limits: Limits | None = None
) -> PluginSource:
    """The task that `source` names, its file in `folder` as it is now. For `init`, which has it signed.

    command_prefix: argv put before the Python that runs it, such as bubblewrap's.

    Raises:
        TaskError: `source` is not of the form `FILE.py:Class`, or the file cannot be read.
    """
    address = plugin_address(source)
    try:
        code = (folder / address.file).read_bytes()
    except OSError as error:
        raise TaskError(
            f"task {name}: the file {folder / address.file} expected, got {error.strerror}; "
            "put it beside the charter"
        ) from error
    return PluginSource(name, address, code, command_prefix, limits or Limits())


def pinned_plugin(
    name: str,
    source: str,
    sha256: str,
    folder: Path,
    *,
    command_prefix: Sequence[str] = (),
    limits: Limits | None = None,
) -> PluginSource:
    """As `plugin`, for a run: the file must be the one whose `sha256` (hex) the stewards signed.

    Raises:
        TrustError: the file was changed since.
        TaskError: as `plugin`.
    """
    found = plugin(name, source, folder, command_prefix=command_prefix, limits=limits)
    if found.digest != sha256:
        # Stops the world: with another checker no number on the ledger means what it says.
        raise TrustError(
            f"task {name}: {folder / plugin_address(source).file} with SHA-256 {sha256} expected, as signed, "
            f"got {found.digest}; restore the file"
        )
    return found


def _portions(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[at : at + PORTION] for at in range(0, len(items), PORTION)]


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"
