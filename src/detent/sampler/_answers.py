"""Answers that were paid for, on disk: kept under the digest of all that was asked, and believed by their own.

A failure is never kept. A file that is not what it was written as is no answer: the question is asked again.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from detent.errors import StorageError
from detent.values import sha256_hex


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken of a server's answer, checked.

    top: the likeliest first tokens with the logarithm of their chances; None where the server gave none.
    ended: by itself. model, fingerprint: as the server says. read, written: tokens, as it counts.
    """

    text: str
    ended: bool
    top: tuple[tuple[str, float], ...] | None
    model: str
    fingerprint: str
    read: int
    written: int


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    question: str
    reply: Reply
    sha256: str


_decoder = msgspec.json.Decoder(_Kept)


class Answers:
    """A folder of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, question: str) -> Reply | None:
        """The answer to the question of that digest; None where none is kept that can be believed."""
        try:
            kept = _decoder.decode(self._path(question).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return (
            kept.reply if (kept.question, kept.sha256) == (question, _digest(question, kept.reply)) else None
        )

    def put(self, question: str, reply: Reply) -> None:
        """Keep it: there whole after a crash, or not at all.

        Raises:
            StorageError: the disk refuses.
        """
        path = self._path(question)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(_Kept(question, reply, _digest(question, reply))))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise StorageError(f"an answer in {path} expected, got: {error}; free space") from error

    def _path(self, question: str) -> Path:
        return self._folder / question[:2] / f"{question}.json"


def _digest(question: str, reply: Reply) -> str:
    return sha256_hex(question.encode() + msgspec.json.encode(reply))
