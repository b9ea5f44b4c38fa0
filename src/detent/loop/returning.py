"""Carrying out a rollback that stewards ordered, or that an amendment brought with it."""

from detent.evaluate import Chain
from detent.loop.book import Book
from detent.loop.judge import void
from detent.values import Decided, IntentWritten, restored


def carry_out(book: Book, chain: Chain) -> Decided | None:
    """End the turn in progress and put an earlier generation's models back in force; None when nobody ordered it.

    An opening that had begun is void: its link is revealed and its error budget spent, like any other's.
    """
    to = book.state.returning
    if to is None:
        return None
    intent = book.state.slots.get("intent/v1")
    if book.state.open_intent and isinstance(intent, IntentWritten):
        reveal = chain.reveal(intent.intent.k)
        book.write(void(intent.intent, reveal, "the generation was ended by people before its opening was"))
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
