"""Items of a target: slice and problem drawn i.i.d. from the seed, the item's number and nothing else.

    >>> stream = ItemStream(seed, target, tasks)
    >>> stream.take(0, 2) == [*stream.take(0, 1), *stream.take(1, 2)]
    True

From the opening's seed, with `child` as `detent.tasks.Rng` defines it:

    target stream = seed / target's name;      item = target stream / decimal i, i = 0, 1, 2, ...
    slice:   u = Rng(item / "slice").random(); the first slice whose cumulative weight exceeds u
    problem: drawn by the slice's task from Rng(item / "problem")

Where a task has only so many problems for an opening (`detent.tasks.Finite`), the j-th item of a slice, from 0, takes
the place that comes j-th when all places are shuffled by Rng(target stream / "rows" / task / decimal level). Rows are
independent draws from what the file's rows stand for as long as none comes twice; an item that finds none left is an
error.

Other problems are drawn with replacement and never de-duplicated, so that E[D_i | past] is the weighted mean over
slices: what the gate's null hypothesis speaks of. Sorted or balanced slices would break the test, and feeding the
slice that looks best would too. Targets have streams of their own; one may stop or grow without moving another's items.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate

from detent.errors import UsageError
from detent.tasks import Ask, Rng, TaskSource, at_place, rows_of
from detent.values import Item, Slice, Target


class ItemStream:
    """Endless items of one target of one opening."""

    def __init__(self, seed: bytes, target: Target, tasks: Mapping[str, TaskSource]) -> None:
        """Prepare; nothing is drawn yet.

        Raises:
            UsageError: a slice names a task that is not there.
        """
        unknown = sorted({one.task for one in target.slices} - set(tasks))
        if unknown:
            raise UsageError(f"tasks among {sorted(tasks)} expected in target {target.name}, got {unknown}")
        self._stream = Rng(seed).child(target.name)
        self._slices = target.slices
        self._cumulative = list(accumulate(target.weights))
        self._tasks = tasks
        self._places: dict[Slice, list[int]] = {}

    def take(self, start: int, stop: int) -> list[Item]:
        """Items start .. stop - 1; one call a task.

        Raises:
            TaskError: a task's code goes wrong, or has no row left.
        """
        used: Counter[Slice] = Counter()
        if any(self._order(one) is not None for one in self._slices):
            used.update(self._draw(index)[0] for index in range(start))
        drawn = [self._placed(*self._draw(index), used) for index in range(start, stop)]
        return items_of(drawn, self._tasks)

    def _placed(self, one: Slice, seed: bytes, used: "Counter[Slice]") -> tuple[Slice, bytes]:
        """Name the place of a finite task's next row; one beyond the last is the source's to refuse."""
        order = self._order(one)
        if order is None:
            return one, seed
        used[one] += 1
        number = used[one] - 1
        return one, at_place(seed, order[number] if number < len(order) else len(order))

    def _order(self, one: Slice) -> list[int] | None:
        """The places of a finite task's rows in the order in which they are asked; None for any other task."""
        if one not in self._places:
            rows = rows_of(self._tasks[one.task], one.level)
            if rows is None:
                return None
            self._places[one] = list(range(rows))
            self._stream.child("rows").child(one.task).child(str(one.level)).shuffle(self._places[one])
        return self._places[one]

    def _draw(self, index: int) -> tuple[Slice, bytes]:
        item = self._stream.child(str(index))
        # Rounding may leave the last cumulative weight a hair below 1: the last slice then takes the rest.
        place = bisect_right(self._cumulative, item.child("slice").random())
        return self._slices[min(place, len(self._slices) - 1)], item.child("problem").seed


def items_of(drawn: Sequence[tuple[Slice, bytes]], tasks: Mapping[str, TaskSource]) -> list[Item]:
    """The problems of (slice, seed) pairs, in order; one call a task."""
    asks: dict[str, list[Ask]] = defaultdict(list)
    for one, seed in drawn:
        asks[one.task].append((one.level, seed))
    problems = {task: iter(tasks[task].problems(wanted)) for task, wanted in asks.items()}
    return [Item(one, next(problems[one.task])) for one, _ in drawn]


def judged(items: Sequence[Item], completions: Sequence[str], tasks: Mapping[str, TaskSource]) -> list[bool]:
    """Whether each completion is right, in order; one call a task."""
    pairs = defaultdict(list)
    for item, completion in zip(items, completions, strict=True):
        pairs[item.slice.task].append((item.problem, completion))
    marks = {task: iter(tasks[task].right(asked)) for task, asked in pairs.items()}
    return [next(marks[item.slice.task]) for item in items]
