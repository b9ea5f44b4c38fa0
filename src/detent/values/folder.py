"""A folder's name by content, the same on both sides: SHA-256 over what its files are called and say.

    >>> folder_digest(Path("my-run/models/incumbent"))
    '5f0c21aa...'                                    # 64 hexadecimal digits

Dates, owners, modes and the folder's own name do not count; every file in it does.
"""

import hashlib
import json
import stat
from pathlib import Path

from detent.errors import SubjectError

DOMAIN = b"detent/model/v1\n"
"""Put before what is hashed, so that no other hash in Detent can be mistaken for a folder's."""


def folder_digest(folder: Path) -> str:
    """SHA-256, in lower-case hex, over `DOMAIN` and the canonical JSON of `folder_listing(folder)`.

    Raises:
        SubjectError: there is no such folder, or something in it is neither a regular file nor a folder.
    """
    text = json.dumps(folder_listing(folder), separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(DOMAIN + text.encode("ascii")).hexdigest()


def folder_listing(folder: Path) -> list[tuple[str, int, str]]:
    """Each file's name relative to `folder` (with forward slashes), size in bytes and SHA-256, by name.

    Raises:
        SubjectError: as `folder_digest`.
    """
    if not folder.is_dir():
        raise SubjectError(
            f"a model folder expected, got {folder}, which is none; give the one with config.json"
        )
    paths = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    kinds = [(name, path, path.lstat().st_mode) for name, path in paths]
    for _, path, mode in kinds:
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise SubjectError(
                f"regular files only expected in {folder}, got {path.name}, a link or a special file; "
                "put the file itself there"
            )
    return [_entry(name, path) for name, path, mode in kinds if stat.S_ISREG(mode)]


def _entry(name: str, path: Path) -> tuple[str, int, str]:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256")
        return name, file.tell(), content.hexdigest()
