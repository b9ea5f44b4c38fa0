"""Diversity collapse: does the subject give the same few answers to ever more questions?

    >>> rung = Slice("copy", 9)
    >>> watch([{rung: Kept(400, 398, 0.8)}, {rung: Kept(400, 120, 0.99)}]).status
    'fired'

Statistic: by task, distinct completions among what the filter kept, over what the same prompts would have given at
the share of distinct completions per distinct prompt that each rung had when it was first labelled; the least over
tasks. Taken per prompt and rung, so that neither the amount kept nor small rungs move it (distinct-n falls with the
amount of text, and is not used). Unit: ratio. Fires below the limit. The mean confidence (least token probability)
now and then stands in the sentence.
Guarantee: none; there is no null model.
Limit: .8. In tasks whose answers differ when their questions do the ratio is 1 in a healthy run.
Default: record.
It cannot see: answers that are distinct and alike; what the filter threw away.
Shumailov et al., "AI models collapse when trained on recursively generated data", Nature 631, 2024; Gerstgrasser et
al., "Is Model Collapse Inevitable?", arXiv 2404.01413.
"""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Annotated

from msgspec import Meta, Struct

from detent.errors import UsageError
from detent.tripwires.form import WireForm, check
from detent.tripwires.readings import nothing
from detent.values import Reading, Slice

NAME = "diversity_collapse"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected."""

    least: Annotated[
        float, Meta(ge=0.0, le=1.0, description="distinct completions, as a ratio to the first generation's")
    ] = 0.8


FORM = WireForm(
    name=NAME,
    action="record",
    chance="none",
    made=Limits,
    watches="distinct completions per prompt among the labels kept, and their confidence, by task",
    statistic="ratio to when each rung was first labelled, worst task",
    fires="ratio < least",
    blind="answers that are distinct and alike; what the filter threw away",
)


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """What was kept of one rung.

    prompts: distinct ones. unique: distinct completions among theirs. confidence: mean of the completions' least
    token probabilities.
    """

    prompts: int
    unique: int
    confidence: float


History = Sequence[Mapping[Slice, Kept]]


def watch(history: History | None, limits: Limits | None = None) -> Reading:
    """One generation's reading.

    Args:
        history: what was kept, by rung, one mapping a generation, oldest first, this one last; None when this
            generation made no labels.
        limits: the charter's.

    Raises:
        UsageError: impossible totals or limits.
    """
    limits = check(NAME, limits or Limits())
    for generation in history or ():
        for rung, kept in generation.items():
            _check(rung, kept)
    now = {rung: kept for rung, kept in history[-1].items() if kept.prompts} if history else {}
    if not history or not now:
        return nothing(NAME, "no labels were kept")
    first = _first(history)
    tasks = sorted({rung.task for rung in now})
    ratios = {
        task: _ratio({rung: kept for rung, kept in now.items() if rung.task == task}, first) for task in tasks
    }
    ranked = sorted(ratios, key=lambda task: (ratios[task], task))
    worst, fired = ranked[0], ratios[ranked[0]] < limits.least
    about = tuple(task for task in ranked if ratios[task] < limits.least)
    said = f"{worst}: {ratios[worst]:.2f} of the distinct completions that its rungs had at first"
    said += f", least {limits.least:g}; confidence {_confidence(now, now):.2f}, at first {_confidence(now, first):.2f}"
    return Reading(NAME, "fired" if fired else "quiet", said, ratios[worst], limits.least, "ratio", about)


def _first(history: History) -> dict[Slice, Kept]:
    """Each rung as it was when something of it was first kept."""
    found: dict[Slice, Kept] = {}
    for generation in history:
        for rung, kept in generation.items():
            if kept.prompts:
                found.setdefault(rung, kept)
    return found


def _ratio(now: Mapping[Slice, Kept], first: Mapping[Slice, Kept]) -> float:
    expected = fsum(kept.prompts * first[rung].unique / first[rung].prompts for rung, kept in now.items())
    return fsum(kept.unique for kept in now.values()) / expected


def _confidence(now: Mapping[Slice, Kept], of: Mapping[Slice, Kept]) -> float:
    """The mean over today's rungs, weighted by today's prompts."""
    prompts = fsum(kept.prompts for kept in now.values())
    return fsum(kept.prompts * of[rung].confidence for rung, kept in now.items()) / prompts


def _check(rung: Slice, kept: Kept) -> None:
    some = min(1, kept.prompts)
    if not (some <= kept.unique <= kept.prompts and 0 <= kept.confidence <= 1):
        raise UsageError(
            f"as many distinct completions as prompts at most, one at least, and a confidence in [0, 1] expected "
            f"on {rung.task} {rung.level}, got {kept}; count again"
        )
