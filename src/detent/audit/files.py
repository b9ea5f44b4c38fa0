"""Files that the record names by their digest, read as if an attacker had put them there.

A link is not followed, a pipe is not waited for, and of no file is more read than it may have.
"""

import os
import stat
from pathlib import Path

from detent.errors import TrustError
from detent.values import sha256_hex

LARGEST = 1 << 30
"""Bytes of a file of data or answers; a bundle has none that is larger."""


def named_file(folder: Path, digest: str, suffix: str, most: int = LARGEST) -> bytes:
    """The bytes of the file that is named by their digest.

    Raises:
        TrustError: it is missing, no ordinary file, larger than `most` bytes, or its bytes have another digest.
    """
    name = f"{digest}{suffix}"
    wanted = f"the file {folder.name}/{name[:100]}"
    content = plain_file(folder / name, most) if (folder / name).parent == folder else None
    if content is None:
        raise TrustError(f"{wanted} expected, got none of at most {most:,} bytes: restore it from a copy")
    if sha256_hex(content) != digest:
        raise TrustError(f"{wanted} with that SHA-256 expected, got {sha256_hex(content)}: it was changed")
    return content


def plain_file(path: Path, most: int) -> bytes | None:
    """The bytes of an ordinary file; None where there is none, it cannot be read, or it has more than `most`."""
    try:
        # Without waiting: the name may be a pipe's, which nobody writes to.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            return file.read(found.st_size)
    except OSError:
        return None
    finally:
        os.close(handle)
