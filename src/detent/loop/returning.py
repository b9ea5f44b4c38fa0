"""Carrying out a rollback that stewards ordered, or that an amendment brought with it."""

from collections.abc import Callable

from detent.engine import DataStore, ModelStore
from detent.errors import StorageError, SubjectError, TrustError
from detent.loop.book import Book
from detent.loop.judge import void
from detent.values import Decided, IntentWritten, State, restored


def carry_out(
    book: Book, reveal: Callable[[int], bytes], models: ModelStore, data: DataStore
) -> Decided | None:
    """End the turn in progress and put an earlier generation's models back in force; None when nobody ordered it.

    An opening that had begun is void: its link, if it is known here, is revealed, and its error budget spent.

    Args:
        book: the run's.
        reveal: gives s_k of the seal, b"" where it is not known here; asked for an opening that had begun.
        models: where those lie that are put back.
        data: where the files lie that may be trained on from then on.

    Raises:
        TrustError: one of these is damaged or missing; nothing is written, and the rollback waits.
        SealError: there is no link to reveal; as before.
    """
    to = book.state.returning
    if to is None:
        return None
    check_whole(book.state, to, models, data)
    intent = book.state.slots.get("intent/v1")
    if book.state.open_intent and isinstance(intent, IntentWritten):
        because = "the generation was ended by people before its opening was"
        book.write(void(intent.intent, reveal(intent.intent.k), because))
    past = restored(book.state.history, to)
    decided = Decided(
        decision="rollback",
        incumbent=past.incumbent,
        candidate="",
        team=past.team,
        because=f"back to generation {to}",
        to=to,
    )
    written = book.write(decided)
    assert isinstance(written, Decided)  # noqa: S101  what was written reads back as what it was
    return written


def check_whole(state: State, to: int, models: ModelStore, data: DataStore) -> None:
    """Return when the models of generation `to`, and the data that was in force with them, are what they were.

    Raises:
        TrustError: one is damaged or missing.
    """
    past = restored(state.history, to)
    try:
        for digest in sorted({past.incumbent, *past.team}):
            models.check(digest)
        for made in past.data:
            data.path(made.digest)
    except (TrustError, SubjectError, StorageError) as error:
        raise TrustError(
            f"the files of generation {to} as they were expected before it is in force again, got damage: {error}"
        ) from error
