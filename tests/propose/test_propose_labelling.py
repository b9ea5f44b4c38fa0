"""A proposal's label jobs: every prompt is asked once, however many share the work; what is kept has one order."""

from collections import Counter

import pytest

from detent.propose import as_kept, label_job, label_rungs, split
from detent.tasks import builtin
from detent.values import DataProposal, Example, Filter, Item, LabelJob, LabelRecipe, Mix, Rung, Slice

TEAM = ("a" * 64, "b" * 64)


def proposal() -> DataProposal:
    rungs = tuple(Rung(level, 2 * level, Filter(0.9, 1.0, 0)) for level in (3, 4, 5))
    recipes = {task: LabelRecipe(4, rungs) for task in ("copy", "reverse")}
    return DataProposal(TEAM, recipes, Mix(0.5, 0.2, 0.3), 10, "because")


def items() -> list[Item]:
    return [
        Item(Slice(task, level), problem)
        for task, levels in label_rungs(proposal()).items()
        for level, count in levels.items()
        for problem in builtin(task).problems([(level, f"{task} {level} {n}".encode()) for n in range(count)])
    ]


def whole() -> LabelJob:
    return label_job(proposal(), items(), seed=7, extra_tokens=4)


def prompts(*jobs: LabelJob) -> Counter[tuple[str, str, str]]:
    return Counter(
        (task, level, prompt)
        for job in jobs
        for task, levels in job.prompts.items()
        for level, row in levels.items()
        for prompt in row
    )


def test_a_job_holds_the_prompts_of_its_problems_and_no_answer() -> None:
    assert prompts(whole()) == Counter((i.slice.task, str(i.slice.level), i.problem.prompt) for i in items())
    assert (whole().models, whole().recipes, whole().seed) == (TEAM, proposal().recipes, 7)


@pytest.mark.parametrize("most", [1, 2, 3, 6, 99])
def test_parts_of_a_job_ask_each_prompt_once_and_no_rung_is_in_two_of_them(most: int) -> None:
    parts = split(whole(), most)
    assert len(parts) <= most
    assert prompts(*parts) == prompts(whole())
    rungs = Counter(
        (task, level) for part in parts for task, levels in part.prompts.items() for level in levels
    )
    assert set(rungs.values()) == {1}


def test_kept_labels_stand_by_task_and_level_and_the_surest_of_a_rung_stays_first() -> None:
    made = [
        Example(task, level, f"{place}", "1", confidence)
        for place, (task, level, confidence) in enumerate(
            [("reverse", 3, 0.9), ("copy", 4, 0.8), ("copy", 3, 0.99), ("copy", 3, 0.7)]
        )
    ]
    assert [one.prompt for one in as_kept(made, {})] == ["2", "3", "1", "0"]
