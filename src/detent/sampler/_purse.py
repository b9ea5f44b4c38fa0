"""The budget: checked before a question is sent, and written down before it is.

    >>> purse = Purse(folder, connection)
    >>> held = purse.hold("a question", most_written=256)      # CharterError: it might cost more than is left
    >>> purse.pay(held, read=120, written=3)

What is on its way counts for the most that it can take: a byte is a token at the least, for every tokenizer that reads
bytes. The journal `spent.jsonl` lies beside the kept answers; what stands on the ledger is a floor under it, so that a
journal that was removed makes nothing cheap again.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

from detent.errors import CharterError, StorageError
from detent.values.serving import Connection

JOURNAL = "spent.jsonl"

FRAME = 64
"""Tokens that a chat template puts around a question, at the most that is known; servers count them as read."""


class Held(NamedTuple):
    """The most that a question on its way can take, in tokens."""

    read: int
    written: int


class Purse:
    """What one server may still be asked for."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        """Read the journal; a line that a crash cut short is taken off.

        Raises:
            StorageError: it cannot be read, or holds something else.
        """
        self._path = folder / JOURNAL
        self._connection = connection
        self._read, self._written = self._journal()
        self._flying: list[Held] = []
        lacking = Held(
            max(0, connection.spent_read - self._read), max(0, connection.spent_written - self._written)
        )
        if any(lacking):  # else what is spent from here on would be lost beneath the floor
            self._took(*lacking)

    @property
    def spent(self) -> Held:
        """Tokens that were paid for, or lost."""
        read, written = (sum(column) for column in zip(Held(0, 0), *self._flying, strict=True))
        return Held(self._read - read, self._written - written)

    def hold(self, question: str, most_written: int) -> Held:
        """Set aside what a question can take, and write that down.

        Raises:
            CharterError: it might go beyond the budget. Nothing more is sent then.
            StorageError: the disk refuses.
        """
        held = Held(len(question.encode()) + FRAME, most_written)
        read, written = self._read + held.read, self._written + held.written
        budget, name = self._connection.budget, self._connection.name
        if read + written > budget.tokens:
            raise CharterError(
                f"a question within servers.{name}.budget.tokens = {budget.tokens} expected, got one that could lead "
                f"to {read + written}, of which {sum(self.spent)} are spent; amend the charter to go on"
            )
        if budget.money and (cost := budget.cost(read, written)) > budget.money:
            raise CharterError(
                f"a question within servers.{name}.budget.money = {budget.money:g} expected, got one that could lead "
                f"to {cost:.4g}, of which {budget.cost(*self.spent):.4g} is spent; amend the charter to go on"
            )
        self._took(*held)
        self._flying.append(held)
        return held

    def free(self, held: Held) -> None:
        """It was not answered, and is not charged for: refused, or never sent. Raises as `pay`."""
        self.pay(held, 0, 0)

    def lose(self, held: Held) -> None:
        """It was sent, and what it took is not known: an answer that broke off may have been written to its end."""
        self._flying.remove(held)

    def pay(self, held: Held, read: int, written: int) -> None:
        """It took so much, as the server says.

        Raises:
            CharterError: that is more than there was, and than it could take.
            StorageError: the disk refuses.
        """
        self._flying.remove(held)
        self._took(read - held.read, written - held.written)
        budget, name = self._connection.budget, self._connection.name
        if self._read + self._written > budget.tokens:
            raise CharterError(
                f"answers within servers.{name}.budget.tokens = {budget.tokens} expected, got "
                f"{self._read + self._written} tokens, as the server counts; ask who runs it, or amend the charter"
            )
        if budget.money and (cost := budget.cost(self._read, self._written)) > budget.money:
            raise CharterError(
                f"answers within servers.{name}.budget.money = {budget.money:g} expected, got what costs {cost:.4g}, "
                "as the server counts tokens; ask who runs it, or amend the charter"
            )

    def _took(self, read: int, written: int) -> None:
        """Add so many tokens, less where they are below 0; the line is on the disk when this returns."""
        line = json.dumps({"read": read, "written": written}) + "\n"
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, line.encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(f"a line more in {self._path} expected, got: {error}; free space") from error
        self._read += read
        self._written += written

    def _journal(self) -> tuple[int, int]:
        try:
            content = self._path.read_bytes() if self._path.exists() else b""
            if (whole := content.rfind(b"\n") + 1) < len(
                content
            ):  # a crash cut it short: nothing was sent yet
                os.truncate(self._path, whole)
            lines = content[:whole].decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"a journal in {self._path} expected, got: {error}; restore it") from error
        read = written = 0
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                read, written = _added(read, row["read"]), _added(written, row["written"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise StorageError(
                    f"tokens read and written in line {number} of {self._path} expected, got {line[:80]!r}; restore it"
                ) from error
        return read, written


def _added(so_far: int, value: object) -> int:
    """The sum, which never falls below 0: no more is given back than was set aside."""
    if not isinstance(value, int) or isinstance(value, bool) or so_far + value < 0:
        raise ValueError(value)
    return so_far + value
