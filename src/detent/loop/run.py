"""Turn after turn, as long as the lease covers it."""

from collections.abc import Callable

from detent.loop import cycle
from detent.loop.parts import Parts
from detent.oversight import Stop, why_stop
from detent.values import Decided


def drive(parts: Parts, generations: int | None, after: Callable[[Decided], None]) -> Stop:
    """Turn the cycle until something says stop.

    Args:
        parts: what a turn works with.
        generations: most generations of this call, generation 0 not counted; None for no bound.
        after: told of each closed generation.
    """
    turned = 0
    while True:
        stop = why_stop(parts.book.state, generations is not None and turned >= generations)
        if stop is not None:
            return stop
        if parts.book.state.generation == 0:
            after(cycle.beginning(parts))
        else:
            after(cycle.turn(parts))
            turned += 1
