"""How likely a model finds a completion: the same number whatever stands beside it in a batch, for any causal LM."""

import math

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from detent.subject.score import log_likelihoods

ROWS = [("C12=", "12"), ("R123=321?", "yyyY"), ("C12=", "7"), ("S9=", "9"), ("R123=331?", "ynyN")]


def one_by_one(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, prompt: str, completion: str
) -> float:
    """The chain rule, a token at a time."""
    ids = tokenizer(prompt)["input_ids"]
    total = 0.0
    for token in tokenizer(completion)["input_ids"]:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        total += float(logits.log_softmax(-1)[token])
        ids = [*ids, token]
    return total


def llama() -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=97, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
        )
    )


def qwen() -> PreTrainedModel:
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=97,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
        )
    )


@pytest.mark.parametrize("family", ["default", "llama", "qwen"])
def test_it_is_the_chain_rule_of_the_models_own_probabilities(
    family: str, tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = {"default": lambda: tiny, "llama": llama, "qwen": qwen}[family]()
    model.eval()  # type: ignore[no-untyped-call]
    found = log_likelihoods(model, tokenizer, ROWS)
    assert found == pytest.approx([one_by_one(model, tokenizer, *row) for row in ROWS], abs=1e-4)
    assert all(-math.inf < value <= 0 for value in found)


def test_the_model_is_left_as_it_was_and_nothing_to_score_is_nothing(
    tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    tiny.train()
    assert log_likelihoods(tiny, tokenizer, []) == []
    log_likelihoods(tiny, tokenizer, ROWS)
    assert tiny.training
