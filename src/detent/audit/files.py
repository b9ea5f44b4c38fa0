"""Files that the record names by their digest."""

from pathlib import Path

from detent.errors import TrustError
from detent.values import sha256_hex


def named_file(folder: Path, digest: str, suffix: str) -> bytes:
    """The bytes of the file that is named by their digest.

    Raises:
        TrustError: it is missing, or its bytes have another digest.
    """
    path = folder / f"{digest}{suffix}"
    wanted = f"the file {folder.name}/{digest}{suffix}"
    if path.parent != folder or path.is_symlink() or not path.is_file():
        raise TrustError(f"{wanted} expected, got none: restore it from a copy")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrustError(f"{wanted} expected, got: {error.strerror}") from error
    if sha256_hex(content) != digest:
        raise TrustError(f"{wanted} with that SHA-256 expected, got {sha256_hex(content)}: it was changed")
    return content
