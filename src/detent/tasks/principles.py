"""Principles as an opening asks them: a source of problems each, like a task's, and what a completion must keep to.

    >>> source = over_ladder("careful", "unsure", builtin("copy"))
    >>> problem = source.problems([(4, b"detent")])[0]
    >>> source.name, source.right([(problem, "?"), (problem, "0")])
    ('P/careful/copy', [True, False])

Built-in probes stand over the run's own ladders, so that each task has a source of its own there. Probes in a file are
one source of one level. A principle's source draws from the seal as tasks do; it trains nothing and climbs nothing.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Protocol

from detent.tasks._checkers import CHECKERS, Checker
from detent.tasks.alphabet import Alphabet
from detent.tasks.base import Ask, TaskSource
from detent.tasks.malformed import Malformed
from detent.tasks.pools import opened_of, rows_of, shown_of
from detent.tasks.probes import CheckAll, FileProbes, Probe, read_probes
from detent.tasks.proxy import Proxy
from detent.tasks.rng import Rng
from detent.tasks.unsure import Unsure
from detent.tasks.user_code import Limits, UserCode, code_address
from detent.values import Problem, sha256_hex


class LadderPrinciple(Protocol):
    """What built-in probes are: pure, like a task.

    own_problems: its problems are none of the task's.
    """

    name: str
    own_problems: bool

    def problem(self, problem: Problem, rng: Rng) -> Problem:
        """What is asked in place of a ladder's problem, drawn from `rng` and nothing else."""
        ...

    def kept(self, problem: Problem, completion: str, *, right: bool) -> bool:
        """Whether a completion keeps to it. right: what the task's own checker says of it."""
        ...

    def marks(self, problem: Problem, completion: str) -> str:
        """Of each character y, or n where it breaks it."""
        ...

    def mended(self, problem: Problem) -> str:
        """What to say in place of a completion that does not keep to it."""
        ...


PROBES: Mapping[str, type[LadderPrinciple]] = MappingProxyType(
    {"alphabet": Alphabet, "malformed": Malformed, "unsure": Unsure}
)


class OverLadder:
    """A `TaskSource` over a task's, with the same levels."""

    def __init__(self, principle: str, probes: LadderPrinciple, task: TaskSource) -> None:
        self._principle, self._probes, self._task = principle, probes, task

    @property
    def name(self) -> str:
        """As `source_name`."""
        return source_name(self._principle, self._task.name)

    @property
    def digest(self) -> str:
        """As `probes_digest`; the task's own stands beside it in every intent."""
        return probes_digest(self._probes.name)

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """The task's problem of each ask, as the principle asks it. Raises TaskError as both do."""
        drawn = self._task.problems(asks)
        return [
            self._probes.problem(problem, Rng(seed).child("principle"))
            for problem, (_, seed) in zip(drawn, asks, strict=True)
        ]

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """Whether each completion keeps to the principle. Raises TaskError as the task does."""
        # A problem that the principle made is not the task's to judge.
        asks_task = isinstance(self._probes, Unsure)
        marks = self._task.right(pairs) if asks_task else [False] * len(pairs)
        return [
            self._probes.kept(problem, completion, right=mark)
            for (problem, completion), mark in zip(pairs, marks, strict=True)
        ]

    def space(self, level: int) -> float | None:
        """As many as the task has."""
        return self._task.space(level)

    def shown(self) -> "OverLadder":
        """See `detent.tasks.pools.Pooled`: over what the task shows."""
        return OverLadder(self._principle, self._probes, shown_of(self._task))

    def opened(self, k: int) -> "OverLadder":
        """See `Pooled`: over what the task has for opening `k`."""
        return OverLadder(self._principle, self._probes, opened_of(self._task, k))

    def rows(self, level: int) -> int | None:
        """See `Finite`: as many as the task has."""
        return rows_of(self._task, level)

    def close(self) -> None:
        """Whoever made the task's source ends it."""


def over_ladder(principle: str, probes: str, task: TaskSource) -> OverLadder:
    """Built-in probes (a name of `PROBES`) over a task's ladder, under a principle's name."""
    return OverLadder(principle, PROBES[probes](), task)


def from_file(
    principle: str,
    probes: str,
    checker: str,
    files: Mapping[str, bytes],
    *,
    command_prefix: Sequence[str] = (),
) -> FileProbes:
    """Probes of a file, under a principle's name.

    Args:
        principle: its name in the constitution.
        probes: name of the file.
        checker: a name of `CHECKERS`, `FILE.py:function`, or "".
        files: the contents of the author's files, by name; those are what is asked, and what runs.
        command_prefix: argv put before the Python that runs the author's checker, such as bubblewrap's.

    Raises:
        CharterError: rows that are none.
        TaskError: `checker` has another form.
    """
    rows = read_probes(files[probes], probes, checked=checker != "")
    return _over_rows(source_name(principle), principle, rows, (probes, checker), files, command_prefix)


def open_prompts(
    principle: str,
    prompts: str,
    checker: str,
    files: Mapping[str, bytes],
    *,
    command_prefix: Sequence[str] = (),
) -> FileProbes:
    """A file of prompts by which a principle is taught; whether an answer keeps to it only a checker could say.

    Args and errors as of `from_file`.
    """
    rows, name = read_probes(files[prompts], prompts, checked=True), source_name(principle, OPEN)
    return _over_rows(name, principle, rows, (prompts, checker), files, command_prefix)


def _over_rows(  # noqa: PLR0917
    name: str,
    principle: str,
    rows: Sequence[Probe],
    named: tuple[str, str],
    files: Mapping[str, bytes],
    command_prefix: Sequence[str],
) -> FileProbes:
    """named: the file with the rows, and the checker."""
    file, checker = named
    pins = {one: sha256_hex(files[one]) for one in {file, checker.partition(":")[0]} & files.keys()}
    digest = probes_digest(file, checker, pins)
    if ":" not in checker:
        return FileProbes(name, digest, rows, _each(CHECKERS[checker]) if checker else None, lambda: None)
    address = code_address("checker", checker)
    code = UserCode("checker", principle, address, files[address.file])
    own = Proxy(code, command_prefix, Limits())
    return FileProbes(name, digest, rows, own.accepts, own.close)


OPEN = "*"
"""In place of a task's name in a source's: the principle's own prompts. No task can be called so."""


def is_open(source: str) -> bool:
    """Whether a source, by its name, is a principle's prompts without answers."""
    return is_principle(source) and source.split("/", 2)[2:] == [OPEN]


def source_name(principle: str, task: str = "") -> str:
    """What a principle's source is called in targets and intents; no task can be called so.

    task: over whose ladder it stands; "" for probes of a file; `OPEN` for prompts of a file.
    """
    return f"P/{principle}/{task}" if task else f"P/{principle}"


def is_principle(source: str) -> bool:
    """Whether a source, by its name, asks a principle, and no task."""
    return source.startswith("P/")


def probes_digest(probes: str, checker: str = "", files: Mapping[str, str] = MappingProxyType({})) -> str:
    """SHA-256 (hex) of what `sha256sum` prints of all that draws and checks these probes.

    files: SHA-256 (hex) of the author's own by name. The name of a checker's function stands behind its file's.
    """
    if probes in PROBES:
        return sha256_hex(_own_listing(f"{probes}.py", "_abstaining.py", "principles.py", "rng.py").encode())
    lines = f"{files[probes]}  {probes}\n"
    if ":" in checker:
        lines += f"{files[checker.partition(':')[0]]}  {checker}\n"
    elif checker:
        lines += f"{checker} of " + _own_listing("_checkers.py", "_abstaining.py")
    return sha256_hex((lines + _own_listing("probes.py", "rng.py")).encode())


@cache
def _own_listing(*names: str) -> str:
    folder = resources.files(__package__)
    return "".join(f"{sha256_hex(folder.joinpath(name).read_bytes())}  {name}\n" for name in names)


def _each(checker: Checker) -> CheckAll:
    return lambda pairs: [checker(prompt, completion) for prompt, completion in pairs]
