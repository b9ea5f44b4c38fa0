r"""A file of prompts with answers as a task.

    {"prompt": "What is the capital of France?", "answer": "Paris"}
    {"prompt": "Name a prime below 4.", "answer": "2", "answers": ["3", "2 or 3"], "level": 2}

One JSON object a line, in UTF-8. `answer` is what the row teaches where it is taught, and right; `answers` are right
too; outer white space does not count, all else does. `level` is 1 where it is left out. How the rows are dealt into
what is taught, shown and sealed: `_dealing.py`.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from detent.errors import TaskError
from detent.tasks._dealing import SHOWN, TAUGHT, Shares, place_of, plain_bytes
from detent.tasks._rules import flaw, text_flaw
from detent.tasks.base import Ask, TaskSource
from detent.tasks.pools import place_in
from detent.tasks.rng import Rng
from detent.values import Problem, sha256_hex

MOST_ROWS = 1_000_000
LARGEST = 256 << 20
"""Bytes a file of rows may have: as much as is fetched of a file of a published run."""

MOST_FAULTS = 20
"""Lines of what is wrong that are said; a file of a million bad rows has a million."""

HIGHEST = 100

Levels = dict[int, list[Problem]]


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One row."""

    prompt: str
    answer: str
    answers: tuple[str, ...] = ()
    level: int = 1


@dataclass(slots=True)
class Rows:
    """A file's rows by place (TAUGHT, SHOWN or the opening) and level, in the file's order.

    others: of each prompt with more than one right answer, all of them.
    """

    digest: str
    shares: Shares
    dealt: dict[int, Levels] = field(default_factory=dict)
    others: dict[str, frozenset[str]] = field(default_factory=dict)

    def at(self, place: int, level: int) -> list[Problem]:
        """Those of one place and level; none where there are none."""
        return self.dealt.get(place, {}).get(level, [])

    @property
    def sizes(self) -> Iterator[tuple[int, int, int]]:
        """(place, level, rows) of all that have any."""
        return (
            (place, level, len(rows))
            for place, levels in self.dealt.items()
            for level, rows in levels.items()
        )


_rows = msgspec.json.Decoder(Row)


def read_rows(data: bytes, file: str, shares: Shares) -> Rows:
    """The rows of a file, dealt.

    Raises:
        TaskError: everything that is wrong, a line each, the first MOST_FAULTS of them.
    """
    found = Rows(sha256_hex(data), shares)
    faults: list[str] = []
    places: set[str] = set()
    count = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        count += 1
        faults += (f"{file}:{number}: {fault}" for fault in _taken(line, found, places))
        if len(faults) > MOST_FAULTS or count > MOST_ROWS:
            break
    if not 1 <= count <= MOST_ROWS:
        faults.append(f"{file}: 1 to {MOST_ROWS:,} rows expected, got {'more' if count else 'none'}")
    if faults:
        more = ["..."] if len(faults) > MOST_FAULTS else []
        raise TaskError("\n".join([*faults[:MOST_FAULTS], *more]))
    return found


def _taken(line: bytes, rows: Rows, seen: set[str]) -> Iterator[str]:
    """Deal one line; what is wrong with it."""
    try:
        row = _rows.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield f'{{"prompt": "...", "answer": "..."}}, and "answers" and "level" if need be, expected, got: {error}'
        return
    fault = _fault(row)
    if not fault and row.prompt in seen:
        fault = (
            f"each prompt once expected, got {row.prompt[:40]!r} again; put its right answers into one row"
        )
    if fault:
        yield fault
        return
    seen.add(row.prompt)
    levels = rows.dealt.setdefault(place_of(row.prompt, rows.shares), {})
    levels.setdefault(row.level, []).append(Problem(row.prompt, row.answer))
    if row.answers:
        rows.others[row.prompt] = frozenset(one.strip() for one in (row.answer, *row.answers))


def _fault(row: Row) -> str:
    if not 1 <= row.level <= HIGHEST:
        return f"a level from 1 to {HIGHEST} expected, got {row.level}"
    if not row.prompt.strip():
        return "a prompt that is not empty expected, got one"
    if not all(one.strip() for one in (row.answer, *row.answers)):
        return "answers that are not empty expected, got one that is"
    texts = (flaw(Problem(row.prompt, one), text_flaw) for one in (row.answer, *row.answers))
    return next((sentence for sentence in texts if sentence), "")


class RowSource:
    """A `TaskSource` over a file's rows: what is taught of them, with replacement. It is `Pooled`."""

    def __init__(self, name: str, rows: Rows) -> None:
        self._name, self._rows = name, rows

    @property
    def name(self) -> str:
        """The task's name in the charter."""
        return self._name

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file."""
        return self._rows.digest

    @property
    def shares(self) -> Shares:
        """How its rows were dealt."""
        return self._rows.shares

    @property
    def prompts(self) -> Iterator[str]:
        """Every prompt of the file, in no order."""
        return (row.prompt for row in self.problems_dealt)

    @property
    def problems_dealt(self) -> Iterator[Problem]:
        """Every row of the file, in no order."""
        return (row for levels in self._rows.dealt.values() for rows in levels.values() for row in rows)

    def right_for(self, problem: Problem) -> frozenset[str]:
        """All that is right, outer white space apart."""
        return self._rows.others.get(problem.prompt) or frozenset((problem.answer.strip(),))

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """A row that is taught for each ask, each as likely. Raises TaskError where there is none of that level."""
        return drawn(self, self._rows, TAUGHT, asks)

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """Whether each completion is a right answer, outer white space apart."""
        return [completion.strip() in self.right_for(problem) for problem, completion in pairs]

    def space(self, level: int) -> float | None:  # noqa: ARG002  as in `TaskSource`
        """Nothing that is taught is ever shown or sealed: chance puts no test into training."""
        return None

    def shown(self) -> "ShownRows":
        """See `Pooled`."""
        return ShownRows(self._name, self._rows)

    def opened(self, k: int) -> "OpenedRows":
        """See `Pooled`."""
        return OpenedRows(self._name, self._rows, k)

    def close(self) -> None:
        """Nothing runs, so nothing ends."""


class ShownRows(RowSource):
    """What is shown of a file, with replacement."""

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """A row that is shown for each ask, each as likely."""
        return drawn(self, self._rows, SHOWN, asks)


class OpenedRows(RowSource):
    """What one opening has of a file, by place; it is `Finite`."""

    def __init__(self, name: str, rows: Rows, k: int) -> None:
        """k: number of the opening, from 1."""
        super().__init__(name, rows)
        self._k = k

    def rows(self, level: int) -> int | None:
        """So many of that level."""
        return len(self._rows.at(self._k, level))

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """The row at each ask's place."""
        found = []
        for level, seed in asks:
            rows, place = self._rows.at(self._k, level), place_in(seed)
            if place >= len(rows):
                raise _spent(self, f"opening {self._k}", level, len(rows))
            found.append(rows[place])
        return found


def drawn(source: TaskSource, rows: Rows, place: int, asks: Sequence[Ask]) -> list[Problem]:
    """A row of that place for each ask, each as likely."""
    found = []
    for level, seed in asks:
        some = rows.at(place, level)
        if not some:
            raise _spent(source, "what is taught" if place == TAUGHT else "what is shown", level, 0)
        found.append(Rng(seed).choice(some))
    return found


def _spent(source: TaskSource, pool: str, level: int, count: int) -> TaskError:
    return TaskError(
        f"task {source.name}: one more row of level {level} for {pool} expected, got only {count} in its file; add "
        "rows and start another run with it"
    )


def row_faults(source: RowSource, levels: int) -> list[str]:
    """Pools without a row on a level 1 .. `levels`, a sentence each."""
    rows = source._rows  # noqa: SLF001  this module's own
    wanted: Mapping[str, int] = {"what is taught": TAUGHT, "what is shown": SHOWN} | {
        f"opening {k}": k for k in range(1, rows.shares.openings + 1)
    }
    return [
        f"rows of level {level} for {pool} expected, got none; add rows, or deal them otherwise"
        for level in range(1, levels + 1)
        for pool, place in wanted.items()
        if not rows.at(place, level)
    ]


def see_files_apart(sources: Iterable[TaskSource]) -> None:
    """Two files with a row in common would deal it twice: what one seals the other may teach.

    Raises:
        TaskError: two have, but for case and space of ASCII.
    """
    files = [source for source in sources if isinstance(source, RowSource)]
    if len({source.name for source in files}) > 1:  # the same one may be there under several charters
        _see_apart(files, plain_bytes, lambda one, other: one.task != other.task)


def see_questions_once(sources: Iterable[TaskSource]) -> None:
    """A question in two wordings that are one to a reader would be asked twice: perhaps taught, and then sealed.

    Alike are prompts that differ in case, space, form (as compatible characters of Unicode have it) or in what is not
    seen. Two such rows of one file are one question where an answer is right for both; of two files always. This is
    for who writes a file, and no rule for whoever checks a run: it depends on Python's edition of Unicode.

    Raises:
        TaskError: there is one.
    """
    files = [source for source in sources if isinstance(source, RowSource)]
    _see_apart(
        files, _seen, lambda one, other: one.task != other.task or not one.right.isdisjoint(other.right)
    )


class _Question(NamedTuple):
    """A row of a task."""

    source: RowSource
    row: Problem

    @property
    def task(self) -> str:
        """The task's name."""
        return self.source.name

    @property
    def right(self) -> frozenset[str]:
        """All that is right."""
        return self.source.right_for(self.row)


def _see_apart(
    sources: Iterable[RowSource],
    key: Callable[[str], bytes],
    same: Callable[[_Question, _Question], bool],
) -> None:
    seen: dict[bytes, _Question] = {}
    faults: list[str] = []
    for source in sources:
        for row in source.problems_dealt:
            found = _Question(source, row)
            other = seen.setdefault(sha256(key(row.prompt)).digest(), found)
            if other is found or not same(other, found):
                continue
            where = "each question once" if other.task == source.name else "a prompt in one file alone"
            faults.append(
                f"task {source.name}: {where} expected, got {row.prompt[:40]!r}, and {other.row.prompt[:40]!r} in the "
                f"file of {other.task} too; take one out"
            )
            if len(faults) > MOST_FAULTS:
                raise TaskError("\n".join([*faults[:MOST_FAULTS], "..."]))
    if faults:
        raise TaskError("\n".join(faults))


def _seen(prompt: str) -> bytes:
    """What a reader sees of a prompt."""
    if prompt.isascii():
        return " ".join(prompt.lower().split()).encode()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", prompt).casefold())
    return " ".join("".join(one for one in plain if unicodedata.category(one) != "Cf").split()).encode()
