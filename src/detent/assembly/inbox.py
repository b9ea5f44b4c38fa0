"""The run's inbox: where people put what they signed, whether a run is going or not.

>>> inbox = Inbox(run.inbox)
>>> inbox.put(envelope)                      # a second steward's signature on the same joins the first one's
>>> inbox.take_in(book, signed, catalogue)              # what enough have signed goes onto the ledger

Anybody who can write to the run folder can put something here, and nobody is believed for it: what is not signed by
those who may is refused, and that stands on the ledger too. A worker cannot write here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detent.charter import Catalogue, SignedCharter, claimed
from detent.engine import discard
from detent.errors import StorageError, TrustError
from detent.loop import Book
from detent.oversight import Desk, Pending, payload_digest, received, type_of
from detent.signing import merge_envelopes
from detent.values import (
    Answered,
    CharterSigned,
    Decided,
    Entry,
    LeaseGranted,
    Ordered,
    OutcomeWritten,
    Refused,
    decode_entry,
    sha256_hex,
)

LARGEST = 65_535
"""Bytes of a file that is looked at: more than an entry of the ledger holds."""

MOST = 64
"""Files taken in at once; a flood of them must not keep a run from its work, nor fill its ledger."""

SUFFIX = ".dsse"


class Taken(NamedTuple):
    """What became of one file. entry: as it stands on the ledger; None while signatures are missing."""

    path: Path
    entry: Entry | None
    said: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """A folder of envelopes, each under the SHA-256 of its payload."""

    folder: Path

    def put(self, envelope: str) -> Path:
        """Hand in an envelope; one with the same payload that waits there gets its signatures.

        Raises:
            TrustError: it is no envelope, or contradicts the one that waits.
            StorageError: the disk refuses.
        """
        path = self.folder / (payload_digest(envelope) + SUFFIX)
        waiting = _text(path)
        together = _together(waiting, envelope, type_of(envelope)) if waiting else envelope
        draft = path.with_suffix(".new")
        try:
            self.folder.mkdir(exist_ok=True)
            draft.write_text(together, encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise StorageError(
                f"a file {path} expected, got: {error}; nothing that was there is damaged: free or mend the disk"
            ) from error
        return path

    def waiting(self) -> list[Path]:
        """The files that were handed in, the oldest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.name.endswith(SUFFIX)]
        return sorted(found, key=lambda path: (_changed(path), path.name))[:MOST]

    def texts(self) -> list[str]:
        """What was handed in, as far as it can be read."""
        return [text for path in self.waiting() if (text := _text(path))]

    def take_in(self, book: Book, signed: SignedCharter, catalogue: Catalogue) -> list[Taken]:
        """Write down what enough people signed; what nobody may ask for is refused, and that is written down.

        The charter in force may be another one afterwards.
        """
        taken = []
        desk = desk_of(book, signed, catalogue)
        for path in self.waiting():
            found = _judged(path, book, desk)
            if found is None:
                discard(path)  # it stands on the ledger: a crash came before it was removed
                continue
            taken.append(found)
            if found.entry is not None:
                discard(path)
                if isinstance(found.entry, CharterSigned):
                    signed = claimed(found.entry.envelope, catalogue)
                desk = desk_of(book, signed, catalogue)
            if book.state.returning is not None:
                break  # a rollback comes first; what is left is judged after it
        return taken


def desk_of(book: Book, signed: SignedCharter, catalogue: Catalogue) -> Desk:
    """Where envelopes are judged now."""
    obeyed = obeyed_on(map(decode_entry, book.record.entries()))
    return Desk(signed, book.state, catalogue, book.record.root, obeyed, book.now)


def obeyed_on(entries: Iterable[Entry]) -> frozenset[str]:
    """SHA-256 of every payload that stands on a ledger in its envelope."""
    return frozenset(
        payload_digest(entry.envelope)
        for entry in entries
        if isinstance(entry, CharterSigned | LeaseGranted | Ordered | Answered)
    )


def _judged(path: Path, book: Book, desk: Desk) -> Taken | None:
    envelope = _text(path)
    try:
        if envelope and payload_digest(envelope) == _last_obeyed(book):
            return None
        found = received(envelope, desk)
        if isinstance(found, Pending):
            return Taken(path, None, f"{found.what} waits: {found.missing}")
        return Taken(path, book.write(found, desk.now), "")  # judged and written at one time
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001  whatever lies there must not stop a run
        digest = sha256_hex(envelope.encode())
        refused = Refused(
            what=_printable(path.name)[:100], digest=digest, because=_printable(str(error))[:1_000]
        )
        return Taken(path, book.write(refused), f"refused: {error}")


def _last_obeyed(book: Book) -> str:
    """SHA-256 of the payload that was written down last, "" when more came since than a rollback brings with it.

    What is handed in once more after that was not left by a crash: somebody tries to have it obeyed twice.
    """
    for data in reversed(list(book.record.entries(max(0, book.state.entries - 3)))):
        entry = decode_entry(data)
        if isinstance(entry, CharterSigned | LeaseGranted | Ordered | Answered):
            return payload_digest(entry.envelope)
        if not isinstance(entry, Decided | OutcomeWritten):
            break
    return ""


def _together(waiting: str, envelope: str, kind: str) -> str:
    """Both copies' signatures; where they differ under one key's id, the one that came last: the other was damaged."""
    try:
        return merge_envelopes(waiting, envelope, kind)
    except TrustError:
        return envelope


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _text(path: Path) -> str:
    """The file's text; "" for what is no ordinary file of that size in UTF-8."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
