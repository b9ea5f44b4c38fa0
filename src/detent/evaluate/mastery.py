"""Mastery: which rungs a promoted model has reached so surely that they must never be lost again.

    >>> newly_mastered({"copy": {3: Score(256, 256), 4: Score(249, 256)}})
    {'copy': (3,)}

A rung is mastered once the lower bound of its share right, on problems drawn after the model was frozen,
is .95 or more: the betting e-process against the floor .95 (see `gate`) reaches 1/ALPHA. It stays so until
an amendment. Tried are the rungs below the frontier that are not mastered yet. Each try of a rung that is
not above .95 errs with probability ALPHA at most; such an error promotes nothing, it only makes later
promotions harder, because (R) then defends a rung that was not quite there. On a level with few problems
mastery says that those are known, not that anything generalises.
"""

from collections.abc import Collection, Mapping

from detent.evaluate.gate import log_e, passes
from detent.values import Counts, Profile, Score

BOUND = 0.95
"""The share right that the lower bound must reach."""

ALPHA = 0.01
"""Level of one try of one rung."""

PROBLEMS = 256
"""Problems of a try. A rung of true rate .995 passes with probability .96, .99 .75, .98 .25, .97 .05."""


def plan_mastery(profile: Profile, mastered: Mapping[str, Collection[int]]) -> dict[str, dict[int, int]]:
    """plan[task][level] = problems to ask, on the rungs below the frontier that are not mastered.

    Args:
        profile: any profile of the model; it aims only.
        mastered: per task, what must be kept already.
    """
    plan = {
        task: {
            level: PROBLEMS
            for level in range(1, profile.frontier(task))
            if level not in mastered.get(task, ())
        }
        for task in profile.scores
    }
    return {task: levels for task, levels in plan.items() if levels}


def is_mastered(score: Score) -> bool:
    """Whether right and asked show a rate above BOUND at ALPHA. Raises UsageError on impossible counts."""
    counts = Counts(wins=score.right, losses=score.asked - score.right, ties=0)
    return passes(log_e("floor", BOUND, counts), ALPHA)


def newly_mastered(scores: Mapping[str, Mapping[int, Score]]) -> dict[str, tuple[int, ...]]:
    """Per task, the levels of scores[task][level] that are mastered by these scores alone; no empty ones."""
    added = {
        task: tuple(level for level, score in sorted(levels.items()) if is_mastered(score))
        for task, levels in scores.items()
    }
    return {task: levels for task, levels in added.items() if levels}
