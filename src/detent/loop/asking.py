"""Whether a person has to be asked about the generation, and what came of it."""

from detent.loop import explain
from detent.loop.judge import Judged
from detent.loop.parts import Parts
from detent.oversight import Permission, question, reasons_to_ask
from detent.oversight import permission as given
from detent.values import Watched


def permission(parts: Parts, watched: Watched, judged: Judged) -> Permission:
    """What people allow; where they have to be asked, the question is written down first, after a deeper look inside.

    A halted run asks nothing: a quorum must lift the halt before anything goes on.
    """
    book = parts.book
    if book.state.hold is not None and book.state.hold.kind == "halted":
        return "waiting"
    if not reasons_to_ask(book.state, parts.charter, watched, judged.passed):
        return "free"
    book.once("explained/v1/deeper", lambda: explain.deeper(parts))
    book.once("request/v1", lambda: question(book.state, parts.charter, judged.passed, book.now))
    return given(book.state, book.now)
