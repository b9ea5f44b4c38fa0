"""A run whose operator's program deals a file's rows otherwise than its charter says does not verify."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.assembly.natural_run import ONLY_ROWS, begun, engine
from tests.attacks.attacks_world import Scene

from detent.assembly.tasks import readable_sources
from detent.evaluate import opening
from detent.loop import judges, tuning
from detent.propose import exam
from detent.propose.cases import Cases, Sitting
from detent.tasks import Shares, TaskSource, deal, pools, rows
from detent.tasks._dealing import SHOWN, TAUGHT
from detent.tasks.base import Ask
from detent.tasks.rows import Rows
from detent.values import AnswerJob, Answers, IntentWritten, JudgeTested, Problem

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


JUDGED = (
    ONLY_ROWS
    + """
[feedback]
methods = ["self_label", "dpo"]
"""
)


SHOWN_ALONE = {"shown"}


def dealt(prompts: Iterable[str]) -> set[str]:
    """Where these prompts are dealt to."""
    return {deal(prompt, Shares(0.5, 0.1, 9)) for prompt in prompts}


def test_a_judge_is_examined_on_rows_that_nobody_was_taught(tmp_path: Path) -> None:
    """Else the model in force, or one that was taught, would have learnt the answers that it is asked about."""
    asked: set[str] = set()

    def examined(sitting: Sitting, cases: Cases, *rest: Any) -> JudgeTested:
        asked.update(case.prompt for case in cases.known)
        asked.update(item.problem.prompt for item in cases.own)
        return exam.examined(sitting, cases, *rest)

    scene = begun(tmp_path, JUDGED)
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "examined", examined)
        _turn(scene)
    assert any(isinstance(entry, JudgeTested) for entry in scene.entries())
    assert dealt(asked) == SHOWN_ALONE
    with scene.here():
        assert [(one.check, one.faults) for one in scene.verified().faults] == []


def test_a_method_is_audited_on_rows_that_it_did_not_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = begun(tmp_path, JUDGED)
    found = readable_sources(scene.signed.charter, scene.folder.tasks)
    asked: list[str] = []

    def answered(jobs: Sequence[AnswerJob]) -> list[Answers]:
        asked.extend(prompt for job in jobs for prompt in job.prompts)
        return [Answers(completions=("1",) * len(job.prompts)) for job in jobs]

    monkeypatch.setattr(tuning, "audited_rungs", lambda *_: {"following": {1: 40, 3: 40}})
    parts: Any = SimpleNamespace(
        charter=scene.signed.charter,
        constitution=None,
        asked=found,
        stream=lambda _: b"s" * 32,
        ask_all=answered,
        book=SimpleNamespace(state=SimpleNamespace(sizes={"before": 1, "after": 1})),
    )
    tuned: Any = SimpleNamespace(parent="before", digest="after", data=())
    flipped = tuning._flipped(parts, None, "dpo", [tuned])  # type: ignore[arg-type]
    assert {task: one.asked for task, one in flipped.flips.items()} == {"following": 80}
    assert dealt(asked) == SHOWN_ALONE
