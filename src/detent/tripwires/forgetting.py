"""Forgetting: does the model that would be in force still know what was mastered?

    >>> watch({"copy": Score(270, 320), "sort": Score(317, 320)}).about
    ('copy',)

Statistic: per task the exact probability p of so few right of `asked`, when the share right on its mastered rungs
is the floor; -ln of the least p times the number of tasks. Unit: natural logarithm. Fires at ln(1/alpha).
Guarantee: alpha a generation, for problems that are drawn after the model was frozen. Rungs need not be alike: for a
number of successes below n f - 1 no mixture of rungs with mean f is likelier to have so few (Hoeffding 1956, th. 4).
Limit: floor .94, the gate's, so that it watches whatever becomes the model in force without passing that gate
again. A mastered rung's share was above .95 at level .01. Default: pause.
It cannot see: a rung that falls while the task's mean stays above the floor; anything that was never mastered; with
320 problems a share of .92 or more, mostly.
Hoeffding, "On the distribution of the number of successes in independent trials", Ann. Math. Statist. 27, 1956;
Bonferroni over tasks.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from detent.tripwires._tails import log_lower
from detent.tripwires.chance import alpha_per_generation
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import checked_scores, nothing, of_worst, unmeasured
from detent.values import Reading, Score

NAME = "forgetting"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be kept."""

    floor: Annotated[float, Meta(ge=0.01, le=0.999, description="share right on mastered rungs")] = 0.94


FORM = WireForm(
    name=NAME,
    action="pause",
    chance="generation",
    made=Limits,
    watches="share right on mastered rungs, fresh problems, by task",
    statistic="exact binomial tail at the floor, worst task",
    fires="ln evidence >= ln(1/alpha)",
    blind="one rung that falls while the task's mastered rungs together stay above the floor",
)


def watch(
    mastered: Mapping[str, Score],
    limits: Limits | None = None,
    *,
    alpha: float = alpha_per_generation(),
) -> Reading:
    """One generation's reading.

    Args:
        mastered: right of asked by task, over all its mastered rungs; tasks without one are left out.
        limits: the charter's.
        alpha: false alarms a generation.

    Raises:
        UsageError: impossible totals, limits or alpha.
    """
    limits = check(NAME, limits or Limits())
    checked_scores(NAME, mastered.items())
    if not mastered:
        return nothing(NAME, "no level is mastered yet")
    silent = sorted(task for task, score in mastered.items() if not score.asked)
    if silent:
        return unmeasured(NAME, f"answers on mastered levels of {silent} expected, got none; ask again")
    evidence = {task: -log_lower(score.right, score.asked, limits.floor) for task, score in mastered.items()}

    def said(task: str) -> str:
        score = mastered[task]
        right = f"{score.right} of {score.asked} right on mastered levels ({score.rate:.3f})"
        return f"{task}: {right}, floor {limits.floor:g}"

    return of_worst(NAME, evidence, alpha, said)
