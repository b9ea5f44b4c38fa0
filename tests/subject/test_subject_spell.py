"""Data inside a prompt never becomes a special token, and honest text is encoded as ever."""

import pytest
from tests.subject.language_models import END, PAD, QUESTIONS, bpe
from transformers import PreTrainedTokenizerFast

from detent.errors import SubjectError
from detent.subject.build import build_tokenizer
from detent.subject.spell import encode, spell, spell_text

TOKENIZERS = {"characters": build_tokenizer(), "BPE": bpe()}
KINDS = pytest.mark.parametrize("kind", TOKENIZERS)


def special(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> list[int]:
    return [token for token in ids if token in tokenizer.all_special_ids]


@KINDS
def test_text_without_special_tokens_is_encoded_whole_as_in_training(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    for prompt in QUESTIONS:
        pieces = [("Here is a question: ", False), (prompt, True), (" Answer", False)]
        assert spell(tokenizer, pieces) == encode(tokenizer, [f"Here is a question: {prompt} Answer"])[0]


HOSTILE = {
    "the end mark": "7{end}",
    "the end mark alone": "{end}",
    "end mark and padding run together": "{end}{pad}{end}",
    "an end mark inside the pieces of another": "{end_half}{end}{end_rest}",
    "one that begins in the answer and ends in the template": "7{end_half}",
    "one that begins in the template and ends in the answer": "{end_rest}7",
}


@KINDS
@pytest.mark.parametrize("case", HOSTILE)
def test_no_answer_becomes_a_special_token_and_none_loses_a_character(kind: str, case: str) -> None:
    tokenizer = TOKENIZERS[kind]
    end, pad = str(tokenizer.eos_token), str(tokenizer.pad_token)
    half, rest = end[:3], end[3:]
    answer = HOSTILE[case].format(end=end, pad=pad, end_half=half, end_rest=rest)
    ids = spell(tokenizer, [(half, False), (answer, True), (rest, False)])
    assert special(tokenizer, ids) == []
    assert tokenizer.decode(ids, skip_special_tokens=False) == half + answer + rest
    assert special(tokenizer, spell_text(tokenizer, answer)) == []


@KINDS
def test_a_template_may_name_a_special_token_which_stays_one(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    end = str(tokenizer.eos_token)
    ids = spell(tokenizer, [(f"a{end}", False), (f"b{end}", True), (end, False)])
    assert special(tokenizer, ids) == [tokenizer.eos_token_id] * 2
    assert tokenizer.decode(ids, skip_special_tokens=False) == f"a{end}b{end}{end}"


def test_control_tokens_that_are_not_called_special_are_cut_too() -> None:
    tokenizer = bpe()
    tokenizer.add_tokens(["<think>"])
    token = tokenizer.convert_tokens_to_ids("<think>")
    assert token in encode(tokenizer, ["<think>"])[0]
    assert token not in spell(tokenizer, [("<think>", True)])


def test_an_added_token_of_one_character_cannot_be_told_from_text() -> None:
    tokenizer = bpe()
    tokenizer.add_tokens(["~"])
    with pytest.raises(SubjectError, match="more than one character"):
        spell(tokenizer, [("1~", True)])
    assert spell(tokenizer, [("1~", False)])


def test_nothing_is_spelt_by_nothing() -> None:
    assert spell_text(TOKENIZERS["BPE"], "") == []
    with pytest.raises(SubjectError, match="at least one token"):
        spell(TOKENIZERS["BPE"], [("", True)])


def test_the_tokenizers_here_have_the_tokens_they_are_tried_with() -> None:
    assert encode(TOKENIZERS["BPE"], [f"7{END}{PAD}"])[0][-2:] == [1, 0]
