"""Everything that can go wrong, as one tree. Branches are named after who must act.

    DetentError
    ├── UsageError         our caller's mistake: wrong folder, wrong argument       exit 2
    ├── CharterError       the charter does not allow it, or cannot be read         exit 3
    ├── TrustError         something recorded cannot be believed                    exit 4
    │   └── SealError      the seal's secret and the charter do not belong together
    ├── SubjectError       a model, or what it was given, misbehaved                exit 5
    ├── TaskError          a task's own code is wrong, raises or hangs              exit 6
    ├── EngineError        a worker died, stalled or could not be started           exit 7
    ├── BusyError          another process holds the run folder                     exit 8
    ├── PeerError          another party (a witness, a beacon) does not answer      exit 15
    └── StorageError       the disk is full or refuses; nothing was damaged         exit 9

Every message says what was expected, what was got and what to do. `TrustError` and `StorageError` stop the
world; `SubjectError`, `TaskError`, `EngineError` and `PeerError` end this turn and leave a run that can go on.
"""

from typing import ClassVar


class DetentError(Exception):
    """Root of the tree; never raised itself."""

    exit_code: ClassVar[int] = 1


class UsageError(DetentError):
    """The command or the call is wrong."""

    exit_code = 2


class CharterError(DetentError):
    """The charter is not well-formed, not endorsed, or does not allow this."""

    exit_code = 3


class TrustError(DetentError):
    """A hash, signature, order or recomputation does not hold."""

    exit_code = 4


class SealError(TrustError):
    """The seal's secret is missing or does not lead to the charter's tip."""


class SubjectError(DetentError):
    """A model folder is not what it should be, or the model misbehaved."""

    exit_code = 5


class TaskError(DetentError):
    """A task's code is wrong, raises or hangs."""

    exit_code = 6


class EngineError(DetentError):
    """A worker process died, stalled or could not be started.

    lost: it ended or fell silent in the middle of a job, so that the same job may well be done when it is begun again.
    """

    exit_code = 7
    lost = False


class BusyError(DetentError):
    """Another process is working on this run folder."""

    exit_code = 8


class PeerError(DetentError):
    """Another party's server (a witness, a beacon) does not answer, or not in time; or too few of them do."""

    exit_code = 15


class StorageError(DetentError):
    """The disk is full or refuses to write."""

    exit_code = 9
