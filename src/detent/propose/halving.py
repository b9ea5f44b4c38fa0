"""Which alternatives of a generation are trained further, and which of them is its change: by visible problems alone.

    >>> rung_sizes(alternatives=8, rungs=3)
    (7, 4, 2)
    >>> survivors({0: plan, 1: worse, 2: better, 3: best}, most=2)
    (0, 2, 3)

Alternative 0 is the plain plan, the others are changes. Successive halving (Jamieson and Talwalkar 2016,
arXiv 1502.07943; its asynchronous form is ASHA, Li et al. 2020, arXiv 1810.05934): all are trained a little, the better
half a little more, and so on, the plan always along with them. At the last rung a change is chosen only when its ladder
is above the plan's by more than chance allows:

    (L_i - L_0) / sqrt(v_i + v_0) > z
    v = 1/T^2 sum_t 1/K_t^2 sum_k p (1 - p) / (n - 1),    p = (right + 1) / (n + 2)

for T tasks with K_t levels of n problems each: the error of a stratified mean, with a share smoothed so that a level
where everything was right has an error too. z is the quantile of the normal distribution at (1 - level)^(1/tries),
Sidak's (1967), where `tries` counts every change that was begun, those that were dropped as well: what is dropped
earlier cannot be chosen, so that looking at the same problems in every rung costs nothing more. All differences have
the plan in common, which makes them alike and Sidak's bound wide (Slepian 1962).

All profiles of a screening are on the same problems, so that luck with them is shared and a difference has less error
than the formula says, which takes it for unshared: the test errs towards the plain plan. Simulated with 45 levels of 64
problems, 7 changes and 2000 screenings each (tests/propose/test_propose_halving.py): of changes that are as good as the
plan one is chosen in 3.1 % where luck is not shared (3.7 % where everything is right half of the time), in none where
half of it is. One that is truly .03 above the plan, among 6 that are as good as it, is chosen in 87 % and in 94 %; one
that is .02 above in 47 % and in 46 %.

It says that this *trained model* is better, on average over problems, not that its settings would do it again; and
being chosen proves nothing to anyone: only the gate promotes, on sealed problems.
"""

from collections.abc import Mapping
from math import fsum, sqrt
from statistics import NormalDist

from detent.errors import UsageError
from detent.values import Profile, Score

LEVEL = 0.05
"""Chance that a screening of changes that are all no better than the plan chooses one, at the most."""


def rung_sizes(alternatives: int, rungs: int) -> tuple[int, ...]:
    """How many changes, beside the plan, are trained at each rung: half as many as before, rounded up.

    Args:
        alternatives: with the plan, at least 1.
        rungs: at least 1.

    Raises:
        UsageError: fewer of either.
    """
    if min(alternatives, rungs) < 1:
        raise UsageError(
            f"1 alternative and 1 rung or more expected, got {alternatives} and {rungs}; correct the charter's [pace]"
        )
    sizes = [alternatives - 1]
    while len(sizes) < rungs:
        sizes.append((sizes[-1] + 1) // 2)
    return tuple(sizes)


def survivors(profiles_at_rung: Mapping[int, Profile], most: int) -> tuple[int, ...]:
    """The alternatives that are trained further, in order: the plan, and at most `most` changes with the best ladders.

    Of equals the lower number. An alternative without a profile was withdrawn, and stays so.

    Raises:
        UsageError: no profile of the plan, or a negative number.
    """
    _check_plan(profiles_at_rung)
    if most < 0:
        raise UsageError(f"0 or more survivors expected, got {most}; take them from rung_sizes")
    ladders = {place: profile.ladder() for place, profile in profiles_at_rung.items() if place}
    best = sorted(ladders, key=lambda place: (-ladders[place], place))[:most]
    return (0, *sorted(best))


def chosen(profiles_last: Mapping[int, Profile], tries: int, level: float = LEVEL) -> tuple[int, str]:
    """The change of the generation, and why, in a sentence; 0 for none.

    Args:
        profiles_last: of the plan and the changes that reached the last rung, on the same problems.
        tries: changes that were begun, at least as many as there are profiles of.
        level: chance of choosing one of changes that are all no better than the plan, at the most, in (0, 1).

    Raises:
        UsageError: no profile of the plan, fewer tries than changes, or a level that is none.
    """
    _check_plan(profiles_last)
    changes = sorted(place for place in profiles_last if place)
    if tries < len(changes) or not 0 < level < 1:
        raise UsageError(
            f"{len(changes)} tries or more at a level inside (0, 1) expected, got {tries} at {level}; count every "
            "change that was begun"
        )
    if not changes:
        return 0, "the plain plan goes on: no change is left to compare it with"
    plan = profiles_last[0]
    beyond = z_of(tries, level)
    gains = {place: profiles_last[place].ladder() - plan.ladder() for place in changes}
    bounds = {place: beyond * difference_error(plan, profiles_last[place]) for place in changes}
    found = [place for place in changes if gains[place] > bounds[place]]
    best = max(found or changes, key=lambda place: (gains[place], -place))
    said = (
        f"alternative {best} is {gains[best]:+.3f} from the plain plan on the visible ladder "
        f"({profiles_last[best].ladder():.3f} to {plan.ladder():.3f})"
    )
    bound = f"{bounds[best]:.3f} that chance allows the best of {tries}"
    if found:
        return best, f"{said}, more than the {bound}, and is the change of this generation"
    return 0, f"the plain plan goes on: the best, {said}, not more than the {bound}"


def z_of(tries: int, level: float = LEVEL) -> float:
    """By how many standard errors one of `tries` must be ahead: Sidak's quantile, one-sided."""
    return NormalDist().inv_cdf((1.0 - level) ** (1.0 / tries))


def difference_error(plan: Profile, change: Profile) -> float:
    """The standard error of the difference of two ladders, as if they were measured on problems of their own."""
    return sqrt(_variance(plan) + _variance(change))


def _variance(profile: Profile) -> float:
    tasks = [fsum(map(_spread, scores)) / len(scores) ** 2 for scores in profile.scores.values()]
    return fsum(tasks) / len(tasks) ** 2


def _spread(score: Score) -> float:
    """Of a share right, squared. What was not asked says nothing: it spreads as widely as a share can."""
    share = (score.right + 1) / (score.asked + 2)
    return share * (1 - share) / max(1, score.asked - 1)


def _check_plan(profiles: Mapping[int, Profile]) -> None:
    if 0 not in profiles:
        raise UsageError(
            f"a profile of the plain plan, alternative 0, expected, got those of {sorted(profiles)}; it always stays"
        )
