"""The command line: parse, call one function, print. It decides nothing.

Errors of the tree become one line on standard error and the exit code of their branch.
"""

import errno
import sys

from detent.errors import CharterError, DetentError, StorageError

__all__ = ["main"]

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}
"""What a disk says when it will not; also under what is printed. Everything else is a fault of this program."""


def main() -> None:
    """Entry point of the `detent` command."""
    from detent.cli.app import app  # noqa: PLC0415  imported here so that an import of detent.cli stays cheap

    try:
        app()
    except DetentError as error:
        sys.stderr.write(f"detent: {_seen(error)}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        sys.stderr.write(
            f"detent: room and permission to go on expected, got {_seen(error)}; free or mend the disk\n"
        )
        sys.exit(StorageError.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("detent: interrupted\n")
        sys.exit(130)


def _seen(error: Exception) -> str:
    """What an error says, with nothing in it that a terminal obeys: a worker's words may be among it.

    A charter's faults are a line each, everything else is one.
    """
    from detent.report import plain  # noqa: PLC0415  as above

    lines = str(error).split("\n") if isinstance(error, CharterError) else [str(error)]
    return "\n".join(map(plain, lines))
