"""Files that are there after a power cut or not at all, and the lock of a folder's one writer.

Knows nothing of what is written. Whatever the disk refuses comes out as StorageError.
"""

from detent.disk.durable import (
    INCOMING,
    discard,
    move_aside,
    open_log,
    own_folder,
    replace_file,
    storing,
    sync_folder,
    write_file,
)
from detent.disk.lock import WriterLock, holder

__all__ = [
    "INCOMING",
    "WriterLock",
    "discard",
    "holder",
    "move_aside",
    "open_log",
    "own_folder",
    "replace_file",
    "storing",
    "sync_folder",
    "write_file",
]
