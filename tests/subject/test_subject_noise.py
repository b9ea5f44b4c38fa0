"""Noise is of the size it says, on what it says, and on a copy."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from detent.subject.load import Subject
from detent.subject.noise import noisy


@pytest.fixture
def subject(tiny: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Subject:
    return Subject(tiny, tokenizer)


def weights(subject: Subject) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in subject.model.named_parameters()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_every_matrix_gets_noise_in_proportion_to_its_size_and_nothing_else_any(subject: Subject) -> None:
    before, after = weights(subject), weights(noisy(subject, 0.3, seed=1))
    for name, old in before.items():
        drawn = after[name] - old
        if old.ndim == 1:
            assert torch.equal(after[name], old), name
        else:
            size = float(old.square().mean().sqrt())
            assert float(drawn.std()) == pytest.approx(0.3 * size, rel=0.1), name
            assert abs(float(drawn.mean())) < 4 * 0.3 * size / drawn.numel() ** 0.5, name
    assert {value.ndim for value in before.values()} == {1, 2}


def test_the_model_given_stays_as_it_was(subject: Subject) -> None:
    before = weights(subject)
    assert not same(weights(noisy(subject, 0.3, seed=1)), before)
    assert same(weights(subject), before)


def test_the_same_seed_gives_the_same_bits_and_another_others(subject: Subject) -> None:
    first = weights(noisy(subject, 0.3, seed=1))
    torch.rand(7)  # the global random state plays no part
    assert same(weights(noisy(subject, 0.3, seed=1)), first)
    assert not same(weights(noisy(subject, 0.3, seed=-(2**70))), first)


def test_noise_of_one_matrix_is_not_that_of_another(subject: Subject) -> None:
    before, after = weights(subject), weights(noisy(subject, 1.0, seed=1))
    gate, up = (f"model.layers.0.mlp.{name}_proj.weight" for name in ("gate", "up"))
    drawn = torch.stack([(after[name] - before[name]).flatten() for name in (gate, up)])
    assert abs(float(torch.corrcoef(drawn)[0, 1])) < 0.15


def test_a_tied_matrix_stays_tied(tokenizer: PreTrainedTokenizerFast) -> None:
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    model = noisy(Subject(LlamaForCausalLM(config), tokenizer), 0.3, seed=1).model
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    assert output.weight is model.get_input_embeddings().weight
