"""Tasks with only so many problems: how many items a test may use, and whether an opening could pass at all.

    >>> most_items((0.5, 0.5), (100, None))
    131

An item's slice is drawn by weight, so n items take about n w rows of a slice, and by chance a few more. The limit
leaves six standard deviations for chance; an opening that finds no row left all the same is void.
"""

from collections.abc import Mapping, Sequence
from math import inf, sqrt

from msgspec import structs

from detent.errors import TaskError
from detent.evaluate.budget import alpha, item_limit, least_items
from detent.evaluate.targets import Rules
from detent.tasks import RowSource, TaskSource, opened, row_faults, rows_of
from detent.values import Slice, Target

DEVIATIONS = 6.0

MOST_SAID = 5
"""Lines of what is wrong with a file that are said."""


def most_items(weights: Sequence[float], rows: Sequence[int | None]) -> int | None:
    """The most items of a target of which each slice has so many rows (None: no end); None when none has an end.

    The largest n with n w + 6 sqrt(n w (1 - w)) <= rows for every slice that has an end.
    """
    limits = [_most(weight, count) for weight, count in zip(weights, rows, strict=True) if count is not None]
    return int(min(limits)) if limits else None


def limited(target: Target, tasks: Mapping[str, TaskSource], k: int) -> Target:
    """The target with no higher limit than the rows of opening `k` allow."""
    sources = opened(tasks, k)
    most = most_items(target.weights, [_rows(sources, one) for one in target.slices])
    if most is None or most >= target.limit:
        return target
    return structs.replace(target, limit=most)


def within_rows(
    targets: Sequence[Target], tasks: Mapping[str, TaskSource], k: int, level: float
) -> tuple[Target, ...]:
    """The targets of opening `k`, limited to its rows, before anything of it is fixed.

    level: its alpha.

    Raises:
        TaskError: a test could never pass with the rows that are left.
    """
    within = tuple(limited(target, tasks, k) for target in targets)
    for was, target in zip(targets, within, strict=True):
        if target.limit < was.limit and (sentence := _shortfall(target, k, level)):
            raise TaskError(sentence)
    return within


def see_rows(source: RowSource, top: int, rules: Rules, error_budget: float) -> None:
    """Refuse a file that does not suffice for the openings that it is dealt into, before anybody signs.

    What is looked at: that each pool has rows of each level 1 .. `top`, and that in each opening the test of the whole
    ladder can pass, and the floor's on a single mastered level.

    Raises:
        TaskError: it does not; the first MOST_SAID reasons, a line each.
    """
    said = row_faults(source, top)
    rungs = tuple(Slice(source.name, level) for level in range(1, top + 1))
    for k in range(1, source.shares.openings + 1):
        if said:
            break
        level, most = alpha(k, error_budget), item_limit(rules.other_items, k, error_budget)
        ladder = Target(f"L/{source.name}", "non_inferiority", rungs, (1 / top,) * top, rules.margin, most)
        floors = [Target(f"R/{source.name}", "floor", (one,), (1.0,), rules.floor, most) for one in rungs]
        tasks = {source.name: source}
        said = [one for each in (ladder, *floors) if (one := _shortfall(limited(each, tasks, k), k, level))]
    if said:
        raise TaskError(
            "\n".join(
                f"task {source.name}: {one.removeprefix(f'task {source.name}: ')}" for one in said[:MOST_SAID]
            )
        )


def _shortfall(target: Target, k: int, level: float) -> str:
    """Why a test of opening `k` could not pass within its limit; "" when it can."""
    least = least_items(target.kind, target.bound, level)
    if target.limit >= least:
        return ""
    names = ", ".join(dict.fromkeys(one.task for one in target.slices))
    levels = ", ".join(str(one.level) for one in target.slices)
    return (
        f"task {names}: sealed rows for at least {least} items of test {target.name} (level {levels}) in opening {k} "
        f"expected, got rows for {target.limit}; start another run with more rows, fewer openings, or more sealed"
    )


def _most(weight: float, rows: int) -> float:
    if weight <= 0:
        return inf
    spread = DEVIATIONS * sqrt(weight * (1 - weight))
    root = (-spread + sqrt(spread * spread + 4 * weight * rows)) / (2 * weight)
    return float(int(root * root + 1e-9))


def _rows(tasks: Mapping[str, TaskSource], one: Slice) -> int | None:
    return rows_of(tasks[one.task], one.level) if one.task in tasks else None
