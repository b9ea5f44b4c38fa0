"""What a run refuses stands on its ledger, so that whoever reads it later sees it, and not only who saw the terminal.

>>> with recording(book):
...     run.go(None)            # a result that cannot be believed ends the session, and leaves a refusal
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from detent.assembly.clock import now
from detent.errors import BusyError, DetentError, PeerError, SealError, StorageError, UsageError
from detent.loop import Book
from detent.oversight import seconds_between
from detent.values import Refused, decode_entry, sha256_hex

NOBODYS = (UsageError, BusyError, StorageError, SealError, PeerError)
"""The caller's mistake, another process, the disk, secrets that are not at hand, a witness that is down: the run was
given nothing. While an opening waits for witnesses, an entry more is also one that they could be shown too early."""

LONGEST_REASON = 1_000
"""Characters of an error that go onto the ledger."""

UNSTEADY = 60.0
"""Seconds by which a machine's clock may be behind the ledger without a word: clocks are corrected now and then."""


@contextmanager
def recording(book: Book) -> Iterator[None]:
    """Write down why the block ended, when it did because something is not what it should be."""
    try:
        yield
    except DetentError as error:
        if not isinstance(error, NOBODYS):
            with suppress(DetentError):  # it may be the ledger that takes nothing more
                refuse(book, f"generation {book.state.generation}", str(error))
        raise


def see_clock(book: Book) -> None:
    """Write down that the machine's clock was set back; the ledger's time stays where it is."""
    at, newest = now(), book.state.latest_at
    if newest and at < newest and seconds_between(at, newest) > UNSTEADY:
        refuse(
            book,
            "the clock",
            f"a time not before {newest}, which the ledger has reached, expected, got {at}; the ledger's is kept",
        )


def refuse(book: Book, what: str, because: str) -> None:
    """Write one refusal, unless the newest entry is the same one."""
    said = because.encode("ascii", "backslashreplace").decode()[:LONGEST_REASON]
    refused = Refused(what=what, digest=sha256_hex(because.encode()), because=said)
    for data in book.record.entries(max(0, book.state.entries - 1)):
        newest = decode_entry(data)
        if isinstance(newest, Refused) and newest.digest == refused.digest:
            return
    book.write(refused)
