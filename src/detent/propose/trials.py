"""Which changes are tried at which rung of a screening, and which of them, if any, is proposed.

    >>> standing(suggested, state.trials, charter.explore, rung=1)
    (0, 3, 4)
    >>> choice(suggested, state.trials, charter)
    (Reshape(...), 'tried rotary positions off in every layer: .412 against .333 as it is')

Number 0 is the plan as it is, which stands at every rung. Successive halving: Jamieson & Talwalkar, "Non-stochastic
Best Arm Identification and Hyperparameter Optimization" (arXiv 1502.07943), algorithm 1; rungs as in ASHA (Li et al.,
arXiv 1810.05934), here with all of a rung side by side, so that what is tried does not depend on which was fastest.
"""

from collections.abc import Mapping

from detent.charter import Charter, Explore
from detent.evaluate import Rules, as_good, smaller
from detent.propose.halving import chosen, rung_sizes, survivors
from detent.values import (
    CandidateTrained,
    Change,
    Diagnosis,
    Entry,
    Profile,
    Profiled,
    Suggested,
    Tune,
    Withdrawn,
)

Trials = Mapping[str, Mapping[str, Entry]]
"""What each trial of a turn wrote, by slot."""


def trial_name(number: int, rung: int) -> str:
    """Of the trial of change `number` at a rung, both counted from 0."""
    return f"{number}.{rung}"


def change_at(suggested: Suggested, number: int) -> Change | None:
    """The change of that number; None for number 0, the plan as it is."""
    return suggested.changes[number - 1] if number else None


def due(charter: Charter, weak: Diagnosis) -> bool:
    """Whether changes are tried in a turn: the charter wants them, always or where nothing else moves."""
    if charter.pace.candidates < 2:  # noqa: PLR2004  the plan as it is is one
        return False
    return charter.explore.when == "always" or stuck(weak) >= charter.explore.patience


def stuck(weak: Diagnosis) -> int:
    """For how many generations no task's frontier has moved, of those that can climb."""
    return min((one.stuck for one in weak.weaknesses if one.remedy != "rest"), default=0)


def touches_methods(suggested: Suggested) -> bool:
    """Whether a change says something of what a judge's word teaches: then that is a part of every trial."""
    return any(
        key.startswith(("feedback.dpo", "feedback.grpo", "feedback.judge_form"))
        for change in suggested.changes
        if isinstance(change, Tune)
        for key in change.settings
    )


def measured(trials: Trials, count: int, rung: int) -> dict[int, Profile]:
    """The visible profiles of a rung, by number; none of what was withdrawn."""
    found = {}
    for number in range(count + 1):
        entry = trials.get(trial_name(number, rung), {}).get("profile/v1/visible/0")
        if isinstance(entry, Profiled):
            found[number] = entry.profile
    return found


def complete(slots: Mapping[str, Entry]) -> bool:
    """Whether a trial that wrote these was measured, or withdrawn."""
    measured_at = isinstance(slots.get("profile/v1/visible/0"), Profiled)
    return measured_at or isinstance(slots.get("withdrawn/v1"), Withdrawn)


def standing(suggested: Suggested, trials: Trials, explore: Explore, rung: int) -> tuple[int, ...]:
    """The numbers that are tried at a rung, once the rung before it is complete."""
    count = len(suggested.changes)
    if rung == 0:
        return tuple(range(count + 1))
    before = measured(trials, count, rung - 1)
    if 0 not in before:  # nothing was left to be compared with the plan, which was not tried alone
        return (0,)
    return survivors(before, rung_sizes(count + 1, len(explore.rungs))[rung])


def choice(suggested: Suggested, trials: Trials, charter: Charter) -> tuple[Change | None, str]:
    """What the last rung came to: the change that is proposed, or none; and the reading.

    What is better by more than chance; else, where the charter promotes smaller models, the best of those that are
    smaller than the plan and about as good on every task: the gate asks no more of them.
    """
    if not suggested.changes:
        return None, "nothing beside the data was suggested"
    count, last = len(suggested.changes), len(charter.explore.rungs) - 1
    found = measured(trials, count, last)
    if 0 not in found:  # all that was suggested was withdrawn before, and then the plan is not tried either
        return None, "no change could be tried to the end: the plan as it is"
    number, reading = chosen(found, tries=count)
    if not number and (small := _as_good(found, trials, charter)):
        number = small
        reading = (
            f"alternative {small} has fewer parameters and is about as good as the plain plan on the visible ladder "
            f"({found[small].ladder():.3f} to {found[0].ladder():.3f})"
        )
    change = change_at(suggested, number)
    return change, f"{reading}: {change.said if change else 'the plan as it is'}"


def _as_good(found: Mapping[int, Profile], trials: Trials, charter: Charter) -> int:
    """The number of the best smaller change that is about as good as the plan; 0 for none."""
    direction, margin = charter.direction, charter.constraints.non_inferiority_margin
    if direction.objective == "better":
        return 0
    rules, last = Rules(least_saving=direction.least_saving), len(charter.explore.rungs) - 1
    sizes = {number: _parameters(trials.get(trial_name(number, last), {})) for number in found}
    able = [
        number
        for number, profile in found.items()
        if number
        and sizes[number]
        and smaller(sizes[number], sizes[0], rules)
        and as_good(found[0], profile, margin)
    ]
    return max(able, key=lambda number: (found[number].ladder(), -number), default=0)


def _parameters(trial: Mapping[str, Entry]) -> int:
    """Of the model that a trial trained; 0 where it trained none."""
    entry = trial.get("candidate/v1/0")
    return entry.parameters if isinstance(entry, CandidateTrained) else 0
