"""What an opening asks: its kinds of targets, as a function of what was visible before the seal opened.

    >>> [target.name for target in targets(profile, mastered={"copy": {1, 2}}, k=1, error_budget=0.05)]
    ['S', 'L/copy', 'L/reverse', 'L/sort', 'R/copy']

S    superiority to the incumbent around the frontier: per task the levels F-1 .. F+3 inside the ladder, F
     the first level below .97 in the incumbent's visible profile; every rung has the same weight. All
     improved tasks, whatever the proposal aimed at: a gain on one must not hide a loss on another.
L/t  per task, non-inferiority to the incumbent on the whole ladder.
R/t  per task, the share right on its mastered levels stays above a floor that does not drift. Without it,
     thirty steps of one point down would each pass a margin of three, one after the other.
P/p  per guarded principle of the constitution, non-inferiority to the incumbent on its probes.
A/.. per L and P, the same against the anchor, where that is not the incumbent.

A candidate with fewer parameters may be asked to be as good: then there is no S. Each of a chain of such promotions may
cost a margin, so what was proven stays the measure: the *anchor* is the last model that was promoted as better than the
anchor before it. Where it is not the incumbent, S is asked against it, and L and P against both. Without it, thirty
smaller models of one point less each would pass, one after the other.

All must pass, each at the full a_k: a candidate that fails one null is accepted only if that test errs,
so there is nothing to divide (intersection-union, Berger 1982). Item limits grow with k as the threshold
does.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec import Struct, structs

from detent.evaluate.budget import item_limit
from detent.evaluate.gate import Kind
from detent.tasks import source_name
from detent.values import Profile, Slice, Target

BELOW_FRONTIER = 1
ABOVE_FRONTIER = 3


class Guard(Struct, frozen=True, forbid_unknown_fields=True):
    """One guarded principle. margin: share of its probes that a promotion may cost. slices: of equal weight."""

    name: str
    margin: float
    slices: tuple[Slice, ...]

    @property
    def target(self) -> str:
        """The name of its test."""
        return source_name(self.name)


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """What the charter fixes about the gate.

    margin: how much a task's whole ladder may lose, per opening (L).
    floor: the share of mastered rungs that must stay right (R).
    superiority_items, other_items: most items of S and of each other test at k = 1.
    guards: the principles that must be kept to (P), in the constitution's order.
    least_saving: the share of the incumbent's parameters that a candidate must do without to be asked only to be as
        good; None where every candidate must be better.
    """

    margin: float = 0.05
    floor: float = 0.94
    superiority_items: int = 4000
    other_items: int = 2000
    guards: tuple[Guard, ...] = ()
    least_saving: float | None = None


class Aim(NamedTuple):
    """What an opening asks of a candidate.

    smaller: to be as good, since it has fewer parameters; else to be better.
    anchor: digest of the model last promoted as better, "" where that is the incumbent.
    """

    smaller: bool = False
    anchor: str = ""


BETTER = Aim()
"""Better than an incumbent that was promoted as better."""


def smaller(candidate: int, incumbent: int, rules: Rules) -> bool:
    """Whether a candidate of so many parameters is one that the charter may promote for being smaller.

    >>> smaller(95, 100, Rules(least_saving=0.05)), smaller(96, 100, Rules(least_saving=0.05)), smaller(1, 100, Rules())
    (True, False, False)
    """
    return rules.least_saving is not None and candidate <= (1 - rules.least_saving) * incumbent


def targets(
    profile: Profile,
    mastered: Mapping[str, Collection[int]],
    k: int,
    error_budget: float,
    rules: Rules | None = None,
    *,
    aim: Aim = BETTER,
) -> tuple[Target, ...]:
    """The targets of opening `k`, in the order in which they are tested.

    Args:
        profile: the incumbent's visible profile; its tasks are those the charter improves.
        mastered: per task, the rungs that must not be lost.
        k: number of the opening, from 1.
        error_budget: the run's total A.
        rules: the charter's; the defaults when None.
        aim: what the candidate is asked to be, and beside which anchor.
    """
    rules = rules or Rules()
    kept = _kept(profile, mastered, item_limit(rules.other_items, k, error_budget), rules)
    anchored = [
        structs.replace(one, name=f"A/{one.name}", against="anchor") for one in kept if one.kind != "floor"
    ]
    most = item_limit(rules.superiority_items, k, error_budget)
    return (
        *(() if aim.smaller else (_superiority(profile, most, aim),)),
        *kept,
        *(anchored if aim.anchor else ()),
    )


def _superiority(profile: Profile, limit: int, aim: Aim) -> Target:
    """S: better than the incumbent, or than the anchor where that is another model."""
    aimed = [
        Slice(task, level)
        for task, scores in profile.scores.items()
        for level in _window(profile.frontier(task), len(scores))
    ]
    target = _target("S", "superiority", aimed, 0.0, limit)
    return structs.replace(target, against="anchor") if aim.anchor else target


def _kept(
    profile: Profile, mastered: Mapping[str, Collection[int]], limit: int, rules: Rules
) -> tuple[Target, ...]:
    """L, R and P: what must not be lost."""
    tops = {task: len(scores) for task, scores in profile.scores.items()}
    return (
        *(
            _target(f"L/{task}", "non_inferiority", _rungs(task, range(1, top + 1)), rules.margin, limit)
            for task, top in tops.items()
        ),
        *(
            _target(f"R/{task}", "floor", _rungs(task, sorted(mastered[task])), rules.floor, limit)
            for task in tops
            if mastered.get(task)
        ),
        *(
            _target(guard.target, "non_inferiority", list(guard.slices), guard.margin, limit)
            for guard in rules.guards
        ),
    )


def _window(frontier: int, top: int) -> range:
    """F-1 .. F+3 inside 1 .. top; the top alone when the whole ladder is reached."""
    return range(min(max(1, frontier - BELOW_FRONTIER), top), min(frontier + ABOVE_FRONTIER, top) + 1)


def _rungs(task: str, levels: Collection[int]) -> list[Slice]:
    return [Slice(task, level) for level in levels]


def _target(name: str, kind: Kind, slices: list[Slice], bound: float, limit: int) -> Target:
    weights = (1 / len(slices),) * len(slices)
    return Target(name, kind, tuple(slices), weights, bound, limit)
