"""Label avalanche: has the share of wrong self-made labels risen above what is tolerated?

    >>> audits = {"copy": Score(50, 50), "reverse": Score(25, 50)}
    >>> reading = watch([audits], alpha=alpha_per_observation(50))
    >>> reading.status, reading.about, round(reading.statistic, 1), round(reading.limit, 1)
    ('fired', ('reverse',), 26.8, 10.7)

Statistic: an e-detector over all audited labels since the last answered alarm, one process a task, averaged;
see `_edetector`. Unit: natural logarithm of the average. Fires at ln(1/alpha), alpha an audited label.
Guarantee: P(a false alarm within T audits of each task) <= alpha T, as long as each audited label is wrong with
probability `tolerated` at most given what was audited before; audits must be drawn from a sealed stream after the
batch's digest is on the ledger.
Limit: tolerated .10, the share at which the diagnosis begins to clean a task's labels. In four default runs single
generations had up to .16 wrong, were cleaned, and stayed well under the limit; .05 would have stopped one of them.
Default: pause.
It cannot see: labels wrong in ways the checker accepts; a rise that stays below `tolerated`; a rise between audits;
which labels are wrong.
Lee et al., arXiv 2502.01612 (error avalanche); Shin, Ramdas and Rinaldo, "E-detectors", arXiv 2203.03532.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from detent.tripwires._edetector import State, moved
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import checked_scores, nothing, of_mean, unmeasured
from detent.values import Reading, Score

NAME = "label_avalanche"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is tolerated."""

    tolerated: Annotated[float, Meta(ge=0.001, le=0.9, description="share of wrong labels")] = 0.1


FORM = WireForm(
    name=NAME,
    action="pause",
    chance="observation",
    made=Limits,
    watches="self-made labels that an audit finds wrong, by task",
    statistic="e-detector over all audits, averaged over tasks",
    fires="ln evidence >= ln(1/alpha)",
    blind="labels wrong in ways the checker accepts; a rise that stays below the tolerated share",
)


def watch(
    history: Sequence[Mapping[str, Score]] | None, limits: Limits | None = None, *, alpha: float
) -> Reading:
    """The reading after the last generation's audits.

    Args:
        history: right of asked by task, one mapping a generation, oldest first, this one last; after an answered
            alarm, those since. None when this generation made no labels.
        limits: the charter's.
        alpha: false alarms an audit; `alpha_per_observation` of the most audits of a task a generation.

    Raises:
        UsageError: impossible totals, limits or alpha.
    """
    if history is None:
        return nothing(NAME, "no labels were made")
    state = State()
    for audits in history:
        state = step(state, audits, limits)
    return read(state, history[-1] if history else {}, limits, alpha=alpha)


def step(state: State, audits: Mapping[str, Score], limits: Limits | None = None) -> State:
    """One generation's audits more. Errors as `watch`."""
    limits = check(NAME, limits or Limits())
    checked_scores(NAME, audits.items())
    return moved(state, audits, limits.tolerated)


def read(state: State, audits: Mapping[str, Score], limits: Limits | None = None, *, alpha: float) -> Reading:
    """The reading of a state that `audits`, the last ones, are part of. Errors as `watch`."""
    limits = check(NAME, limits or Limits())
    if not any(score.asked for score in audits.values()):
        return unmeasured(
            NAME, "audited labels expected, got none; audit the labels of this generation again"
        )

    def said(task: str) -> str:
        last = audits.get(task, Score(0, 0))
        wrong = f"{last.asked - last.right} of {last.asked} audited labels are wrong"
        return f"{task}: {wrong}, {limits.tolerated:.0%} are tolerated"

    return of_mean(NAME, state.evidence(), alpha, said)
