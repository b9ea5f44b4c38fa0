"""What is still to be delivered, in the user's data folder: a restart neither loses nor repeats it.

    >>> outbox.add("msg_5f0c", "lab", "{...}", now)
    True
    >>> outbox.add("msg_5f0c", "lab", "{...}", now)     # the same entry, seen again
    False

What was being sent when the power went is sent again, under the same id, by which receivers know it. No secret and no
address is in it: targets are called by their names in the file.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from detent.errors import StorageError

CLAIM_SECONDS = 180.0
"""What one process is sending no other sends for so long."""

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
    made REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL,
    PRIMARY KEY (id, target)
)
"""


class Delivery(NamedTuple):
    """One message to one target. made: when it was put in, seconds since 1970. attempts: this one counted."""

    id: str
    target: str
    body: str
    made: float
    attempts: int


class Outbox:
    """A file of deliveries; several threads and processes may use it.

    Raises:
        StorageError: the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._file = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _refused(error) from error
        with self._writing() as file:
            file.execute(_TABLE)

    def add(self, name: str, target: str, body: str, now: float) -> bool:
        """Put a message in; False when it was there, sent or not."""
        with self._writing() as file:
            values = (name, target, body, "waiting", now, now, 0)
            done = file.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            return done.rowcount == 1

    def claim(self, target: str, now: float) -> Delivery | None:
        """The next one that is due; no other caller gets it for CLAIM_SECONDS."""
        with self._writing() as file:
            row = file.execute(
                "SELECT id, target, body, made, attempts + 1 FROM deliveries "
                "WHERE target = ? AND state = 'waiting' AND due <= ? ORDER BY due LIMIT 1",
                (target, now),
            ).fetchone()
            if row is None:
                return None
            found = Delivery(*row)
            self._set(file, found, "due = ?, attempts = ?", (now + CLAIM_SECONDS, found.attempts))
            return found

    def sent(self, delivery: Delivery) -> None:
        """It arrived. What it said is forgotten; that it was said is not."""
        with self._writing() as file:
            self._set(file, delivery, "state = 'sent', body = ''", ())

    def given_up(self, delivery: Delivery) -> None:
        """It will not be tried again."""
        with self._writing() as file:
            self._set(file, delivery, "state = 'given up', body = ''", ())

    def later(self, delivery: Delivery, due: float) -> None:
        """It is to be tried again at that time."""
        with self._writing() as file:
            self._set(file, delivery, "due = ?", (due,))

    def states(self) -> dict[tuple[str, str], str]:
        """What became of each, by id and target: waiting, sent or given up."""
        with self._writing() as file:
            rows = file.execute("SELECT id, target, state FROM deliveries").fetchall()
            return {(name, target): state for name, target, state in rows}

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            self._file.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file."""
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: whole, or not at all."""
        with self._guard:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    yield self._file
                except BaseException:
                    self._file.execute("ROLLBACK")
                    raise
                self._file.execute("COMMIT")
            except sqlite3.Error as error:
                raise _refused(error) from error

    @staticmethod
    def _set(file: sqlite3.Connection, delivery: Delivery, what: str, values: tuple[object, ...]) -> None:
        # `what` is written above, never given.
        file.execute(
            f"UPDATE deliveries SET {what} WHERE id = ? AND target = ?",  # noqa: S608
            (*values, delivery.id, delivery.target),
        )


def _refused(error: Exception) -> StorageError:
    return StorageError(f"an outbox in the user's data folder expected, got: {error}; free or mend the disk")
