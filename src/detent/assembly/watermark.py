"""How far this user's ledger has come, kept beside the run's secrets: a run folder set back is noticed.

>>> ledger = Watermarked(Ledger.open(folder, key), path)        # raises when the ledger is behind the mark

A folder restored from a copy has lost openings that were made. To go on from it would draw other items for the
same opening, at the same price: a second look for free. A witness shows this to others; the mark shows it here.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from detent.assembly import places
from detent.charter import Charter
from detent.engine import replace_file
from detent.errors import StorageError, TrustError
from detent.ledger import Ledger


class Watermarked:
    """A ledger, for a book to write in, that leaves a mark after every entry."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        """Compare the ledger with the mark, and move the mark to where the ledger stands.

        Raises:
            TrustError: the ledger does not continue what the mark says was there.
        """
        self._ledger = ledger
        self._path = path
        self._check()
        self._leave()

    def append(self, entry: bytes) -> int:
        """As the ledger's, and the mark follows."""
        index = self._ledger.append(entry)
        self._leave()
        return index

    def entries(self, start: int = 0) -> Iterable[bytes]:
        """As the ledger's."""
        return self._ledger.entries(start)

    def root(self, size: int | None = None) -> bytes:
        """As the ledger's."""
        return self._ledger.root(size)

    def leaf_hash(self, index: int) -> bytes:
        """As the ledger's."""
        return self._ledger.leaf_hash(index)

    def _check(self) -> None:
        mark = read_mark(self._path)
        if mark is None:
            return  # none yet, or of a run that came from another machine with its secrets
        size, root = mark
        if size > self._ledger.size or self._ledger.root(size).hex() != root:
            raise TrustError(
                f"a ledger that continues its first {size} entries (root {root[:12]}) expected, got one of "
                f"{self._ledger.size}; the run folder was set back: restore the newest copy, since what was opened "
                f"since then cannot be opened again. If that copy is lost, start a new run; the mark is {self._path}"
            )

    def _leave(self) -> None:
        mark = f"{self._ledger.size} {self._ledger.root().hex()}\n"
        try:
            replace_file(self._path, self._path.with_suffix(".new"), mark.encode("ascii"))
        except OSError as error:
            raise StorageError(
                f"a mark at {self._path} expected, got: {error}; free or mend the disk"
            ) from error


def read_mark(path: Path) -> tuple[int, str] | None:
    """Size and root (hex) that a mark says; None when there is none.

    Raises:
        TrustError: there is one, and it cannot be read: somebody wrote over it, or the disk is damaged.
    """
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    said = re.fullmatch(r"([0-9]{1,18}) ([0-9a-f]{64})\s*", text)
    if said is None:
        raise _unreadable(path, f"{len(text)} characters of something else")
    return int(said[1]), said[2]


def _unreadable(path: Path, got: str) -> TrustError:
    return TrustError(
        f"a mark with the ledger's size and root expected at {path}, got one that cannot be read: {got}; whether the "
        "run folder was set back cannot be told. Restore the mark from a copy; or compare the ledger with its newest "
        "copy, or a witness, and take the mark away"
    )


def kept_heads(charter: Charter) -> list[tuple[str, int, str]]:
    """(Who keeps it, size, root in hex) of the heads of a run's ledger that are kept outside of its folder."""
    mark = read_mark(places.mark_path(charter.seal.tip))
    return [("the mark in the user's data folder", *mark)] if mark else []
