"""What the next generations may bring: the forecast that the early warning decides by, and the charter's thresholds.

>>> foreseen(story, charter).ahead
3
"""

from msgspec import structs

from detent.charter import Charter
from detent.evaluate import Horizon
from detent.report.story import Awaited, Story
from detent.tripwires.threshold_early_warning import LEAST_INCREMENTS, upper

MOST_AHEAD = 12
"""Generations that are drawn ahead at the most: further on the forecast says little."""


def foreseen(story: Story, charter: Charter) -> Story:
    """The story with the charter's thresholds, and how far ahead to look.

    That is to the lease's end, or to the next full evaluation where that is later.
    """
    left = story.state.lease_left(story.last)
    return structs.replace(
        story,
        thresholds=tuple(Awaited(one.task, one.horizon, one.quorum) for one in charter.direction.threshold),
        ahead=min(max(left, 1 + charter.pace.evaluation_lag), MOST_AHEAD),
    )


def horizon_ahead(story: Story, task: str) -> tuple[tuple[int, float], ...]:
    """(generation, upper forecast) from the last one measured on; nothing where there is too little to go by."""
    return _ahead(story, {s.measured: s.horizons[task] for s in story.standings if task in s.horizons})


def ladder_ahead(story: Story) -> tuple[tuple[int, float], ...]:
    """The same of the ladder score, which ends at 1."""
    found = _ahead(story, {s.measured: Horizon(s.ladder, censored=False) for s in story.standings})
    return tuple((generation, min(value, 1.0)) for generation, value in found)


def _ahead(story: Story, history: dict[int, Horizon]) -> tuple[tuple[int, float], ...]:
    if len(history) <= LEAST_INCREMENTS or not story.ahead:
        return ()
    last, now = max(history), max(turn.generation for turn in story.turns)
    first = (last, history[last].level)
    steps = range(1, now + story.ahead - last + 1)
    return (first, *((last + step, upper(history, step)) for step in steps))
