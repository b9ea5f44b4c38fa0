"""What the disk refuses while something new is made, as an error of the tree.

>>> with storing(path):
...     path.mkdir()
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detent.errors import StorageError


@contextmanager
def storing(what: Path) -> Iterator[None]:
    """An OSError inside is a StorageError about `what`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"a new {what} expected, got: {error}; free or mend the disk") from error
