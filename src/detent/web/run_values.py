"""What a run's page shows: figures over its generations, the timeline, a map of two generations beside each other."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from detent.report import Story, Turn
from detent.report.shown import (
    Figure,
    Grid,
    Square,
    Table,
    TurnRow,
    gains,
    grid,
    horizons,
    ladder,
    points,
    rate,
    turn_row,
)
from detent.report.story import Standing
from detent.values import Answered, Requested, Watched
from detent.web.index import Note
from detent.web.showing import Piece, piece

STEPS = 25
"""Generations on one page of the timeline."""

MOST_DRAWN = 80
"""Generations that one chart draws; of more, so many that are evenly apart."""


class Step(NamedTuple):
    """A closed generation on the timeline. who: who decided, and why where people did. fired: tripwires."""

    generation: int
    at: str
    row: TurnRow
    who: str
    why: str
    request: int | None
    fired: tuple[str, ...]


class Maps(NamedTuple):
    """Two generations' maps. choices: the first and the last that can be chosen."""

    left: int
    right: int
    choices: tuple[int, int]
    figures: tuple[Figure, ...]
    difference: Table


def progress(story: Story) -> tuple[Figure, ...]:
    """Ladder and horizon; of long runs so many generations as can be seen."""
    if not story.standings:
        return ()
    thin, every = thinned(story), -(-len(story.standings) // MOST_DRAWN)
    note = f" One generation in {every} is drawn." if every > 1 else ""
    drawn = ladder(thin), horizons(thin)
    return tuple(structs.replace(one, caption=one.caption + note) for one in drawn)


def gate_gains(story: Story) -> Figure | None:
    """Gain at the gate, of the newest openings."""
    return gains(structs.replace(story, turns=story.turns[-MOST_DRAWN:]))


def thinned(story: Story) -> Story:
    """The story with so few standings that a chart of them stays small: the first, the last, and some between."""
    every = -(-len(story.standings) // MOST_DRAWN)
    if every <= 1:
        return story
    last = len(story.standings) - 1
    kept = tuple(one for index, one in enumerate(story.standings) if index % every == 0 or index == last)
    return structs.replace(story, standings=kept)


def timeline(story: Story, number: int) -> Piece[Step]:
    """Closed generations, the newest first."""
    found = piece(story.decided[::-1], number, STEPS)
    steps = [step(story, turn) for turn in found.items]
    return Piece(steps, found.number, found.last, found.total, found.newer, found.older)


def step(story: Story, turn: Turn) -> Step:
    """One generation: its decision, and who made it."""
    slots = story.written.get(turn.generation, {})
    asked, answered, watched = slots.get("request/v1"), slots.get("answer/v1"), slots.get("watch/v1")
    who, why = "the loop, by the charter", ""
    if isinstance(answered, Answered):
        said = "approved" if answered.verdict == "approve" else "denied"
        who, why = f"{said} by {', '.join(answered.signers)}", answered.because
    elif isinstance(asked, Requested):
        who = "nobody answered in time, which means no"
    elif turn.decision == "rollback":
        who = "stewards ordered it"
    fired = tuple(r.wire for r in watched.readings if r.fired) if isinstance(watched, Watched) else ()
    number = asked.number if isinstance(asked, Requested) else None
    return Step(turn.generation, turn.at, turn_row(turn), who, why, number, fired)


def maps(story: Story, left: int | None, right: int | None) -> Maps | None:
    """Task by level of any two generations' models in force; None where nothing was measured yet."""
    known = {standing.generation: standing for standing in story.standings}
    if not known:
        return None
    first, last = min(known), max(known)
    one, other = (
        known[_nearest(known, end if wanted is None else wanted)]
        for end, wanted in ((first, left), (last, right))
    )
    return Maps(
        left=one.generation,
        right=other.generation,
        choices=(first, last),
        figures=(map_of(story, one), map_of(story, other)),
        difference=difference(story, one, other),
    )


def _nearest(known: dict[int, Standing], wanted: int) -> int:
    return min(known, key=lambda generation: (abs(generation - wanted), generation))


def map_of(story: Story, standing: Standing) -> Figure:
    """One generation: tasks down, levels across, the share right in each cell."""
    tasks = [task for task in story.top if task in standing.profile.scores]
    levels = max((len(standing.profile.scores[task]) for task in tasks), default=0)
    rows = [[score.rate for score in standing.profile.scores[task]] for task in tasks]
    squares = tuple(
        tuple(
            Square(value, f"{task}, level {level}: {rate(value)}", rate(value))
            for level, value in enumerate(row, start=1)
        )
        + (Square(None, ""),) * (levels - len(row))
        for task, row in zip(tasks, rows, strict=True)
    )
    names = tuple(str(level) for level in range(1, levels + 1))
    measured = (
        f", measured in generation {standing.measured}" if standing.measured != standing.generation else ""
    )
    title = f"Generation {standing.generation}"
    drawn = grid(
        Grid(f"{title}: share right by task and level", tuple(tasks), names, squares, "task", "level")
    )
    table = tuple((task, *map(rate, row)) for task, row in zip(tasks, rows, strict=True))
    return Figure(
        title, f"Ladder {rate(standing.ladder)}{measured}.", drawn, Table(("task", *names), table, 1)
    )


def difference(story: Story, left: Standing, right: Standing) -> Table:
    """Points by which the second is ahead of the first, rung by rung."""
    tasks = [t for t in story.top if t in left.profile.scores and t in right.profile.scores]
    levels = max((len(left.profile.scores[task]) for task in tasks), default=0)
    rows = [
        (
            task,
            *(
                points(after.rate - before.rate)
                for before, after in zip(left.profile.scores[task], right.profile.scores[task], strict=False)
            ),
        )
        for task in tasks
    ]
    head = ("task", *(str(level) for level in range(1, levels + 1)))
    return Table(head, tuple((*row, *["-"] * (len(head) - len(row))) for row in rows), 1)


def requests(notes: Sequence[Note]) -> list[Note]:
    """The generations in which people were asked, the newest first."""
    return [note for note in reversed(notes) if note.request is not None]


def under_way(story: Story) -> Sequence[str]:
    """What the generation in progress has written, in words."""
    if not story.under_way:
        return ()
    entries = len(story.under_way)
    return (
        f"Generation {story.state.generation} is under way",
        f"{entries} {'entry' if entries == 1 else 'entries'} on the ledger, the newest {story.under_way[-1]}",
    )
