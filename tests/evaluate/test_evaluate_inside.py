"""What a look inside is asked beyond weights: frozen problems, which answers are right, and what problems are about."""

from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec import UNSET

from detent.errors import EngineError, TaskError
from detent.evaluate import Inquiry, Lineage, deeper_job, inside_items
from detent.evaluate.inside import (
    MOST_BETWEEN,
    MOST_GAINED,
    MOST_PROBLEMS,
    RUNG_PROBLEMS,
    spread,
    traits_of,
)
from detent.tasks import Marks, Problem, TaskSource, builtin
from detent.values import InterpretJob
from detent.values.inside import DEEPER, Known, Section

TASKS = {name: builtin(name) for name in ("add", "copy", "reverse", "sort")}
FIRST, BEFORE, AFTER = "0" * 64, "1" * 64, "2" * 64
LINEAGE = Lineage(FIRST, BEFORE, AFTER)


def inquiry(
    tops: dict[str, int] | None = None, sections: tuple[Section, ...] = DEEPER, tasks: object = None
) -> Inquiry:
    tops = tops or {"add": 6, "copy": 8}
    found = tasks if isinstance(tasks, dict) else TASKS
    return Inquiry({name: found[name] for name in tops}, tops, 1, 4, ("C1=",), sections)


class Answering:
    """Models that answer rightly up to a level, and what they were asked."""

    def __init__(self) -> None:
        self.horizons = {FIRST: 2, BEFORE: 4, AFTER: 6}
        self.asked: list[str] = []

    def __call__(self, model: str, prompts: Sequence[str]) -> list[str]:
        self.asked.append(model)
        return [
            truth(prompt) if len(prompt) - 2 <= self.horizons.get(model, 3) else "no" for prompt in prompts
        ]


def truth(prompt: str) -> str:
    digits = prompt[1:-1]
    if prompt[0] != "A":
        return {"C": digits, "R": digits[::-1], "S": "".join(sorted(digits))}[prompt[0]]
    total = int(digits[::2][::-1]) + int(digits[1::2][::-1])
    return str(total).zfill(len(digits) // 2 + 1)[::-1]


def made(lineage: Lineage = LINEAGE, asked: Inquiry | None = None) -> InterpretJob:
    return deeper_job(lineage, asked or inquiry(), Answering())


def known_of(job: InterpretJob) -> Known:
    assert isinstance(job.known, Known)
    return job.known


def test_the_problems_are_a_few_of_every_rung_none_twice_and_the_same_for_ever() -> None:
    items = inside_items(TASKS, {"add": 6, "copy": 8}, seed=1)
    assert items == inside_items(TASKS, {"add": 6, "copy": 8}, seed=1)
    assert items != inside_items(TASKS, {"add": 6, "copy": 8}, seed=2)
    prompts = [item.problem.prompt for item in items]
    assert len(prompts) == len(set(prompts))
    rungs = Counter((item.slice.task, item.slice.level) for item in items)
    assert len(rungs) == 14
    assert max(rungs.values()) == rungs["copy", 8] == rungs["add", 6] == RUNG_PROBLEMS
    assert rungs["copy", 1] < 10  # of ten there are, those that were drawn


def test_problems_stay_what_they_are_when_a_ladder_grows() -> None:
    """Of each rung the first so many are the same: a reading is tried on what it was tried on before."""
    short, long = (
        {item.problem.prompt for item in inside_items(TASKS, tops, seed=1) if item.slice.level <= 6}
        for tops in ({"add": 6, "copy": 6}, {"add": 30, "copy": 30})
    )
    assert long < short


@pytest.mark.parametrize("top", [15, 40, 100])
def test_however_long_the_ladders_are_there_are_no_more_than_the_most(top: int) -> None:
    items = inside_items(TASKS, dict.fromkeys(TASKS, top), seed=1)
    assert top <= len(items) <= MOST_PROBLEMS
    assert {item.slice.task for item in items} == set(TASKS)
    assert max(item.slice.level for item in items) > 0.9 * top


def test_gained_is_what_only_the_model_after_answers_rightly_with_both_answers() -> None:
    job = made()
    items = {
        item.problem.prompt: item for item in inside_items(inquiry().tasks, {"add": 6, "copy": 8}, seed=1)
    }
    assert job.gained
    for one in job.gained:
        assert (one.before, one.after) == ("no", truth(one.prompt))
        assert 4 < len(one.prompt) - 2 <= 6
    wanted = {prompt for prompt in items if 4 < len(prompt) - 2 <= 6}
    assert {one.prompt for one in job.gained} == wanted


def test_of_too_many_gained_each_task_has_its_share_spread_over_its_levels() -> None:
    asked = inquiry({"add": 15, "copy": 15, "reverse": 15, "sort": 15})
    everything = Answering()
    everything.horizons = {FIRST: 0, BEFORE: 0, AFTER: 99}
    job = deeper_job(LINEAGE, asked, everything)
    shares = Counter(one.prompt[0] for one in job.gained)
    assert shares == dict.fromkeys("ACRS", MOST_GAINED // 4)
    assert max(len(one.prompt) for one in job.gained if one.prompt[0] == "C") > 14
    assert [one.prompt[0] for one in job.gained[:4]] == ["A", "C", "R", "S"]


def test_what_one_task_has_too_few_of_the_others_may_have() -> None:
    def only_copy(model: str, prompts: Sequence[str]) -> list[str]:
        return [truth(one) if model == AFTER and one[0] == "C" else "no" for one in prompts]

    job = deeper_job(LINEAGE, inquiry({"add": 20, "copy": 20}), only_copy)
    assert len(job.gained) == MOST_GAINED
    assert {one.prompt[0] for one in job.gained} == {"C"}


def test_what_is_known_is_aligned_with_the_prompts_and_the_models() -> None:
    known = known_of(made())
    assert known.models == (FIRST, BEFORE, AFTER)
    assert len(known.right) == 3
    assert {len(row) for row in known.right} == {len(known.prompts)}
    assert {len(row) for row in known.traits.values()} == {len(known.prompts)}
    assert set(known.traits) == {"level", "task", "carry of add"}
    for prompt, level, task, carry in zip(
        known.prompts, known.traits["level"], known.traits["task"], known.traits["carry of add"], strict=True
    ):
        adds = prompt[0] == "A"
        assert task == (0 if adds else 1,)
        assert level == ((len(prompt) - 2) // (2 if adds else 1),)
        assert len(carry) == (level[0] + 1 if adds else 0)
    for model, right in zip(known.models, known.right, strict=True):
        horizon = Answering().horizons[model]
        assert right == tuple(len(prompt) - 2 <= horizon for prompt in known.prompts)


def test_a_run_of_one_task_has_no_trait_that_tells_tasks_apart() -> None:
    assert set(known_of(made(asked=inquiry({"copy": 8}))).traits) == {"level"}


def test_models_between_are_probed_oldest_first_and_no_more_than_a_few() -> None:
    between = tuple(f"{number:x}".rjust(64, "f") for number in range(40))
    known = known_of(made(LINEAGE._replace(between=between)))
    assert known.models[0] == FIRST
    assert known.models[-2:] == (BEFORE, AFTER)
    shown = known.models[1:-2]
    assert len(shown) == MOST_BETWEEN
    assert list(shown) == sorted(shown, key=between.index)


def test_a_model_that_stands_in_several_places_is_asked_once() -> None:
    answering = Answering()
    job = deeper_job(Lineage(FIRST, FIRST, AFTER, between=(FIRST,)), inquiry(), answering)
    assert answering.asked == [FIRST, AFTER]
    assert known_of(job).models == (FIRST, AFTER)


def test_sections_that_need_no_answers_ask_nobody() -> None:
    answering = Answering()
    job = deeper_job(LINEAGE, inquiry(sections=("layers", "heads")), answering)
    assert (answering.asked, job.gained, job.known) == ([], (), UNSET)
    job = deeper_job(LINEAGE, inquiry(sections=("splices",)), answering)
    assert (answering.asked, job.known) == ([BEFORE, AFTER], UNSET)
    assert job.gained


def test_the_job_says_what_it_was_given() -> None:
    job = made(LINEAGE._replace(earlier=(FIRST, BEFORE)))
    assert (job.models, job.earlier, job.prompts) == ((BEFORE, AFTER), (FIRST, BEFORE), ("C1=",))
    assert (job.sections, job.extra_tokens) == (DEEPER, 4)
    assert job.seed == made().seed


def test_no_gained_rows_is_an_answer_and_no_failure() -> None:
    job = deeper_job(LINEAGE, inquiry(), lambda _, prompts: ["no"] * len(prompts))
    assert job.gained == ()
    assert not any(any(row) for row in known_of(job).right)


def test_a_model_that_leaves_out_an_answer_is_not_believed() -> None:
    with pytest.raises(EngineError, match="answers of model 000000000000 expected"):
        deeper_job(LINEAGE, inquiry(), lambda _, prompts: ["no"] * (len(prompts) - 1))


class Marked:
    """A task that says more, or goes wrong."""

    def __init__(self, marks: Marks | None) -> None:
        self._marks = marks
        self._copy = builtin("copy")
        self.name = "copy"

    def problems(self, asks: Sequence[tuple[int, bytes]]) -> list[Problem]:
        return self._copy.problems(asks)

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        return self._copy.right(pairs)

    def marks(self, problems: Sequence[Problem]) -> list[Marks]:
        if self._marks is None:
            raise TaskError("task copy: its process was ended")
        return [self._marks for _ in problems]


def test_a_mark_for_the_whole_problem_is_a_trait_of_that_task_alone() -> None:
    tasks: dict[str, TaskSource] = {"copy": Marked({"even": (1,)}), "sort": builtin("sort")}  # type: ignore[dict-item]
    items = inside_items(tasks, {"copy": 3, "sort": 3}, seed=1)
    found = traits_of(items, tasks)["even of copy"]
    assert found == tuple((1,) if item.slice.task == "copy" else () for item in items)


def test_a_task_whose_process_dies_is_the_tasks_fault() -> None:
    tasks: dict[str, TaskSource] = {"copy": Marked(None)}  # type: ignore[dict-item]
    with pytest.raises(TaskError, match="its process was ended"):
        deeper_job(LINEAGE, inquiry({"copy": 8}, tasks=tasks), Answering())


@pytest.mark.parametrize(("rows", "most"), [(0, 3), (3, 3), (10, 3), (241, 240)])
def test_spread_keeps_the_order_and_the_first(rows: int, most: int) -> None:
    found = spread(range(rows), most)
    assert found == sorted(set(found))
    assert len(found) == min(rows, most)
    assert not found or found[0] == 0
