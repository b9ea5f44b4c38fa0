"""A user's task: one class in one Python file, run in a process of its own without keys.

    [tasks.rotate]
    source = "rotate.py:Rotate"

The SHA-256 of the file is the task's digest. What the process may see and use: `user_code.py`.
"""

from collections.abc import Sequence
from pathlib import Path

from detent.tasks._portions import portions
from detent.tasks._protocol import Check, Checked, Draw, Drawn, Mark, Marked
from detent.tasks._rules import flaw, marks_flaw, sign_flaw
from detent.tasks.base import Ask
from detent.tasks.marks import Marks
from detent.tasks.user_code import Hosted, Limits, pinned_code, read_code
from detent.values import Problem


class PluginSource(Hosted):
    """A `TaskSource` whose code runs elsewhere, in a `CodeProcess`."""

    _flaw = staticmethod(sign_flaw)

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """As in `TaskSource`."""
        found: list[Problem] = []
        for some in portions(asks):
            call = Draw(tuple((level, seed.hex()) for level, seed in some))
            doing = [f"a problem of level {level}" for level, _ in some]
            found += [self._believed(reply.problem) for reply in self._process.ask(call, Drawn, doing)]
        return found

    def space(self, level: int) -> float | None:  # noqa: ARG002  as in `TaskSource`
        """A user's task does not say."""
        return None

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """As in `TaskSource`."""
        found: list[bool] = []
        for some in portions(pairs):
            doing = [f"a check of an answer to {problem.prompt!r}" for problem, _ in some]
            found += [reply.right for reply in self._process.ask(Check(tuple(some)), Checked, doing)]
        return found

    def marks(self, problems: Sequence[Problem]) -> list[Marks]:
        """As in `Marking`."""
        found: list[Marks] = []
        for some in portions(problems):
            doing = [f"marks of {problem.prompt!r}" for problem in some]
            replies = self._process.ask(Mark(tuple(some)), Marked, doing)
            for problem, reply in zip(some, replies, strict=True):
                if sentence := marks_flaw(problem, reply.marks):
                    self._process.fail(sentence)
                found.append(reply.marks)
        return found

    def _believed(self, problem: Problem) -> Problem:
        if sentence := flaw(problem, self._flaw):
            self._process.fail(sentence)
        return problem


def plugin(
    name: str, source: str, folder: Path, *, command_prefix: Sequence[str] = (), limits: Limits | None = None
) -> PluginSource:
    """The task that `source` names, its file in `folder` as it is now. For `init`, which has it signed.

    command_prefix: argv put before the Python that runs it, such as bubblewrap's.

    Raises:
        TaskError: `source` is not of the form `FILE.py:Class`, or the file cannot be read.
    """
    return PluginSource(read_code("task", name, source, folder), command_prefix, limits or Limits())


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
    code = pinned_code("task", name, source, sha256, folder)
    return PluginSource(code, command_prefix, limits or Limits())
