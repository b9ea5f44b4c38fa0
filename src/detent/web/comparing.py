"""Two runs, or two generations of one, side by side."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from detent.report import Story, Turn
from detent.report.shown import VERDICTS, Figure, Table, count, decision, interval, number_of, rate
from detent.report.story import Standing
from detent.values import Watched
from detent.web import run_values
from detent.web.rooms import House, Room
from detent.web.showing import whole_number


class Side(NamedTuple):
    """One of the two. facts: (name, value), the same names on both sides."""

    run: str
    generation: int
    last: int
    facts: tuple[tuple[str, str], ...]
    map: Figure | None
    progress: tuple[Figure, ...]


class Sides(NamedTuple):
    """Both. facts: name, left, right. difference: rung by rung, None where they share no task."""

    left: Side
    right: Side
    facts: tuple[tuple[str, str, str], ...]
    difference: Table | None
    same_run: bool


def compared(
    house: House, story_of: Callable[[Room], Story], asked: Sequence[tuple[str, str]]
) -> Sides | None:
    """What was asked for, as (run, generation); what is no run or generation is the first, or the newest there is."""
    rooms = {room.name: room for room in house.rooms if room.view.signed is not None}
    if not rooms:
        return None
    names = list(rooms)
    others = [names[0], names[min(1, len(names) - 1)]]
    runs = [name if name in rooms else other for (name, _), other in zip(asked, others, strict=True)]
    stories = [story_of(rooms[name]) for name in runs]
    wanted = [whole_number(generation, -1) for _, generation in asked]
    if runs[0] == runs[1] and wanted[0] < 0:
        wanted[0] = 0  # a run against itself says nothing: its first generation against its newest
    left, right = (
        _side(name, story, number) for name, story, number in zip(runs, stories, wanted, strict=True)
    )
    facts = tuple((name, one, other) for (name, one), (_, other) in zip(left.facts, right.facts, strict=True))
    standings = [
        _standing(story, side.generation) for story, side in zip(stories, (left, right), strict=True)
    ]
    both = None
    if standings[0] is not None and standings[1] is not None:
        found = run_values.difference(stories[0], standings[0], standings[1])
        both = found if found.rows else None
    return Sides(left, right, facts, both, runs[0] == runs[1])


def _side(name: str, story: Story, wanted: int) -> Side:
    last = max((turn.generation for turn in story.turns), default=0)
    generation = min(wanted, last) if wanted >= 0 else last
    standing = _standing(story, generation)
    return Side(
        run=name,
        generation=generation,
        last=last,
        facts=tuple(_facts(story, generation, standing)),
        map=run_values.map_of(story, standing) if standing else None,
        progress=run_values.progress(story),
    )


def _standing(story: Story, generation: int) -> Standing | None:
    return next((one for one in story.standings if one.generation == generation), None)


def _facts(story: Story, generation: int, standing: Standing | None) -> list[tuple[str, str]]:
    turn = next((one for one in story.turns if one.generation == generation), None)
    models = [one for one in story.models if one.generation == generation]
    watched = story.written.get(generation, {}).get("watch/v1")
    fired = [r.wire for r in watched.readings if r.fired] if isinstance(watched, Watched) else []
    return [
        (
            "Ladder",
            f"{rate(standing.ladder)} ({rate(standing.low)} to {rate(standing.high)})" if standing else "-",
        ),
        ("Horizons", ", ".join(_horizons(standing)) or "-"),
        *_gate(turn),
        ("Decision", decision(turn.decision, turn.candidate) if turn else "-"),
        ("Why", turn.because if turn else "-"),
        ("Models made", ", ".join(f"{count(one.parameters)} parameters" for one in models) or "-"),
        ("Training", f"{sum(one.flops for one in models) / 1e12:,.2f} TFLOP"),
        ("Tripwires that fired", ", ".join(fired) or "none"),
        ("Promoted so far", str(sum(one.promoted for one in story.decided if one.generation <= generation))),
        ("Openings so far", number_of(sum(o.generation <= generation for o in story.openings), "opening")),
    ]


def _horizons(standing: Standing | None) -> list[str]:
    return [f"{task} {one.level:.1f}" for task, one in standing.horizons.items()] if standing else []


def _gate(turn: Turn | None) -> list[tuple[str, str]]:
    opening = turn.opening if turn else None
    return [
        ("Verdict", opening.said if opening else VERDICTS["none"]),
        ("Gain, points", interval(opening.gain) if opening and opening.gain else "-"),
        ("Problems asked", count(opening.items_of_all) if opening else "-"),
    ]
