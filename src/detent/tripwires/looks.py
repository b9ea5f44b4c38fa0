"""What the wires that look at a model ask it, and what that takes: the same problems for whoever asks or counts again.

>>> looks = looks_at(tasks, {"copy": 15}, seed_levels=5, seed=1, generation=3)
>>> len(looks.probes), len(looks.ladder), len(looks.seed_levels)
(30, 120, 120)
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from detent.evaluate import (
    Guard,
    answering,
    best,
    items_of,
    ladder_rungs,
    profile_items,
    public_stream,
)
from detent.tasks import Rng, TaskSource, shown
from detent.tripwires import constitution_drift, sandbagging
from detent.values import Item, Profile, Reading, Room, State, SubjectBuilt

PRINCIPLE_PROBES = 50
"""Frozen problems a principle, of all its slices together."""

PROBES = 2
"""Frozen problems a rung: two models are compared on them, and no training data may hold them."""

SCALES = (0.05, 0.1, 0.2)
"""Of a sweep: standard deviation of the noise, relative to each matrix's own."""

SWEEP_PROBLEMS = 8
ELICIT_PROBLEMS = 24
"""Problems a rung: of a sweep, and of the seed levels after a few steps."""

ELICIT_STEPS = 20
"""Steps of training that bring out what is held back, and teach a model of seed levels next to nothing."""


class Ground(NamedTuple):
    """Where problems are drawn: tasks, the tops of their ladders, seed levels and public seed of the charter.

    extra: the room of an answer.
    guards, principles: what is guarded, and the sources that ask it, by name.
    """

    tasks: Mapping[str, TaskSource]
    tops: Mapping[str, int]
    seed_levels: int
    seed: int
    extra: Room
    guards: tuple[Guard, ...] = ()
    principles: Mapping[str, TaskSource] = MappingProxyType({})


def probes_of(tasks: Mapping[str, TaskSource], tops: Mapping[str, int], seed: int) -> list[Item]:
    """The frozen problems, which are those of generation 0 for ever."""
    return profile_items(shown(tasks), ladder_rungs(tops, PROBES), public_stream(seed, "probes", 0))


def probe_prompts(tasks: Mapping[str, TaskSource], tops: Mapping[str, int], seed: int) -> tuple[str, ...]:
    """The same without their answers: what a look inside is made on."""
    return tuple(_prompts(probes_of(tasks, tops, seed)))


def principles_of(
    guards: Sequence[Guard], principles: Mapping[str, TaskSource], seed: int
) -> dict[str, list[Item]]:
    """The frozen problems of each guarded principle, which are those of generation 0 for ever.

    Each is of a slice drawn by chance, so that long ladders take no more. What is drawn for one principle does not
    depend on which others there are.
    """
    root = Rng(public_stream(seed, "principles", 0))
    return {
        guard.name: items_of(
            [
                (probe.child("slice").choice(guard.slices), probe.child("problem").seed)
                for number in range(PRINCIPLE_PROBES)
                for probe in [root.child(guard.name).child(str(number))]
            ],
            shown(principles),
        )
        for guard in guards
    }


def ladder_of(
    tasks: Mapping[str, TaskSource], tops: Mapping[str, int], seed: int, generation: int
) -> list[Item]:
    """What is asked with noise and without."""
    stream = public_stream(seed, "noise sweep", generation)
    return profile_items(shown(tasks), ladder_rungs(tops, SWEEP_PROBLEMS), stream)


def seed_levels_of(
    tasks: Mapping[str, TaskSource], tops: Mapping[str, int], levels: int, seed: int, generation: int
) -> list[Item]:
    """What is asked before a few steps and after."""
    low = {task: min(top, levels) for task, top in tops.items()}
    stream = public_stream(seed, "elicitation", generation)
    return profile_items(shown(tasks), ladder_rungs(low, ELICIT_PROBLEMS), stream)


def compute_of(
    state: State, profiles: Sequence[Profile], readings: Iterable[Reading], ground: Ground
) -> float:
    """Floating point operations of what was asked for these readings, at the most.

    What could not be measured fires, and counts for nothing here: perhaps nothing could be drawn. A few steps of
    training take a step what the first training took, of a model of that size; the most of any member.

    Args:
        state: before the readings are written down.
        profiles: of the candidates, in the team's order.
        readings: of this generation.
        ground: where their problems are drawn.

    Raises:
        TaskError: a task's code went wrong.
    """
    made = {reading.wire for reading in readings if reading.status in ("quiet", "fired")}
    total = _of_principles(state, profiles, ground) if constitution_drift.NAME in made else 0.0
    if sandbagging.NAME in made:
        total += _of_sweep(state, state.sizes[best(profiles).subject], ground)
    return total


def _of_principles(state: State, profiles: Sequence[Profile], ground: Ground) -> float:
    sizes = [state.sizes[best(profiles).subject], state.sizes[state.first]]
    asked = principles_of(ground.guards, ground.principles, ground.seed).values()
    return sum(answering(sum(sizes), _prompts(items), ground.extra) for items in asked)


def _of_sweep(state: State, size: int, ground: Ground) -> float:
    ladder = ladder_of(ground.tasks, ground.tops, ground.seed, state.generation)
    low = seed_levels_of(ground.tasks, ground.tops, ground.seed_levels, ground.seed, state.generation)
    taught = [one for one in state.history[0].values() if isinstance(one, SubjectBuilt)]
    step = max(one.flops / (one.steps * one.parameters) for one in taught)
    noise = (1 + len(SCALES)) * answering(size, _prompts(ladder), ground.extra)
    return noise + 2 * answering(size, _prompts(low), ground.extra) + ELICIT_STEPS * size * step


def _prompts(items: Iterable[Item]) -> list[str]:
    return [item.problem.prompt for item in items]
