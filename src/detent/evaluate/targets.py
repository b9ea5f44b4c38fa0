"""What an opening asks: the four kinds of targets, as a function of what was visible before the seal opened.

    >>> [target.name for target in targets(profile, mastered={"copy": {1, 2}}, k=1, error_budget=0.05)]
    ['S', 'L/copy', 'L/reverse', 'L/sort', 'R/copy']

S    superiority to the incumbent around the frontier: per task the levels F-1 .. F+3 inside the ladder, F
     the first level below .97 in the incumbent's visible profile; every rung has the same weight. All
     improved tasks, whatever the proposal aimed at: a gain on one must not hide a loss on another.
L/t  per task, non-inferiority to the incumbent on the whole ladder.
R/t  per task, the share right on its mastered levels stays above a floor that does not drift. Without it,
     thirty steps of one point down would each pass a margin of three, one after the other.
P/p  per guarded principle of the constitution, non-inferiority to the incumbent on its probes.

All must pass, each at the full a_k: a candidate that fails one null is accepted only if that test errs,
so there is nothing to divide (intersection-union, Berger 1982). Item limits grow with k as the threshold
does.
"""

from collections.abc import Collection, Mapping

from msgspec import Struct

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
    """

    margin: float = 0.05
    floor: float = 0.94
    superiority_items: int = 4000
    other_items: int = 2000
    guards: tuple[Guard, ...] = ()


def targets(
    profile: Profile,
    mastered: Mapping[str, Collection[int]],
    k: int,
    error_budget: float,
    rules: Rules | None = None,
) -> tuple[Target, ...]:
    """The targets of opening `k`, in the order in which they are tested.

    Args:
        profile: the incumbent's visible profile; its tasks are those the charter improves.
        mastered: per task, the rungs that must not be lost.
        k: number of the opening, from 1.
        error_budget: the run's total A.
        rules: the charter's; the defaults when None.
    """
    rules = rules or Rules()
    tops = {task: len(scores) for task, scores in profile.scores.items()}
    most = item_limit(rules.superiority_items, k, error_budget)
    others = item_limit(rules.other_items, k, error_budget)
    aimed = [
        Slice(task, level) for task, top in tops.items() for level in _window(profile.frontier(task), top)
    ]
    return (
        _target("S", "superiority", aimed, 0.0, most),
        *(
            _target(f"L/{task}", "non_inferiority", _rungs(task, range(1, top + 1)), rules.margin, others)
            for task, top in tops.items()
        ),
        *(
            _target(f"R/{task}", "floor", _rungs(task, sorted(mastered[task])), rules.floor, others)
            for task in tops
            if mastered.get(task)
        ),
        *(
            _target(guard.target, "non_inferiority", list(guard.slices), guard.margin, others)
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
