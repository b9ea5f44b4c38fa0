"""The default subject is a stock Hugging Face model with a character tokenizer."""

import string
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.build import CHARACTERS, Sizes, build_model, build_tokenizer, save


def test_default_sizes_make_the_model_that_was_measured() -> None:
    assert build_model(Sizes(), seed=1).num_parameters() == 627_840


def test_no_layer_turns_positions() -> None:
    assert build_model(Sizes(layers=2), seed=1).config.no_rope_layers == [0, 0]


def test_same_seed_same_weights_and_the_callers_random_state_is_left_alone(tiny: PreTrainedModel) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(tiny.parameters(), again.parameters(), strict=True))


def test_another_seed_gives_other_weights(tiny: PreTrainedModel) -> None:
    other = build_model(Sizes(hidden=32, intermediate=48, layers=2, heads=2), seed=2)
    assert not torch.equal(next(tiny.parameters()), next(other.parameters()))


def test_every_printable_character_is_one_token_and_comes_back(tokenizer: PreTrainedTokenizerFast) -> None:
    printable = string.digits + string.ascii_letters + string.punctuation + " "
    assert sorted(printable) == list(CHARACTERS)
    ids = tokenizer(printable, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(set(ids)) == len(printable)
    assert tokenizer.decode(ids) == printable


@pytest.mark.parametrize("text", ["  two spaces ", "a , b . c !", "it 's"])
def test_decoding_tidies_nothing(text: str) -> None:
    tokenizer = build_tokenizer()
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_any_hugging_face_tool_loads_the_folder(folder: Path, tiny: PreTrainedModel) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("R12 3=", return_tensors="pt")["input_ids"]
    assert tokenizer.decode(ids[0]) == "R12 3="
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)
    assert torch.equal(model(ids).logits, tiny(ids).logits)


def test_saving_over_files_is_refused(
    folder: Path, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(SubjectError, match="new or empty folder"):
        save(tiny, tokenizer, folder)


@pytest.mark.parametrize(
    "sizes", [{"hidden": 30, "heads": 4}, {"layers": 0}, {"heads": 0}, {"intermediate": -1}]
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(SubjectError, match="multiple of heads"):
        Sizes(**sizes)
