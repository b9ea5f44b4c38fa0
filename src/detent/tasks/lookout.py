"""The function of a user's tripwire, in one Python file, run in a process of its own without keys.

    [tripwires.slow_climb]
    source = "slow_climb.py:watch"

What it is given and what an alarm means: `detent.tripwires.own`. What the process may see and use: `user_code.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detent.tasks._protocol import Look, Said
from detent.tasks._rules import sentence_flaw
from detent.tasks.user_code import Hosted, Limits, pinned_code, read_code


class Lookout(Hosted):
    """Code that looks at numbers and says a sentence, or nothing. Each look is made by a process of its own.

    So nothing is remembered from one look to the next, which a run that was cut short could not keep.
    """

    def look(self, numbers: Mapping[str, Any], doing: str) -> str | None:
        """What the function says of `numbers` (JSON values); None when it is quiet. doing: for messages.

        Raises:
            TaskError: it raised, hung, died, or returned what is neither None nor one line of text.
            EngineError, StorageError: no process could be started.
        """
        try:
            (reply,) = self._process.ask(Look(dict(numbers)), Said, [doing])
        finally:
            self._process.close()
        if reply.sentence is not None and (fault := sentence_flaw(reply.sentence)):
            self._process.fail(fault)
        return reply.sentence


def lookout(
    name: str, source: str, folder: Path, *, command_prefix: Sequence[str] = (), limits: Limits | None = None
) -> Lookout:
    """The function that `source` names, its file in `folder` as it is now. For `init`, which has it signed.

    command_prefix: argv put before the Python that runs it, such as bubblewrap's.

    Raises:
        TaskError: `source` is not of the form `FILE.py:function`, or the file cannot be read.
    """
    return Lookout(read_code("tripwire", name, source, folder), command_prefix, limits or Limits())


def pinned_lookout(
    name: str,
    source: str,
    sha256: str,
    folder: Path,
    *,
    command_prefix: Sequence[str] = (),
    limits: Limits | None = None,
) -> Lookout:
    """As `lookout`, for a run: the file must be the one whose `sha256` (hex) the stewards signed.

    Raises:
        TrustError: the file was changed since.
        TaskError: as `lookout`.
    """
    code = pinned_code("tripwire", name, source, sha256, folder)
    return Lookout(code, command_prefix, limits or Limits())
