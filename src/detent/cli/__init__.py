"""The command line: parse, call one function, print. It decides nothing.

Errors of the tree become one line on standard error and the exit code of their branch.
"""

import sys

from detent.errors import DetentError

__all__ = ["main"]


def main() -> None:
    """Entry point of the `detent` command."""
    from detent.cli.app import app  # noqa: PLC0415  imported here so that an import of detent.cli stays cheap

    try:
        app()
    except DetentError as error:
        sys.stderr.write(f"detent: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("detent: interrupted\n")
        sys.exit(130)
