"""A model folder's name: SHA-256 over what its files say, whatever their order, dates or folder.

    >>> digest(Path("my-run/models/incumbent"))
    '5f0c21aa...'                                    # 64 hexadecimal digits

Covered is every file that decides what the model answers (`COVERED`): weights, configuration, tokenizer,
chat template. A README or a licence is not.  Standard library only: the overseeing side names models too,
and it imports no torch.
"""

import hashlib
import json
from pathlib import Path

from detent.errors import SubjectError

DOMAIN = b"detent/model/v1\n"
COVERED = frozenset({".safetensors", ".json", ".jinja", ".model", ".tiktoken", ".txt"})
_NOT_COVERED = frozenset({"license.txt", "notice.txt", "requirements.txt"})


def digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over `DOMAIN` and the canonical JSON of `listing(folder)`."""
    text = json.dumps(listing(folder), separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(DOMAIN + text.encode("ascii")).hexdigest()


def listing(folder: Path) -> list[tuple[str, int, str]]:
    """Name (relative, forward slashes), size in bytes and SHA-256 of each covered file, in order of names.

    Raises SubjectError when there is no such folder, or no weights in it.
    """
    if not folder.is_dir():
        raise SubjectError(
            f"a model folder expected, got {folder}, which is not a folder; give the one with config.json"
        )
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if _covered(path)}
    if not any(name.endswith(".safetensors") for name in files):
        raise SubjectError(
            f"weights as .safetensors expected, got none in {folder}; save with save_pretrained"
        )
    return [_entry(name, files[name]) for name in sorted(files)]


def _covered(path: Path) -> bool:
    return path.suffix.lower() in COVERED and path.name.lower() not in _NOT_COVERED and path.is_file()


def _entry(name: str, path: Path) -> tuple[str, int, str]:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256")
    return name, path.stat().st_size, content.hexdigest()
