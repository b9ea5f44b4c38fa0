"""What a look inside two models is asked beyond their weights: which answers are right, and what problems are about.

    >>> Lineage("00", "3c", "9f", between=("1a", "2b")).probed
    ('00', '1a', '2b', '3c', '9f')

The problems are frozen, those of one public stream for ever, so that a reading made on the first model is tried on the
same ones a hundred generations later. They are drawn as profiles are, and nothing aims or trains by them. Which
answers are right crosses in the job, which runs where nothing can be kept.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from msgspec import UNSET, UnsetType

from detent.errors import EngineError
from detent.evaluate.items import judged
from detent.evaluate.profile import ladder_rungs, profile_items
from detent.evaluate.streams import public_number, public_stream
from detent.tasks import TaskSource, marks_of, shown
from detent.values import InterpretJob, Item, Room, State
from detent.values.inside import ALWAYS, DEEPER, Gained, Known, Section

T = TypeVar("T")

STREAM = "inside"
RUNG_PROBLEMS = 12
"""At the most: of short ladders a few more are asked, since what is read is counted over all of them."""

MOST_PROBLEMS = 240
MOST_GAINED = 64
MOST_BETWEEN = 4
"""Earlier models whose accuracies are shown, beside the first and the two: each answers all of the problems."""

EVERY: tuple[Section, ...] = (*ALWAYS, *DEEPER)

Answer = Callable[[str, Sequence[str]], Sequence[str]]
"""(model digest, prompts) -> one completion a prompt, in order."""


class Lineage(NamedTuple):
    """Models by digest. first: generation 0's. before, after: the two that are compared.

    between: models that were in force from the first to `before`, oldest first. earlier: two between which an earlier
    change lies.
    """

    first: str
    before: str
    after: str
    between: tuple[str, ...] = ()
    earlier: tuple[str, str] | UnsetType = UNSET

    @property
    def probed(self) -> tuple[str, ...]:
        """Those that a reading is tried on, each once, oldest first; of many between, some evenly spread."""
        known = dict.fromkeys((self.first, self.before, self.after))
        between = [one for one in dict.fromkeys(self.between) if one not in known]
        return tuple(dict.fromkeys((self.first, *spread(between, MOST_BETWEEN), self.before, self.after)))


def lineage_at(state: State, after: str) -> Lineage:
    """Of the turn in progress: `after` against the incumbent, or where it does not descend from that, its own parent.

    Without models on the way whose weights were let go. A model that descends from none is held against the incumbent.
    """
    chain = basis_of(state.ancestors(after), state.incumbent) or (state.first, state.incumbent)
    there = [one for one in chain[:-1] if one not in state.collected]
    first, before = (there[0] if there else chain[-1]), chain[-1]
    return Lineage(first, before, after, tuple(there[1:]), UNSET if first == before else (first, before))


def basis_of(ancestors: tuple[str, ...], incumbent: str) -> tuple[str, ...]:
    """The ancestors of a model, up to the one that it is compared with."""
    return ancestors[: ancestors.index(incumbent) + 1] if incumbent in ancestors else ancestors


def oldest(state: State, model: str) -> str:
    """The oldest model that a model descends from whose weights were not let go; itself where there is none."""
    return next((one for one in state.ancestors(model) if one not in state.collected), model)


class Inquiry(NamedTuple):
    """What is asked, and where its problems are drawn.

    tasks, tops, seed, room: as the run has them; its tops are those of its ladders. prompts: what the two are compared
    on. sections: which are made.
    """

    tasks: Mapping[str, TaskSource]
    tops: Mapping[str, int]
    seed: int
    room: Room
    prompts: tuple[str, ...]
    sections: tuple[Section, ...] = EVERY


def inside_items(tasks: Mapping[str, TaskSource], tops: Mapping[str, int], seed: int) -> list[Item]:
    """The frozen problems, by task and level: a few a rung, no prompt twice.

    Raises:
        TaskError: a task's code went wrong.
    """
    rungs = max(1, sum(tops.values()))
    each = max(1, min(RUNG_PROBLEMS, MOST_PROBLEMS // rungs))
    found = profile_items(shown(tasks), ladder_rungs(tops, each), public_stream(seed, STREAM, 0))
    once = list({item.problem.prompt: item for item in found}.values())
    return spread(once, MOST_PROBLEMS)


def deeper_job(lineage: Lineage, asked: Inquiry, answer: Answer) -> InterpretJob:
    """The job that makes the sections; models are asked here, for those that need to know what is right.

    answer: asks a model, within the opening in which the job will run.

    Raises:
        TaskError: a task's code went wrong.
        EngineError: another number of answers than there were prompts.
    """
    known: Known | UnsetType = UNSET
    gained: tuple[Gained, ...] = ()
    if {"probes", "splices", "patches"} & {*asked.sections}:
        known, gained = _answered(lineage, asked, answer)
    return InterpretJob(
        models=(lineage.before, lineage.after),
        prompts=asked.prompts,
        sections=asked.sections,
        extra_tokens=asked.room,
        earlier=lineage.earlier,
        gained=gained,
        known=known,
        seed=public_number(asked.seed, STREAM, 0),
    )


def _answered(
    lineage: Lineage, asked: Inquiry, answer: Answer
) -> tuple[Known | UnsetType, tuple[Gained, ...]]:
    items = inside_items(asked.tasks, asked.tops, asked.seed)
    prompts = tuple(item.problem.prompt for item in items)
    models = lineage.probed if "probes" in asked.sections else (lineage.before, lineage.after)
    said: dict[str, Sequence[str]] = {}
    right: dict[str, tuple[bool, ...]] = {}
    for model in dict.fromkeys(models):
        said[model] = answer(model, prompts)
        if len(said[model]) != len(prompts):
            raise EngineError(
                f"{len(prompts)} answers of model {model[:12]} expected, got {len(said[model])}; run again"
            )
        right[model] = tuple(judged(items, said[model], asked.tasks))
    known: Known | UnsetType = UNSET
    if "probes" in asked.sections:
        traits = traits_of(items, asked.tasks)
        known = Known(
            models=models, prompts=prompts, traits=traits, right=tuple(right[one] for one in models)
        )
    return known, _gained(
        items, (said[lineage.before], said[lineage.after]), (right[lineage.before], right[lineage.after])
    )


def _gained(
    items: Sequence[Item],
    said: tuple[Sequence[str], Sequence[str]],
    right: tuple[Sequence[bool], Sequence[bool]],
) -> tuple[Gained, ...]:
    """What only the second answers rightly, tasks by turns."""
    by_task = defaultdict[str, list[Gained]](list)
    for item, before, after, was, now in zip(items, *said, *right, strict=True):
        if now and not was:
            by_task[item.slice.task].append(Gained(item.problem.prompt, before, after))
    return tuple(
        one for row in zip_longest(*_fairly(by_task.values(), MOST_GAINED)) for one in row if one is not None
    )


def _fairly(every: Iterable[Sequence[Gained]], room: int) -> list[list[Gained]]:
    """As much of each as there is room for: what one has too few of, the others may have; spread over its levels."""
    rows = list(every)
    found: dict[int, list[Gained]] = {}
    for left, place in zip(
        range(len(rows), 0, -1), sorted(range(len(rows)), key=lambda at: len(rows[at])), strict=True
    ):
        found[place] = spread(rows[place], room // left)
        room -= len(found[place])
    return [found[place] for place in range(len(rows))]


def traits_of(
    items: Sequence[Item], tasks: Mapping[str, TaskSource]
) -> dict[str, tuple[tuple[int, ...], ...]]:
    """What problems are about, by trait: a class for the whole of each, or one for each sign of its answer.

    "level"; "task" where there are several, numbered by name; and what tasks mark of their own, which others have not.

    Raises:
        TaskError: a task's code went wrong.
    """
    found: dict[str, tuple[tuple[int, ...], ...]] = {"level": tuple((item.slice.level,) for item in items)}
    names = sorted({item.slice.task for item in items})
    if len(names) > 1:
        found["task"] = tuple((names.index(item.slice.task),) for item in items)
    for name in names:
        mine = [place for place, item in enumerate(items) if item.slice.task == name]
        marks = marks_of(tasks[name], [items[place].problem for place in mine])
        for mark in dict.fromkeys(mark for one in marks for mark in one):
            rows: list[tuple[int, ...]] = [()] * len(items)
            for place, one in zip(mine, marks, strict=True):
                rows[place] = one.get(mark, ())
            found[f"{mark} of {name}"] = tuple(rows)
    return found


def spread(rows: Sequence[T], most: int) -> list[T]:
    """At most so many of the rows, evenly spread, in their order."""
    if len(rows) <= most:
        return list(rows)
    return [rows[place * len(rows) // most] for place in range(most)]
