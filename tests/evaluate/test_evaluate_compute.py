"""What asking a model takes, at the most."""

from detent.evaluate import Row, always_looking, answering, deeper_looking, gating, judging, voting
from detent.values import AtMost, Explained, Intent, Interpreted, LabelRecipe, Slice
from detent.values.inside import Lens, Patch, Patches, Splice, Splices, Words


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


def explained(**figures: object) -> Explained:
    found = {"changed": Interpreted(absent={"layers": "nothing could be drawn"})} | figures
    return Explained(depth="always", candidate="c", incumbent="i", first="f", basis="i", **found)  # type: ignore[arg-type]


WORDS = Words(divergence=0.1, flips=0.0, tokens=7)
SIZES = {"f": 1, "i": 10, "c": 100}


def test_a_look_inside_takes_one_models_answers_and_both_models_reading() -> None:
    look = explained(changed=Interpreted(words=WORDS))
    assert always_looking(look, SIZES, ["C1="], extra=4) == 2 * (10 + 110) * 10


def test_each_pair_of_layers_that_is_read_through_an_output_takes_a_reading_more() -> None:
    lens = Lens(layers=((0, 0), (1, 1)), divergence=((0.0,), (0.1,)), counts=(1,))
    look = explained(changed=Interpreted(words=WORDS, lens=lens))
    assert always_looking(look, SIZES, ["C1="], extra=4) == 2 * (10 + 3 * 110) * 10


def test_a_look_since_the_first_model_is_one_more_and_one_without_figures_is_none() -> None:
    assert always_looking(explained(), SIZES, ["C1="], extra=4) == 0
    look = explained(since=Interpreted(words=WORDS))
    assert always_looking(look, SIZES, ["C1="], extra=4) == 2 * (1 + 101) * 10


def test_a_deeper_look_takes_each_run_over_what_was_gained() -> None:
    splices = Splices(gain=1.0, rows=1, parts=(Splice("block 1", 1.0, 1.0),))
    patches = Patches(gain=1.0, rows=1, labels=("1",), patches=(Patch(1, 1, 1.0, places=(1.0,)),))
    look = explained(changed=Interpreted(splices=splices, patches=patches), models=("f", "i", "c"), gained=1)
    prompts, longest = ["C1=", "C12="], ["C12="]
    wanted = 3 * answering(111, prompts, 4) + 2 * (answering(10, ["C1="], 4) + answering(110, ["C1="], 4))
    assert deeper_looking(look, SIZES, (["C1="], prompts), extra=4) == wanted + (4 + 4) * 2 * answering(
        110, longest, 4
    )


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
