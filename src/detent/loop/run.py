"""Turn after turn, as long as people let it."""

from collections.abc import Callable
from functools import partial

from detent.loop import cycle
from detent.loop.parts import Parts
from detent.loop.returning import carry_out
from detent.loop.witnessing import known_link
from detent.oversight import Stop, why_stop
from detent.values import Decided


def drive(parts: Parts, generations: int | None, after: Callable[[Decided], object]) -> Stop:
    """Turn the cycle until something says stop.

    Args:
        parts: what a turn works with.
        generations: most generations of this call, generation 0 not counted; None for no bound.
        after: told of each closed generation.
    """
    turned, book = 0, parts.book
    while True:
        if parts.take_orders():
            return "amended"
        reveal = partial(known_link, book.state, parts.chain)
        if (returned := carry_out(book, reveal, parts.models, parts.data)) is not None:
            after(returned)
            continue
        enough = generations is not None and turned >= generations
        if (stop := why_stop(book.state, parts.charter, book.now, enough=enough)) is not None:
            return stop
        if book.state.generation == 0:
            after(cycle.beginning(parts))
        elif (decided := cycle.turn(parts)) is not None:
            after(decided)
            turned += 1
