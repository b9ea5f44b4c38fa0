"""Completions come in order, end where they should, and are the same every time."""

import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.generate import Completion, complete, stop_tokens
from detent.subject.train import Example, Recipe, Source, train

PROMPTS = ["C12=", "C3=", "R123=", "S9=", "C21=", "R321="]
CHAIN = {"x": "7", "7": "3", "3": "1"}  # what follows what, then the end


@pytest.fixture(scope="module")
def parrot(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model that has learnt to answer `x` with 731 and `y` with 5."""
    from detent.subject.build import Sizes, build_model  # noqa: PLC0415

    model = build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)
    examples = [Example("x=", "731"), Example("yy=", "5")]
    train(model, tokenizer, [Source(examples, 1.0)], Recipe(steps=60, batch=16), seed=1)
    return model


def test_answers_come_in_the_order_of_the_prompts_and_end(
    parrot: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = complete(parrot, tokenizer, ["yy=", "x=", "yy="], max_new_tokens=6)
    assert [(c.text, c.ended) for c in found] == [("5", True), ("731", True), ("5", True)]
    assert all(c.least_probability > 0.5 for c in found)


def test_the_limit_counts_the_end_mark(parrot: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    cut, whole = complete(parrot, tokenizer, ["x=", "x="], max_new_tokens=[3, 4])
    assert (cut.text, cut.ended) == ("731", False)
    assert (whole.text, whole.ended) == ("731", True)


def test_least_probability_is_that_of_a_full_forward_pass(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    (found,) = complete(tiny, tokenizer, ["R123="], max_new_tokens=5)
    prompt = tokenizer("R123=")["input_ids"]
    ids = tokenizer(found.text)["input_ids"] + [1] * found.ended
    with torch.no_grad():
        chances = tiny(torch.tensor([prompt + ids])).logits[0].softmax(-1)
    expected = min(float(chances[len(prompt) - 1 + i, token]) for i, token in enumerate(ids))
    assert math.isclose(found.least_probability, expected, rel_tol=1e-4)


def test_grouping_changes_no_greedy_text(tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    together = complete(tiny, tokenizer, PROMPTS, max_new_tokens=4)
    alone = [complete(tiny, tokenizer, [prompt], max_new_tokens=4)[0] for prompt in PROMPTS]
    small = complete(tiny, tokenizer, PROMPTS, max_new_tokens=4, rows=1)
    assert [c.text for c in together] == [c.text for c in alone] == [c.text for c in small]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_same_seed_same_bits(
    temperature: float, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    def ask() -> list[Completion]:
        return complete(tiny, tokenizer, PROMPTS, max_new_tokens=4, temperature=temperature, seed=3)

    first = ask()
    torch.rand(7)  # the global random state plays no part
    assert ask() == first


def test_samples_of_one_prompt_differ_and_another_seed_draws_others(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    def texts(seed: int) -> list[str]:
        drawn = complete(tiny, tokenizer, ["C1="] * 20, max_new_tokens=4, temperature=1.0, seed=seed)
        return [c.text for c in drawn]

    assert len(set(texts(1))) > 10
    assert texts(1) != texts(2)


def test_sampling_follows_the_models_probabilities(
    parrot: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    (greedy,) = complete(parrot, tokenizer, ["x="], max_new_tokens=4)
    drawn = complete(parrot, tokenizer, ["x="] * 200, max_new_tokens=4, temperature=1.0)
    assert sum(c.text == greedy.text for c in drawn) / 200 >= greedy.least_probability**4 - 0.1


def test_another_architecture_answers_too(tokenizer: PreTrainedTokenizerFast) -> None:
    config = LlamaConfig(
        vocab_size=97, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    found = complete(LlamaForCausalLM(config), tokenizer, PROMPTS, max_new_tokens=3)
    assert len(found) == len(PROMPTS)


def test_special_tokens_inside_an_answer_stay_visible(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    """An answer with padding in the middle must not pass for the answer without it."""
    with torch.no_grad():
        # All logits equal: the likeliest token is the first, padding.
        dict(tiny.named_parameters())["lm_head.weight"].zero_()
    (found,) = complete(tiny, tokenizer, ["C1="], max_new_tokens=2)
    assert found.text == "<pad><pad>"


def test_progress_reaches_the_end(tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    seen: list[tuple[int, int]] = []
    complete(tiny, tokenizer, PROMPTS, max_new_tokens=2, on_progress=lambda *at: seen.append(at))
    assert seen == [(2, 6), (4, 6), (6, 6)]


def test_no_prompts_no_answers(tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    assert complete(tiny, tokenizer, [], max_new_tokens=2) == []


def test_asking_leaves_a_model_in_training_as_it_was(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    tiny.train()
    complete(tiny, tokenizer, ["C1="], max_new_tokens=2)
    assert tiny.training


BAD: dict[str, tuple[list[str], dict[str, object], str]] = {
    "a character outside the vocabulary": (["Cé="], {}, "cannot spell"),
    "an empty prompt": ([""], {}, "at least one token"),
    "too few limits": (["C1=", "C2="], {"max_new_tokens": [3]}, "one limit a prompt"),
    "a limit of nothing": (["C1="], {"max_new_tokens": 0}, "at least 1 new token"),
    "a negative temperature": (["C1="], {"temperature": -1.0}, "temperature of 0 or more"),
    "a temperature that is no number": (["C1="], {"temperature": math.nan}, "temperature of 0 or more"),
}


@pytest.mark.parametrize("case", BAD)
def test_requests_that_cannot_be_answered_are_refused(
    case: str, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    prompts, arguments, message = BAD[case]
    with pytest.raises(SubjectError, match=message):
        complete(tiny, tokenizer, prompts, **({"max_new_tokens": 3} | arguments))  # type: ignore[arg-type]


def test_the_end_marks_of_tokenizer_and_configuration_both_count(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    tiny.generation_config.eos_token_id = [9, 1]
    assert stop_tokens(tiny, tokenizer) == (1, 9)
