"""Threshold early warning: is a capability that people want to be asked about reached, or about to be?

    >>> history = {"reverse": {0: Horizon(9.0, False), 1: Horizon(9.8, False), 2: Horizon(10.7, False)}}
    >>> watch(history, [("reverse", 12.5)]).status
    'fired'

Statistic: the horizon x_G of the last fresh profile, and the upper forecast h = 1 + evaluation_lag generations on:

    U_h = x_G + h d + t_{.95, n-1} s sqrt(h + h^2 / T)

with n increments over T generations, drift d = (x_G - x_0) / T and s^2 the mean square of (increment - g d) / sqrt(g),
g the generations an increment spans, by n - 1; with fewer than 3 increments x_G + h max_step. Unit: levels. Fires
when U_h, or x_G itself, is at the threshold or above; the forecast to the lease's end stands in the sentence only,
since as a reason to pause it would stop most runs that are fine.
Guarantee: for a random walk with drift and normal steps, the horizon h generations on is above U_h with probability
.05. It has no share of the false alarms: it asks one generation early by intent. A horizon that is "at least" (the
ladder ends first) cannot be held against a threshold above it: unmeasured, until an amendment raises the top.
Limit: the charter's thresholds; max_step 2 levels, twice what default runs gain in their fastest generation.
Default: pause.
It cannot see: a jump (nothing but the last step announces it); what other tasks would show; a threshold that the
ladder cannot reach.
Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., table 5.2 (drift method), with Student's
t since s is estimated; the horizon as in `detent.evaluate.horizon`.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import fsum, isfinite, sqrt
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, structs

from detent.errors import UsageError
from detent.evaluate import Horizon
from detent.tripwires._student import quantile_95
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import nothing, unmeasured
from detent.values import Reading

NAME = "threshold_early_warning"

LEAST_INCREMENTS = 3


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is assumed while there is too little history to forecast from."""

    max_step: Annotated[float, Meta(ge=0.01, le=1000.0, description="levels a generation")] = 2.0


FORM = WireForm(
    name=NAME,
    action="pause",
    chance="none",
    made=Limits,
    watches="horizon of each task with a threshold, on fresh problems",
    statistic="upper forecast 1 + evaluation_lag generations on (95 %)",
    fires="horizon or forecast >= threshold",
    blind="a jump; what other tasks would show; thresholds above the ladder's top",
)


class _Ahead(NamedTuple):
    """How far to look: steps that decide, steps to the lease's end."""

    steps: int
    left: int
    limits: Limits


class _Nearest(NamedTuple):
    """One threshold: how far the forecast is from it, and the reading it would make alone."""

    room: float
    reading: Reading


def watch(
    history: Mapping[str, Mapping[int, Horizon]],
    thresholds: Sequence[tuple[str, float]],
    limits: Limits | None = None,
    *,
    lag: int = 0,
    left: int = 0,
) -> Reading:
    """One generation's reading: of all thresholds that ask, the one passed by most first; else of the nearest one.

    Args:
        history: by task and generation, the horizon of the fresh profile; the newest may be some generations old.
        thresholds: (task, level) each; the charter's.
        limits: the charter's.
        lag: generations that may pass without a full evaluation.
        left: generations left in the lease, for the sentence only.

    Raises:
        UsageError: a negative lag or number of generations left, or a threshold or horizon that is no number.
    """
    limits = check(NAME, limits or Limits())
    _check(history, thresholds, lag, left)
    if not thresholds:
        return nothing(NAME, "the charter sets no threshold")
    ahead = _Ahead(1 + lag, left, limits)
    found = [_one(history.get(task, {}), task, level, ahead) for task, level in thresholds]
    found.sort(key=lambda one: (not one.reading.fired, one.room, one.reading.about))
    return _together([one.reading for one in found if one.reading.fired] or [found[0].reading])


def _together(readings: Sequence[Reading]) -> Reading:
    """The first one's numbers, and what all of them say and are about: none may hide behind another."""
    said = "; ".join(reading.said for reading in readings)
    about = tuple(dict.fromkeys(task for reading in readings for task in reading.about))
    return structs.replace(readings[0], said=said, about=about)


def upper(history: Mapping[int, Horizon], steps: int, limits: Limits | None = None) -> float:
    """U_h for h = steps from the last generation measured, in levels.

    Raises:
        UsageError: no horizon yet, or no step ahead.
    """
    limits = check(NAME, limits or Limits())
    if not history or steps < 1:
        raise UsageError(
            f"a horizon and a step ahead expected, got {dict(history)} and {steps}; measure first"
        )
    spans = [(later - earlier, earlier, later) for earlier, later in pairwise(sorted(history))]
    last = history[max(history)].level
    if len(spans) < LEAST_INCREMENTS:
        return last + steps * limits.max_step
    total = max(history) - min(history)
    drift = (last - history[min(history)].level) / total
    squares = fsum(
        (history[later].level - history[earlier].level - span * drift) ** 2 / span
        for span, earlier, later in spans
    )
    spread = sqrt(squares / (len(spans) - 1))
    return last + steps * drift + quantile_95(len(spans) - 1) * spread * sqrt(steps + steps**2 / total)


def _one(history: Mapping[int, Horizon], task: str, threshold: float, look: _Ahead) -> _Nearest:
    if not history:
        lacking = (
            f"a fresh profile of {task} expected, got none; its threshold {threshold:g} cannot be watched"
        )
        return _Nearest(-threshold, structs.replace(unmeasured(NAME, lacking), about=(task,)))
    now = history[max(history)]
    ahead = upper(history, look.steps, look.limits)
    said = f"{task} is at {now.level:.1f}"
    if now.level >= threshold:
        said += f", its threshold {threshold:g} is reached"
    elif now.censored:
        said += (
            f" at least: its ladder ends before the threshold {threshold:g} can be excluded; raise the ladder"
        )
        return _Nearest(now.level - threshold, Reading(NAME, "unmeasured", said, about=(task,)))
    else:
        said += f", at most {ahead:.1f} expected in {_generations(look.steps)}, threshold {threshold:g}"
    if look.left > 0:
        end = upper(history, look.left, look.limits)
        said += f" ({end:.1f} at the lease's end, in {_generations(look.left)})"
    statistic = max(ahead, now.level)
    fired = statistic >= threshold
    about = (task,) if fired else ()
    reading = Reading(NAME, "fired" if fired else "quiet", said, statistic, threshold, "levels", about)
    return _Nearest(threshold - statistic, reading)


def _generations(count: int) -> str:
    return "1 generation" if count == 1 else f"{count} generations"


def _check(
    history: Mapping[str, Mapping[int, Horizon]],
    thresholds: Sequence[tuple[str, float]],
    lag: int,
    left: int,
) -> None:
    levels = [level for _, level in thresholds]
    levels += [horizon.level for task in history.values() for horizon in task.values()]
    if lag < 0 or left < 0 or not all(isfinite(level) for level in levels):
        raise UsageError(
            f"finite levels, a lag and generations left of 0 or more expected, got {thresholds}, {lag} and {left}; "
            "see [[direction.threshold]] and pace in the charter"
        )
