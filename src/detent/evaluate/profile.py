"""Profiles: how a model does rung by rung, on problems from one stream.

    >>> items = profile_items(tasks, ladder_rungs({"copy": 15}, each=64), stream)
    >>> completions = [item.problem.answer for item in items]
    >>> profile = as_profile("d" * 64, score_profile(tasks, items, completions))
    >>> len(items), profile.accuracy("copy", 3)
    (960, 1.0)

Visible and fresh profiles differ in their stream alone: the visible one aims and screens, and is the same
for two models that are compared; the fresh one is used for nothing. Problem j (from 0) of a rung is drawn
from Rng(stream / task / decimal level / decimal j), with `child` as `detent.tasks.Rng` defines it, so whoever
knows the stream's seed draws it again. A rate from n problems has a standard error of sqrt(p (1 - p) / n):
.06 at most for n = 64. Levels with few problems (level 1 has ten) are asked the same again and again.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from detent.errors import EngineError
from detent.evaluate.items import items_of, judged
from detent.tasks import Rng, TaskSource
from detent.values import Item, Profile, Score, Slice

Rungs = Mapping[str, Mapping[int, int]]
"""rungs[task][level] = problems to ask there."""


def ladder_rungs(tops: Mapping[str, int], each: int) -> dict[str, dict[int, int]]:
    """`each` problems on every level 1 .. top of every task."""
    return {task: dict.fromkeys(range(1, top + 1), each) for task, top in tops.items()}


def profile_items(tasks: Mapping[str, TaskSource], rungs: Rungs, stream: bytes) -> list[Item]:
    """The problems of `rungs` drawn from `stream`, by task, level and number; one call a task.

    Raises:
        TaskError: a task's code went wrong.
    """
    root = Rng(stream)
    drawn = [
        (Slice(task, level), rung.child(str(number)).seed)
        for task, levels in rungs.items()
        for level, count in levels.items()
        for rung in [root.child(task).child(str(level))]
        for number in range(count)
    ]
    return items_of(drawn, tasks)


def score_profile(
    tasks: Mapping[str, TaskSource], items: Sequence[Item], completions: Sequence[str]
) -> dict[str, dict[int, Score]]:
    """Right and asked, as scores[task][level], on the rungs that were asked, in the items' order.

    Raises:
        EngineError: another number of completions than items.
        TaskError: a task's code went wrong.
    """
    if len(completions) != len(items):
        raise EngineError(f"{len(items)} answers expected, got {len(completions)}; run again")
    marks = judged(items, completions, tasks)
    asked = Counter(item.slice for item in items)
    right = Counter(item.slice for item, is_right in zip(items, marks, strict=True) if is_right)
    scores: defaultdict[str, dict[int, Score]] = defaultdict(dict)
    for rung, count in asked.items():
        scores[rung.task][rung.level] = Score(right[rung], count)
    return dict(scores)


def as_profile(subject: str, scores: Mapping[str, Mapping[int, Score]]) -> Profile:
    """The profile of the model `subject` (digest) from scores on every level 1 .. top of each task."""
    rows = {
        task: tuple(levels[level] for level in range(1, len(levels) + 1)) for task, levels in scores.items()
    }
    return Profile(subject, rows)
