"""By principle a judge is asked on problems of its own, in signs of its own, and prefers what keeps to it alone."""

from math import log
from typing import NamedTuple

import pytest

from detent.charter import Charter, Constitution, Feedback, Principle
from detent.evaluate import judging
from detent.propose import (
    Asked,
    Question,
    apart,
    as_rows,
    askable,
    audited_rungs,
    chosen,
    compared_rungs,
    counted_as,
    judge_sources,
    pooled,
    preferring,
    preferring_text,
    question_of,
    questions,
    uses,
)
from detent.values import (
    DataMade,
    DataProposal,
    Filter,
    Flips,
    Item,
    LabelRecipe,
    Mix,
    Origin,
    Problem,
    Rung,
    Sample,
    Sampled,
    Slice,
    State,
    Use,
)

BOTH = Feedback(methods=("self_label", "constitution", "dpo"), pairs=12, probes=40, flips=16)
KINDS = {"plain": "alphabet", "broken": "malformed", "honest": "unsure", "own": "own.jsonl", "kind": ""}
CONSTITUTION = Constitution(
    principles={
        name: Principle(
            text="As it says.", source="the author", probes=probes, weight=3.0 if name == "plain" else 1.0
        )
        for name, probes in KINDS.items()
    }
)


class _Direction(NamedTuple):
    improve: dict[str, int]


class _Part(NamedTuple):
    """As much of a charter as is read here."""

    feedback: Feedback
    direction: _Direction


def charter(feedback: Feedback = BOTH) -> Charter:
    return _Part(feedback, _Direction({"copy": 6, "sort": 6}))  # type: ignore[return-value]


def proposal(feedback: Feedback = BOTH, **seen: Flips) -> DataProposal:
    """Labels on levels 3 and 4 of both tasks; `seen` of dpo, by principle."""
    rungs = tuple(Rung(level, 10, Filter(0.5, 1.0, 5)) for level in (3, 4))
    flips = {"dpo": {f"P/{name}": one for name, one in seen.items()}}
    return DataProposal(
        team=("a", "b"),
        recipes={task: LabelRecipe(4, rungs) for task in ("copy", "sort")},
        mix=Mix(0.5, 0.3, 0.2),
        steps=1,
        because="",
        uses=uses(feedback, ("copy", "sort"), flips, CONSTITUTION),
    )


def item(task: str, prompt: str, answer: str = "12") -> Item:
    return Item(Slice(task, 2), Problem(prompt, answer))


def totals(rungs: dict[str, dict[int, int]]) -> dict[str, int]:
    return {name: sum(levels.values()) for name, levels in rungs.items()}


def test_beside_tasks_principles_are_asked_that_a_judge_is_taught_each_as_often_as_it_weighs() -> None:
    found = totals(compared_rungs(proposal(), "dpo", charter(), CONSTITUTION))
    assert found == {
        "copy": 12,
        "sort": 12,
        "P/plain/copy": 36,
        "P/plain/sort": 36,
        "P/broken/copy": 12,
        "P/broken/sort": 12,
        "P/honest/copy": 12,
        "P/honest/sort": 12,
    }


def test_what_to_say_when_unsure_is_asked_above_the_levels_that_are_labelled() -> None:
    rungs = compared_rungs(proposal(), "dpo", charter(), CONSTITUTION)
    assert set(rungs["P/honest/copy"]) == {5, 6}
    assert set(rungs["P/broken/copy"]) == {1, 2, 3, 4, 5, 6}


def test_a_principle_that_was_harmed_is_asked_no_more_and_a_task_goes_on() -> None:
    plan = proposal(broken=Flips(2, 20, 90), plain=Flips(9, 3, 90))
    assert plan.uses["dpo"]["P/broken"] == Use(
        0.0, "switched off: of 90 audited answers it made 2 right and 20 wrong"
    )
    found = totals(compared_rungs(plan, "dpo", charter(), CONSTITUTION))
    assert not any(name.startswith("P/broken") for name in found)
    assert found["copy"] == 12
    assert found["P/plain/copy"] == 6 * 2  # half of what it would be: 40 x 2 x 3/4, over 2 tasks of 6 levels


OTHERWISE = {
    "by scores there is no principle": ("grpo", BOTH, CONSTITUTION),
    "the methods do not name the constitution": ("dpo", Feedback(methods=("dpo",), pairs=12), CONSTITUTION),
    "the charter has none": ("dpo", BOTH, None),
    "in words a judge has learnt nothing of principles": (
        "dpo",
        Feedback(methods=("constitution", "dpo"), pairs=12, forms="words"),
        CONSTITUTION,
    ),
}


@pytest.mark.parametrize(("method", "feedback", "constitution"), OTHERWISE.values(), ids=OTHERWISE.keys())
def test_tasks_alone_are_asked_where(
    method: str, feedback: Feedback, constitution: Constitution | None
) -> None:
    plan = proposal(Feedback(methods=("constitution", "dpo", "grpo"), pairs=12))
    found = compared_rungs(plan, method, charter(feedback), constitution)  # type: ignore[arg-type]
    assert totals(found) == {"copy": 12, "sort": 12}


def test_an_audit_asks_each_task_as_often_and_each_principle_at_least_as_often() -> None:
    found = totals(audited_rungs(proposal(), "dpo", charter(), CONSTITUTION))
    assert found["copy"] == found["sort"] == 16
    counted: dict[str, int] = {}
    for name, count in found.items():
        counted[counted_as(name)] = counted.get(counted_as(name), 0) + count
    assert counted == {"copy": 16, "sort": 16, "P/plain": 24, "P/broken": 24, "P/honest": 16}


def test_no_prompt_of_a_principle_is_compared_by_anything_else_or_twice() -> None:
    items = [
        *(item("copy", "C12="), item("copy", "C12="), item("copy", "C13=")),
        *(item("P/plain/copy", "C12="), item("P/plain/copy", "C14="), item("P/plain/copy", "C14=")),
        *(item("P/honest/copy", "C14="), item("P/honest/copy", "C15=")),
    ]
    kept = [(one.slice.task, one.problem.prompt) for one in apart(items)]
    assert kept == [
        *[("copy", "C12="), ("copy", "C12="), ("copy", "C13=")],
        *[("P/plain/copy", "C14="), ("P/honest/copy", "C15=")],
    ]


ASKABLE = {
    "a plain answer": ("P/honest/copy", "C12=", "12", True),
    "? is what principles ask for": ("P/honest/copy", "C12=", "?", True),
    "? marks the question of rightness": ("copy", "C12=", "?", False),
    "the signs around a principle are no answer": ("P/honest/copy", "C12=", "12~honest~Y", False),
    "nor the one before it": ("P/honest/copy", "C12=", "9:12", False),
    "nor may they stand in the prompt": ("P/honest/copy", "C:12=", "12", False),
    "without a principle they are nothing special": ("copy", "C12=", "1:2~", True),
}


@pytest.mark.parametrize(("task", "prompt", "answer", "wanted"), ASKABLE.values(), ids=ASKABLE.keys())
def test_whether_an_answer_can_be_asked_about(task: str, prompt: str, answer: str, *, wanted: bool) -> None:
    one = item(task, prompt)
    assert askable(one, answer) == wanted
    sampled = Sampled(samples=((Sample(answer, ended=True, confidence=0.5),),))
    assert pooled([one], [sampled]) == [Asked(one, (answer,) if wanted else ())]


def test_a_judge_reads_the_principle_after_the_draft_and_its_praise_counts() -> None:
    asked = [Asked(item("P/honest/copy", "C12="), ("12", "?")), Asked(item("copy", "C12="), ("12", "13"))]
    assert as_rows(questions(asked)) == (
        ("C12=:12~honest~", "yyY"),
        ("C12=:?~honest~", "yY"),
        ("C12=12?", "yyY"),
        ("C12=13?", "yyY"),
    )


def test_the_same_answer_has_a_verdict_by_each_word() -> None:
    by_task, by_principle = item("copy", "C12="), item("P/honest/copy", "C12=")
    asked = [Asked(by_task, ("12", "13")), Asked(by_principle, ("12", "13"))]
    chances = {
        question_of(by_task, "12"): log(0.9),
        question_of(by_task, "13"): log(0.1),
        question_of(by_principle, "12"): log(0.1),
        question_of(by_principle, "13"): log(0.9),
    }
    assert [(one.task, one.chosen) for one in chosen(asked, chances, 1.0)] == [
        ("copy", "12"),
        ("P/honest/copy", "13"),
    ]


COMPARED = {
    "one keeps to it and one does not": ((0.9, 0.1), 1),
    "both keep to it, one of them more surely": ((0.999, 0.6), 0),
    "both break it, one of them more surely": ((0.4, 0.001), 0),
    "the judge does not know of either": ((0.5, 0.5), 0),
    "it barely does": ((0.55, 0.45), 0),
}


@pytest.mark.parametrize(("sure", "preferred"), COMPARED.values(), ids=COMPARED.keys())
def test_by_principle_an_answer_is_better_where(sure: tuple[float, float], preferred: int) -> None:
    one = item("P/honest/copy", "C12=")
    chances = {Question("C12=", text, "honest"): log(p) for text, p in zip("?3", sure, strict=True)}
    assert len(chosen([Asked(one, ("3", "?"))], chances, 1.0)) == preferred


def test_reading_an_answer_by_principle_is_counted_with_all_that_is_read() -> None:
    """Two candidates, three samples of each, and a judge that reads all of them."""
    feedback = Feedback(methods=("constitution", "dpo"), samples=3)
    one = item("P/honest/copy", "C1234=")
    written = 3 * 2 * (500 + 500) * (2 * 6 + 4)
    longest = as_rows([question_of(one, "9" * (6 + 4))])[0]
    read = 3 * 2 * 2 * 200 * len("".join(longest))
    assert preferring([500, 500], 200, [one], feedback, 4) == written + read
    task = preferring([500, 500], 200, [item("copy", "C1234=")], feedback, 4)
    assert task == written + 3 * 2 * judging(200, ["C1234="], 4)


def test_the_lineage_says_when_a_principle_decided() -> None:
    assert "by principle" in preferring_text(BOTH)
    assert "by principle" not in preferring_text(Feedback(methods=("self_label", "dpo")))


def files(generation: int) -> tuple[DataMade, DataMade, State]:
    """Lessons, answers, and what stands on record."""
    plain = {"copy": {"1": 5}}
    seed, corrections, taught = (
        DataMade(digest=origin.source, origin=origin, counts=counts, offered={}, stream="", generation=0)
        for origin, counts in (
            (Origin("seed"), plain),
            (Origin("corrections"), {**plain, "P/plain/copy": {"1": 4, "2": 6}}),
            (Origin("lessons"), plain),
        )
    )
    return taught, seed, State(generation=generation, data=(seed, corrections, taught))


@pytest.mark.parametrize("generation", [0, 3])
def test_a_judge_learns_of_principles_from_their_rows_alone(generation: int) -> None:
    told = [one for one in judge_sources(*files(generation), BOTH) if one.data == "corrections"]
    assert [(one.weight, one.rungs) for one in told] == [
        (0.2, (Slice("P/plain/copy", 1), Slice("P/plain/copy", 2)))
    ]


@pytest.mark.parametrize("generation", [0, 3])
def test_a_judge_that_is_not_asked_by_principle_learns_nothing_of_it(generation: int) -> None:
    for feedback in (
        Feedback(methods=("self_label", "judge", "constitution")),
        Feedback(methods=("dpo",)),
        None,
    ):
        assert "corrections" not in {one.data for one in judge_sources(*files(generation), feedback)}
