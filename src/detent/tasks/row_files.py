"""The file of rows that a charter names: read once, believed only when it is the one that was signed.

    [tasks.capitals]
    source = "capitals.jsonl"

Nothing of it is run. The SHA-256 of the file is the task's digest.
"""

import re
from pathlib import Path

from detent.errors import TaskError, TrustError
from detent.tasks._dealing import Shares
from detent.tasks.rows import LARGEST, RowSource, read_rows
from detent.tasks.user_code import plain_content
from detent.values import sha256_hex


def rows_address(source: str) -> str | None:
    """The file that a task's `source` names, when it is a file of rows; None when it is code."""
    return source if re.fullmatch(r"[^:]+\.jsonl", source) else None


def row_file(name: str, source: str, folder: Path, shares: Shares) -> RowSource:
    """The rows in `folder` as they are now. For `init`, which has them signed.

    Raises:
        TaskError: the file cannot be read, leads out of the folder, or has something else than rows.
    """
    return RowSource(name, read_rows(_content(name, source, folder), source, shares))


def pinned_rows(name: str, source: str, sha256: str, folder: Path, shares: Shares) -> RowSource:
    """As `row_file`, for a run: the file must be the one whose `sha256` (hex) the stewards signed.

    Raises:
        TrustError: the file was changed since.
        TaskError: as `row_file`.
    """
    data = _content(name, source, folder)
    if (got := sha256_hex(data)) != sha256:
        # Stops the world: with other rows nothing on the ledger means what it says.
        raise TrustError(
            f"task {name}: {folder / source} with SHA-256 {sha256} expected, as signed, got {got}; restore the file"
        )
    return RowSource(name, read_rows(data, source, shares))


def _content(name: str, source: str, folder: Path) -> bytes:
    path = Path(source)
    if rows_address(source) is None or path.is_absolute() or ".." in path.parts:
        raise TaskError(
            f'"FILE.jsonl" with FILE in the charter\'s folder expected, got "{source}"; move it beside the charter'
        )
    try:
        return plain_content(folder / source, LARGEST)
    except (OSError, ValueError) as error:
        got = error.strerror if isinstance(error, OSError) else error
        raise TaskError(
            f"task {name}: the file {folder / source} expected, got {got}; put it beside the charter"
        ) from error
