"""Every gate again, from the answers file, and from the tasks themselves.

    >>> recount(intent, outcome, rows), recheck_items(intent, seed, rows, tasks)
    ([], [])

Each function returns what does not hold, one sentence a finding. `recount` believes the rows and counts
them again in their order; `recheck_items` draws the items again from the revealed seed and asks the
checkers. Neither asks a model.
"""

from collections.abc import Mapping, Sequence
from math import isclose

from detent.evaluate.confidence import gain_of
from detent.evaluate.items import ItemStream, judged
from detent.evaluate.recompute import TOLERANCE
from detent.evaluate.record import Row
from detent.evaluate.tally import Tally
from detent.tasks import TaskSource, opened
from detent.values import Gain, Intent, Outcome, Target, TestResult


def recount(intent: Intent, outcome: Outcome, rows: Sequence[Row]) -> list[str]:
    """What of an outcome does not follow from the rows of its answers file."""
    targets = {target.name: target for target in intent.targets}
    tested = [result for result in outcome.results if result.name in targets]
    strays = sorted({row.target for row in rows} - {result.name for result in tested})
    found = [f"rows of the tested targets expected, got rows of {strays}"] if strays else []
    for result in tested:
        own = [row for row in rows if row.target == result.name]
        found += _recounted(targets[result.name], intent.alpha, own, result)
    if tested and not found:
        found += _gain_faults([row for row in rows if row.target == tested[0].name], outcome.gain)
    return found


def recheck_items(
    intent: Intent, seed: bytes, rows: Sequence[Row], tasks: Mapping[str, TaskSource]
) -> list[str]:
    """What of the rows is not what `seed` draws and the tasks' checkers say. Raises TaskError as tasks do."""
    found: list[str] = []
    tasks = opened(tasks, intent.k)
    for target in intent.targets:
        own = [row for row in rows if row.target == target.name]
        found += _redrawn(ItemStream(seed, target, tasks), target, own, tasks)
    return found


def _recounted(target: Target, level: float, rows: list[Row], result: TestResult) -> list[str]:
    if [row.index for row in rows] != list(range(len(rows))):
        return [f"{target.name}: rows 0 to {len(rows) - 1} in order expected, got others"]
    alone = target.kind == "floor"
    if any(row.slice not in target.slices or (row.incumbent_right is None) != alone for row in rows):
        return [f"{target.name}: rows of its slices, answered by its models, expected, got others"]
    tally = Tally(target, level)
    for row in rows:
        if tally.ending is None:
            tally.add(row.difference)
    if tally.counts != result.counts:
        return [f"{target.name}: {tally.counts} expected from the rows, got {result.counts}"]
    return []


def _gain_faults(rows: list[Row], gain: Gain | None) -> list[str]:
    wanted = gain_of(row.difference for row in rows)
    if gain is None or gain.items != wanted.items:
        return [f"a gain from {wanted.items} items expected, got {gain}"]
    pairs = ((gain.low, wanted.low), (gain.high, wanted.high))
    if all(isclose(got, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for got, right in pairs):
        return []
    return [f"gain {wanted} expected from the rows, got {gain}"]


def _redrawn(
    stream: ItemStream, target: Target, rows: list[Row], tasks: Mapping[str, TaskSource]
) -> list[str]:
    items = stream.take(0, len(rows))
    for row, item in zip(rows, items, strict=True):
        if (row.slice, row.prompt, row.answer) != (item.slice, item.problem.prompt, item.problem.answer):
            return [f"{target.name}: item {row.index} is {item} by the seed, got {row.slice}, {row.prompt!r}"]
    marks = [(row.candidate_right, row.incumbent_right) for row in rows]
    candidate = judged(items, [row.candidate for row in rows], tasks)
    rivals: Sequence[bool | None] = [None] * len(rows)
    if target.kind != "floor":
        rivals = judged(items, [row.incumbent or "" for row in rows], tasks)
    for row, mark, said in zip(rows, marks, zip(candidate, rivals, strict=True), strict=True):
        if mark != said:
            return [f"{target.name}: right = {said} expected at item {row.index} by the checker, got {mark}"]
    return []
