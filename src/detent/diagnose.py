"""Profile -> weaknesses: which task is worst, where it stands, and whether its labels can be trusted.

It sees totals only: accuracy by level, audit totals, and what the generations before led to.

    >>> diagnose(profile, history={}).weaknesses[0].task
    'reverse'
"""

from collections.abc import Mapping
from typing import Literal

from detent.evaluate import falling_rates, horizon
from detent.values import Audited, Diagnosed, Diagnosis, Entry, Profile, Weakness
from detent.values.profiles import MASTERY

TRUSTED = 0.9
"""Audited share of right labels below which a task's labels are held to be what keeps it back."""

History = Mapping[int, Mapping[str, Entry]]


def diagnose(profile: Profile, history: History) -> Diagnosis:
    """Rank the tasks, worst first.

    Args:
        profile: the incumbent on this generation's visible problems.
        history: the closed generations' entries, by generation and slot.
    """
    weaknesses = sorted(
        (_weakness(task, profile, history) for task in profile.scores), key=lambda w: (w.horizon, w.task)
    )
    return Diagnosis(weaknesses=tuple(weaknesses), reading=_reading(weaknesses))


def reach(profile: Profile, task: str) -> int:
    """The first level that is not mastered, smoothed: accuracy does not rise with the level, so noise is pooled.

    With 64 problems a level a model that is .99 right falls below the bound at some level every few profiles.
    Taken at its word, that profile sends the labels back to where the model is good, and it unlearns what lies
    above; this happened. Returns top + 1 when all levels are mastered.
    """
    rates = falling_rates(profile.scores[task])
    return next((level for level, rate in enumerate(rates, start=1) if rate < MASTERY), len(rates) + 1)


def _weakness(task: str, profile: Profile, history: History) -> Weakness:
    frontier = reach(profile, task)
    accuracy = _label_accuracy(task, history)
    stuck = _stuck(task, frontier, history)
    return Weakness(
        task=task,
        frontier=frontier,
        horizon=horizon(profile, task).level,
        label_accuracy=accuracy,
        stuck=stuck,
        remedy=_remedy(frontier > len(profile.scores[task]), accuracy),
    )


def _remedy(at_top: bool, accuracy: float | None) -> Literal["climb", "purify", "rest"]:
    if at_top:
        return "rest"
    return "purify" if accuracy is not None and accuracy < TRUSTED else "climb"


def _label_accuracy(task: str, history: History) -> float | None:
    for generation in sorted(history, reverse=True):
        audit = history[generation].get("audit/v1")
        if isinstance(audit, Audited) and task in audit.labels:
            return audit.labels[task].rate
    return None


def _stuck(task: str, frontier: int, history: History) -> int:
    """Generations in a row, up to now, whose frontier was not below today's."""
    still = 0
    for generation in sorted(history, reverse=True):
        earlier = history[generation].get("diagnosis/v1")
        if not isinstance(earlier, Diagnosed):
            break
        then = next((w.frontier for w in earlier.diagnosis.weaknesses if w.task == task), frontier)
        if then < frontier:
            break
        still += 1
    return still


def _reading(weaknesses: list[Weakness]) -> str:
    parts = []
    for weak in weaknesses:
        text = f"{weak.task} {weak.frontier}"
        if weak.remedy == "purify" and weak.label_accuracy is not None:
            text += f" (labels {weak.label_accuracy:.0%} right)"
        parts.append("at the top: " + weak.task if weak.remedy == "rest" else text)
    return "frontier " + ", ".join(parts)
