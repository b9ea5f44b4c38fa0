"""Train-gate gap: is a model better on the problems it was chosen by than on fresh ones?

    >>> visible = Profile("d" * 64, {"copy": (Score(64, 64), Score(60, 64))})
    >>> fresh = Profile("d" * 64, {"copy": (Score(64, 64), Score(30, 64))})
    >>> watch(visible, fresh).status
    'fired'

Visible problems aim, screen and choose; fresh ones are used for nothing. A model that does better on the visible
ones has been fitted to them, by leak or by choice.
Statistic: per task an e-value against "visible minus fresh is at most `tolerated`", rungs weighted by problems;
see `_gaps`; averaged over tasks. Unit: natural logarithm. Fires at ln(1/alpha).
Guarantee: alpha a generation, for problems of both profiles that are independent given the model.
Limit: tolerated .05, more than choosing the best of a few candidates on the visible problems can add (their share
right has a standard error of about .01 a task). Default: pause.
It cannot see: fitting to a family of problems that fresh ones come from too; levels with few problems, where
nothing is fresh; gaps below about .12 in one task of 15 levels with 64 problems each.
"""

from typing import Annotated

from msgspec import Meta, Struct

from detent.errors import UsageError
from detent.tripwires._gaps import log_e_of_totals
from detent.tripwires.chance import alpha_per_generation
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import checked_scores, of_mean, unmeasured
from detent.values import Profile, Reading

NAME = "train_gate_gap"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is tolerated."""

    tolerated: Annotated[
        float, Meta(ge=0.001, le=0.9, description="share right on visible minus on fresh problems")
    ] = 0.05


FORM = WireForm(
    name=NAME,
    action="pause",
    chance="generation",
    made=Limits,
    watches="share right on visible minus on fresh problems of the same model, by task",
    statistic="two-sample e-value by rung, averaged over tasks",
    fires="ln evidence >= ln(1/alpha)",
    blind="fitting to a family that fresh problems come from too; levels with few problems",
)


def watch(
    visible: Profile | None,
    fresh: Profile | None,
    limits: Limits | None = None,
    *,
    alpha: float = alpha_per_generation(),
) -> Reading:
    """One generation's reading.

    Args:
        visible: the model on visible problems; None when that failed.
        fresh: the same model on fresh ones.
        limits: the charter's.
        alpha: false alarms a generation.

    Raises:
        UsageError: two models, other rungs, impossible totals, limits or alpha.
    """
    limits = check(NAME, limits or Limits())
    if visible is None or fresh is None:
        return unmeasured(NAME, "a visible and a fresh profile expected, got one at most; measure again")
    _check_alike(visible, fresh)
    evidence = {
        task: log_e_of_totals(zip(scores, visible.scores[task], strict=True), limits.tolerated)
        for task, scores in fresh.scores.items()
    }

    def said(task: str) -> str:
        seen, new = visible.task_ladder(task), fresh.task_ladder(task)
        return f"{task}: {seen:.3f} on visible and {new:.3f} on fresh problems, {limits.tolerated:g} is tolerated"

    return of_mean(NAME, evidence, alpha, said)


def _check_alike(visible: Profile, fresh: Profile) -> None:
    shapes = [{task: len(scores) for task, scores in one.scores.items()} for one in (visible, fresh)]
    if visible.subject != fresh.subject or shapes[0] != shapes[1] or not shapes[0]:
        raise UsageError(
            f"profiles of one model on the same rungs expected, got {visible.subject[:8]} on {shapes[0]} and "
            f"{fresh.subject[:8]} on {shapes[1]}; measure the same model twice"
        )
    for one in (visible, fresh):
        checked_scores(NAME, ((task, score) for task, scores in one.scores.items() for score in scores))
