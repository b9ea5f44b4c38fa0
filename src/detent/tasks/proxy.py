"""A user's proxy: one function in one Python file that says whether a label looks right, in a process of its own.

    [proxies.plausible]
    source = "plausible.py:accepts"

The function gets a prompt and a completion, and returns True or False. It is called a proxy because it stands for
the task's own checker, which must not select single labels: it may be wrong, and what is trained on its word learns
to please it. `detent.tripwires.proxy_gold_gap` watches that. What the process may see and use: `user_code.py`.
"""

from collections.abc import Sequence
from pathlib import Path

from detent.tasks._portions import portions
from detent.tasks._protocol import Accept, Checked
from detent.tasks.base import TaskSource
from detent.tasks.rng import Rng
from detent.tasks.user_code import Hosted, Limits, pinned_code, read_code


class Proxy(Hosted):
    """Code that accepts labels or does not."""

    def accepts(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether it accepts each (prompt, completion), in order.

        Raises:
            TaskError: it raised, hung, died, or returned what is neither True nor False.
            EngineError, StorageError: no process could be started.
        """
        found: list[bool] = []
        for some in portions(pairs):
            doing = [f"a look at an answer to {prompt!r}" for prompt, _ in some]
            found += [reply.right for reply in self._process.ask(Accept(tuple(some)), Checked, doing)]
        return found


def vet_proxy(proxy: Proxy, task: TaskSource) -> None:
    """Let a proxy look at an answer of a task before anyone signs; it may say what it likes.

    Raises:
        TaskError: it raises, hangs, dies, or returns what is neither True nor False.
    """
    (problem,) = task.problems([(1, Rng(b"detent/vet").seed)])
    proxy.accepts([(problem.prompt, problem.answer), (problem.prompt, "")])


def proxy(
    name: str, source: str, folder: Path, *, command_prefix: Sequence[str] = (), limits: Limits | None = None
) -> Proxy:
    """The function that `source` names, its file in `folder` as it is now. For `init`, which has it signed.

    command_prefix: argv put before the Python that runs it, such as bubblewrap's.

    Raises:
        TaskError: `source` is not of the form `FILE.py:function`, or the file cannot be read.
    """
    return Proxy(read_code("proxy", name, source, folder), command_prefix, limits or Limits())


def pinned_proxy(
    name: str,
    source: str,
    sha256: str,
    folder: Path,
    *,
    command_prefix: Sequence[str] = (),
    limits: Limits | None = None,
) -> Proxy:
    """As `proxy`, for a run: the file must be the one whose `sha256` (hex) the stewards signed.

    Raises:
        TrustError: the file was changed since.
        TaskError: as `proxy`.
    """
    code = pinned_code("proxy", name, source, sha256, folder)
    return Proxy(code, command_prefix, limits or Limits())
