"""The run's inbox: where people put what they signed, whether a run is going or not.

>>> inbox = Inbox(run.inbox)
>>> inbox.put(envelope)                      # a second steward's signature on the same joins the first one's
>>> inbox.take_in(book, signed, catalogue)              # what enough have signed goes onto the ledger

Anybody who can write to the run folder can put something here, and nobody is believed for it: what is not signed by
those who may is refused, and that stands on the ledger too. A worker cannot write here.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detent.assembly.reading import moved_aside
from detent.charter import CHARTER_TYPE, Catalogue, SignedCharter, claimed
from detent.engine import discard, own_folder, replace_file
from detent.errors import StorageError, TrustError
from detent.loop import Book
from detent.oversight import Desk, Pending, is_stop, payload_digest, received, type_of
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
"""Entries written at once; a flood of files must not keep a run from its work, nor fill its ledger."""

MOST_LOOKED_AT = 1_000
"""Files that are to be refused and are looked at at once, beside those that stop something: of them, all are."""

MOST_WAITING = 256
"""Files that may wait for signatures; each is judged whenever the inbox is taken in."""

SUFFIX = ".dsse"

DRAFT = ".draft"
"""Of an amendment that nobody in force has signed yet. A run passes it over; `detent charter sign` finds it."""


class File(NamedTuple):
    """What lies there under one name. stamp: another one when it was changed or replaced. changed: when, Unix time."""

    path: Path
    size: int
    changed: float
    stamp: tuple[int, ...]


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

        What is no folder where the inbox belongs is moved aside.

        Raises:
            TrustError: it is no envelope, or contradicts the one that waits.
            StorageError: the disk refuses.
        """
        path = self.folder / (payload_digest(envelope) + SUFFIX)
        waiting = text_of(path)
        return self._write(path, _together(waiting, envelope, type_of(envelope)) if waiting else envelope)

    def _write(self, path: Path, envelope: str) -> Path:
        try:
            own_folder(self.folder)
            replace_file(path, path.with_suffix(".new"), envelope.encode())
        except OSError as error:
            raise StorageError(
                f"a file {path} expected, got: {error}; nothing that was there is damaged: free or mend the disk"
            ) from error
        return path

    def files(self) -> list[File]:
        """Everything that was handed in, the smallest first; none is opened.

        A halt is small: so it is found soon, whatever else lies there. A link to another folder is no inbox.
        """
        if self.folder.is_symlink() or not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            found = [_file(entry) for entry in entries if entry.name.endswith(SUFFIX)]
        return sorted(found, key=lambda file: (file.size, file.changed, file.path.name))

    def waiting(self) -> list[Path]:
        """The paths of all of it, the oldest first."""
        return [file.path for file in sorted(self.files(), key=lambda file: (file.changed, file.path.name))]

    def named(self, name: str) -> list[tuple[Path, str]]:
        """Paths and texts of the envelopes whose payload's digest begins so; what lies under another name is none.

        Drafts are among them; one whose payload also waits for signatures gives it its own. Of a flood, the oldest.
        """
        found: dict[str, tuple[Path, str]] = {}
        for path in [*self.drafts(), *self.waiting()]:
            if path.name.startswith(name) and _payload(text := text_of(path)) == path.stem:
                _, draft = found.get(path.stem, (path, ""))
                found[path.stem] = (path, _together(draft, text, type_of(text)) if draft else text)
            if len(found) == MOST_WAITING:
                break
        return list(found.values())

    def put_draft(self, envelope: str) -> Path:
        """Lay down what is to be signed by those in force, of whom nobody has yet. Errors as `put`."""
        return self._write(self.folder / (payload_digest(envelope) + DRAFT), envelope)

    def drafts(self) -> list[Path]:
        """The paths of all drafts."""
        if self.folder.is_symlink() or not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(DRAFT))

    def with_draft(self, envelope: str) -> str:
        """An amendment with the signatures of the draft of the same payload, where one lies there."""
        if type_of(envelope) != CHARTER_TYPE:
            return envelope
        digest = payload_digest(envelope)
        draft = text_of(self.folder / (digest + DRAFT))
        return _together(draft, envelope, type_of(envelope)) if _payload(draft) == digest else envelope

    def drop_draft(self, digest: str) -> None:
        """The draft of that payload is one no more: somebody in force signed it."""
        discard(self.folder / (digest + DRAFT))

    def take_stops(self, book: Book, signed: SignedCharter, catalogue: Catalogue) -> list[Taken]:
        """Write down the halts, pauses and noes that count; nothing else that lies there may come before them."""
        taken: list[Taken] = []
        for file in self.files():
            if len(taken) == MOST:
                break
            if is_stop(envelope := text_of(file.path), signed):
                found = _taken(file.path, envelope, book, desk_of(book, signed, catalogue), _changes_nothing)
                taken += [found] if isinstance(found, Taken) else []
        return taken

    def take_one(self, envelope: str, book: Book, desk: Desk, fits: Callable[[SignedCharter], None]) -> Taken:
        """Write down one envelope, whatever else lies there; one that needs more signatures is put there, to wait.

        Raises:
            TrustError, CharterError: it is refused; nothing is written.
            StorageError: the disk refuses.
        """
        path = self.folder / (payload_digest(envelope) + SUFFIX)
        waiting = text_of(path)
        found = _taken(path, envelope, book, desk, fits)  # alone first: what lies there may be anything
        if isinstance(found, Taken) and found.entry is None:
            if waiting:
                found = _taken(path, _together(waiting, envelope, type_of(envelope)), book, desk, fits)
            if isinstance(found, Taken) and found.entry is None:
                self.put(envelope)
        if isinstance(found, Exception):
            raise found
        return found

    def take_in(
        self, book: Book, signed: SignedCharter, catalogue: Catalogue, fits: Callable[[SignedCharter], None]
    ) -> list[Taken]:
        """Write down what enough people signed; what nobody may ask for is refused, and that is written down.

        What counts comes before what is refused, and what stops before all else. The charter in force may be another
        one afterwards. A rollback comes before whatever is left: that is judged after it. More than MOST_WAITING do
        not wait: the newest beyond that are refused.
        fits: raises when the run cannot go on under an amendment.
        """
        taken = [*self._own(), *self.take_stops(book, signed, catalogue)]
        left: list[Path] = []
        waits = 0
        for path in self.waiting():
            if book.state.returning is not None or _written(taken) >= MOST:
                return taken
            if len(left) >= MOST_LOOKED_AT:
                break
            found = _judged(path, book, desk_of(book, signed, catalogue), fits)
            if isinstance(found, Exception) or (found.entry is None and waits == MOST_WAITING):
                left.append(path)
                continue
            waits += found.entry is None
            taken.append(found)
            if isinstance(found.entry, CharterSigned):
                signed = claimed(found.entry.envelope, catalogue)
        for path in left[: MOST - _written(taken)]:
            # Judged anew: what has been taken in since may have made it right.
            found = _judged(path, book, desk_of(book, signed, catalogue), fits)
            if isinstance(found, Taken) and found.entry is None and waits == MOST_WAITING:
                found = TrustError(
                    f"at most {MOST_WAITING} files that wait for signatures expected, got one more; have those signed, "
                    "or take some away, and hand it in again"
                )
            refused = _refused(path, found, book) if isinstance(found, Exception) else found
            taken += [refused] if refused is not None else []
        return taken

    def _own(self) -> list[Taken]:
        """See that the inbox is a folder of the run; what was moved aside for it, and where to."""
        try:
            aside = own_folder(self.folder)
        except OSError as error:
            raise StorageError(
                f"a folder {self.folder} expected, got: {error}; free or mend the disk"
            ) from error
        return [Taken(aside, None, moved_aside(self.folder, aside))] if aside is not None else []


def desk_of(book: Book, signed: SignedCharter, catalogue: Catalogue) -> Desk:
    """Where envelopes are judged now."""
    return Desk(signed, book.state, catalogue, book.record.root, book.obeyed, book.now)


def text_of(path: Path) -> str:
    """The file's text; "" for what is no ordinary file of that size in UTF-8."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _file(entry: os.DirEntry[str]) -> File:
    path = Path(entry.path)
    try:
        of = entry.stat(follow_symlinks=False)
    except OSError:
        return File(path, 0, 0.0, ())
    stamp = (of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns)
    return File(path, of.st_size, of.st_mtime, stamp)


def _written(taken: list[Taken]) -> int:
    return sum(one.entry is not None for one in taken)


def _judged(path: Path, book: Book, desk: Desk, fits: Callable[[SignedCharter], None]) -> Taken | Exception:
    """As `_taken`; a file under another name than its payload's digest counts for nothing, so that each is judged once.

    What stops the run is not asked for its name.
    """
    envelope = text_of(path)
    if (payload := _payload(envelope)) and payload != path.stem:
        return TrustError(
            f"the name {payload}{SUFFIX} expected, the SHA-256 of what it holds, got another; hand it in under that"
        )
    return _taken(path, envelope, book, desk, fits)


def _taken(
    path: Path, envelope: str, book: Book, desk: Desk, fits: Callable[[SignedCharter], None]
) -> Taken | Exception:
    """What became of a file that counts, or waits for signatures; why it is to be refused where it does neither."""
    try:
        found = received(envelope, desk)
        if type_of(envelope) == CHARTER_TYPE:
            fits(claimed(envelope, desk.catalogue))
        if isinstance(found, Pending):
            return Taken(path, None, f"{found.what} waits: {found.missing}")
        entry = book.write(found, desk.now)  # judged and written at one time
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001  whatever lies there must not stop a run
        return error
    discard(path)
    return Taken(path, entry, "")


def _changes_nothing(_: SignedCharter) -> None:
    """An order to stop is no amendment."""


def _refused(path: Path, because: Exception, book: Book) -> Taken | None:
    """Refuse a file in writing; nothing is written of one that a crash left behind when it had been obeyed."""
    envelope = text_of(path)
    if (payload := _payload(envelope)) and payload == _last_obeyed(book):
        discard(path)  # a crash came before it was removed
        return None
    entry = Refused(
        what=_printable(path.name)[:100],
        digest=sha256_hex(envelope.encode()),
        because=_printable(str(because))[:1_000],
    )
    taken = Taken(path, book.write(entry), f"refused: {because}")
    discard(path)
    return taken


def _payload(envelope: str) -> str:
    """The payload's digest; "" of what is no envelope."""
    try:
        return payload_digest(envelope)
    except Exception:  # noqa: BLE001  whatever lies there must not stop a run
        return ""


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
    """Both copies' signatures; where they differ under one key's id, the one that came last: the other was damaged.

    So too where both together are more than an entry holds: so many signatures nobody's rules ask for.
    """
    try:
        together = merge_envelopes(waiting, envelope, kind)
    except TrustError:
        return envelope
    return together if len(together.encode()) <= LARGEST else envelope


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
