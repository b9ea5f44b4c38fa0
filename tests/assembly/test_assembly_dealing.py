"""A run whose operator's program deals a file's rows otherwise than its charter says does not verify."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from tests.assembly.natural_run import ONLY_ROWS, begun, engine
from tests.attacks.attacks_world import Scene

from detent.evaluate import opening
from detent.tasks import TaskSource, pools, rows
from detent.tasks._dealing import SHOWN, TAUGHT
from detent.tasks.base import Ask
from detent.tasks.rows import Rows
from detent.values import IntentWritten, Problem

drawn = rows.drawn


def _pooled(patch: pytest.MonkeyPatch, place: int, others: Sequence[int]) -> None:
    """What is drawn of one pool is drawn of others instead, by turns."""

    def lying(source: TaskSource, found: Rows, asked: int, asks: Sequence[Ask]) -> list[Problem]:
        if asked != place:
            return drawn(source, found, asked, asks)
        each = [drawn(source, found, others[n % len(others)], [ask]) for n, ask in enumerate(asks)]
        return [problem for some in each for problem in some]

    patch.setattr(rows, "drawn", lying)


def _others(patch: pytest.MonkeyPatch) -> None:
    def lying(tasks: Mapping[str, TaskSource], k: int) -> dict[str, TaskSource]:
        return pools.opened(tasks, k + 1)

    patch.setattr(opening, "opened", lying)


LIES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], set[str]]] = {
    "rows of the first opening are taught": (lambda patch: _pooled(patch, TAUGHT, [TAUGHT, 1]), {"data"}),
    "shown rows are taught": (lambda patch: _pooled(patch, TAUGHT, [SHOWN]), {"data"}),
    # Where all prompts are of one length, only `replay` finds it.
    "what is shown are sealed rows, as their lengths tell": (
        lambda patch: _pooled(patch, SHOWN, [1]),
        {"compute"},
    ),
    "an opening asks the rows of the next": (_others, {"answers"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_it_is_found_that(lie: str, tmp_path: Path) -> None:
    tell, checks = LIES[lie]
    scene = begun(tmp_path, ONLY_ROWS)
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        tell(patch)
        _turn(scene)
    assert sum(isinstance(entry, IntentWritten) for entry in scene.entries()) >= 1
    with scene.here():
        found = {finding.check for finding in scene.verified().faults}
    assert checks <= found, found


def _turn(scene: Scene) -> None:
    for number in range(3):
        scene.turn(2, engine(scene, 1000 + 100 * number))
        scene.answered()
