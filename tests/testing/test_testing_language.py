"""Models of the families come as an open-weights folder does: a template, special tokens, a list of end marks."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from detent.testing.language import FAMILIES, Family, language_model, write_language_model

MODEL_TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "smollm2": "llama", "smollm3": "smollm3"}


@pytest.mark.parametrize("family", FAMILIES)
def test_any_hugging_face_tool_loads_the_folder_and_computes_the_same(family: Family, tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "base", family)
    model, tokenizer = language_model(family)
    found = AutoModelForCausalLM.from_pretrained(folder)  # ready to answer, as transformers loads it
    ids = torch.tensor([tokenizer("What is one plus two?")["input_ids"]])
    assert found.config.model_type == MODEL_TYPES[family]
    assert torch.equal(found(ids).logits, model(ids).logits)
    assert AutoTokenizer.from_pretrained(folder).chat_template == tokenizer.chat_template


@pytest.mark.parametrize("family", FAMILIES)
def test_a_conversation_is_rendered_with_marks_of_one_token_each(family: Family) -> None:
    _, tokenizer = language_model(family)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "one?"}], tokenize=False, add_generation_prompt=True
    )
    assert "one?" in text
    marks = [token for token in tokenizer.get_added_vocab() if token in text]
    assert len(marks) >= 2
    assert all(len(tokenizer(mark, add_special_tokens=False)["input_ids"]) == 1 for mark in marks)


def test_a_base_model_has_no_template_and_another_end_mark() -> None:
    _, tokenizer = language_model("qwen3", chat=False)
    assert tokenizer.chat_template is None
    assert tokenizer.eos_token == "<|endoftext|>"  # noqa: S105  no password


def test_seeds_give_other_weights_and_the_same_seed_the_same() -> None:
    first, again, other = (language_model("llama", seed=seed).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(again[name], value) for name, value in first.items())
    assert not torch.equal(other["lm_head.weight"], first["lm_head.weight"])
