"""What asking a model takes, at the most."""

from detent.evaluate import Row, answering, comparing, gating, judging, voting
from detent.values import AtMost, Intent, LabelRecipe, Slice


def row(prompt: str, incumbent: str | None) -> Row:
    return Row("S", 0, Slice("copy", 1), prompt, "", "", False, incumbent)


def test_an_answer_takes_two_operations_a_parameter_and_token_read_or_written() -> None:
    assert answering(10, ["C12=", "C1="], extra=4) == 2 * 10 * (4 + 4 + 4 + 3 + 3 + 4)


def test_an_answer_of_so_many_tokens_takes_them_whatever_its_prompt() -> None:
    assert answering(10, ["C12=", "C1="], AtMost(50)) == 2 * 10 * (4 + 50 + 3 + 50)
    assert judging(10, ["C1="], AtMost(50)) == 2 * 10 * (3 + 50 + 50 + 2)
    assert judging(10, ["C1="], 4) == 2 * 10 * (3 + 7 + 7 + 2)


def test_votes_take_an_answer_each_of_the_model_that_draws_them() -> None:
    recipes = {"copy": LabelRecipe(1, (), samples=3), "sort": LabelRecipe(1, ())}
    prompts = {"copy": ["C12=", "C1="], "sort": ["S1="]}
    assert voting(10, recipes, prompts, extra=4) == 3 * answering(10, prompts["copy"], extra=4)
    absurd = {"copy": LabelRecipe(1, (), samples=10**400)}  # of a record that somebody forged
    assert voting(10, absurd, {"copy": ["C1="]}, extra=4) == 64 * answering(10, ["C1="], extra=4)


def test_a_comparison_takes_one_models_answers_and_both_models_reading() -> None:
    assert comparing(10, 100, ["C1="], extra=4) == 2 * (10 + 110) * 10


def test_an_opening_takes_both_models_answers_and_in_a_floor_test_the_candidates_alone() -> None:
    intent = Intent(
        k=1,
        alpha=0.1,
        candidate="b" * 64,
        incumbent="a" * 64,
        charter_version=1,
        charter="",
        targets=(),
        tasks={},
        evaluator="",
    )
    rows = [row("C1=", "1"), row("C1=", None)]
    assert gating({"a" * 64: 10, "b" * 64: 100}, intent, rows, extra=4) == 2 * 10 * (100 + 100 + 10)
