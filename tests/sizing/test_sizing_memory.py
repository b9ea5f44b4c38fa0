"""Models, machines and memory, sized from headers and what the system says, against what is really there."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from detent.charter import Subject
from detent.errors import SubjectError
from detent.sizing import (
    Adapter,
    Batch,
    Gpu,
    Machine,
    answering_memory,
    built_shape,
    shape_in,
    shape_of,
    stated_speed,
    training_memory,
)
from detent.sizing.machine import gpus_in, machine_found, memory_in
from detent.sizing.memory import CONTEXT
from detent.subject.build import Sizes, build_model

HALF_BILLION: dict[str, Any] = {
    "num_hidden_layers": 24,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
}
"""The widths of Qwen2.5-0.5B, as its config says."""


def test_a_model_that_is_made_here_is_counted_to_the_last_number() -> None:
    sizes = Sizes(hidden=64, intermediate=96, layers=2, heads=4)
    subject = Subject(source="built", layers=2, hidden=64, intermediate=96, heads=4)
    assert built_shape(subject).parameters == build_model(sizes, seed=1).num_parameters()


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_of_the_llama_family_is_counted_from_its_config_alone(tied: bool, tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    config.save_pretrained(tmp_path)
    assert shape_of(tmp_path).parameters == model.num_parameters()


def test_weights_that_are_there_are_counted_and_not_worked_out(tmp_path: Path) -> None:
    model = build_model(Sizes(hidden=32, intermediate=32, layers=1, heads=2), seed=1)
    model.to(torch.bfloat16).save_pretrained(tmp_path)  # type: ignore[arg-type]
    shape = shape_of(tmp_path)
    assert (shape.parameters, shape.bytes_a_number) == (model.num_parameters(), 2.0)


WRONG = {
    "no config": None,
    "no JSON": "{",
    "a list": "[]",
    "no layers": json.dumps(HALF_BILLION | {"num_hidden_layers": None}),
    "a width of text": json.dumps(HALF_BILLION | {"hidden_size": "896"}),
    "a width of nothing": json.dumps(HALF_BILLION | {"hidden_size": 0}),
    "a width of truth": json.dumps(HALF_BILLION | {"hidden_size": True}),
    "a width beyond reason": json.dumps(HALF_BILLION | {"hidden_size": 10**40}),
    "brackets without end": "[" * 100_000,
}


@pytest.mark.parametrize("case", WRONG)
def test_a_config_that_does_not_say_is_refused(case: str, tmp_path: Path) -> None:
    if (text := WRONG[case]) is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(SubjectError, match="expected"):
        shape_of(tmp_path)


CARD = 16e9
"""Bytes of the card that half a billion parameters are promised to fit; a judge on a server takes none of them."""

SIDE_BY_SIDE = {
    "one member at a time, 8 rows of 512 tokens": (1, Batch(8, 512)),
    "two members side by side, 4 rows of 256 tokens": (2, Batch(4, 256)),
    "two members side by side, 8 rows of 512 tokens of which 128 are learnt": (2, Batch(8, 512, 128)),
}


@pytest.mark.parametrize("case", SIDE_BY_SIDE)
def test_half_a_billion_parameters_with_lora_fit_16_gb_with_all_that_works_beside(case: str) -> None:
    """A training for each member, and a process that answers at the gate, each with its context on the card."""
    members, batch = SIDE_BY_SIDE[case]
    shape = shape_in(HALF_BILLION, None, 2.0)
    assert shape.parameters == pytest.approx(494e6, rel=0.01)
    training = training_memory(shape, batch, Adapter(16), gpu=True).total + CONTEXT
    answering = answering_memory(shape, Batch(512, 1024), Adapter(16), gpu=True).total + CONTEXT
    assert members * training + answering < CARD


def test_half_a_billion_parameters_do_not_fit_16_gb_when_all_of_them_learn_or_activations_are_kept() -> None:
    shape, batch = shape_in(HALF_BILLION, None, 2.0), Batch(8, 512)
    assert training_memory(shape, batch, gpu=True).total > CARD
    assert training_memory(shape, batch, Adapter(16), gpu=True, checkpointed=False).total > CARD


def test_a_frozen_base_takes_two_bytes_on_a_gpu_and_four_on_a_processor() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    gpu, cpu = (training_memory(shape, Batch(1, 1), Adapter(16), gpu=each) for each in (True, False))
    assert cpu.weights - gpu.weights == 2.0 * shape.parameters
    assert gpu.kept == 3 * 4.0 * Adapter(16).parameters(shape)
    assert training_memory(shape, Batch(1, 1), gpu=True).kept == 3 * 2.0 * shape.parameters


def test_smaller_pieces_of_a_batch_need_less_memory_and_nothing_else_changes() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    many, few = (training_memory(shape, Batch(rows, 256), Adapter(16), gpu=True) for rows in (16, 4))
    assert many.activations == 4 * few.activations
    assert many.logits == 4 * few.logits
    assert (many.weights, many.optimizer) == (few.weights, few.optimizer)


def test_answers_written_at_once_never_take_more_than_their_bound() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    assert answering_memory(shape, Batch(10_000, 4096), Adapter(16), gpu=True).cache == 2 << 30


def test_the_whole_model_is_trained_at_16_bytes_a_parameter_and_an_adapter_is_not() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    whole, light = (training_memory(shape, Batch(1, 1), adapter, gpu=True) for adapter in (None, Adapter(16)))
    assert (whole.weights + whole.gradients + whole.optimizer) / shape.parameters == 16.0
    assert light.optimizer == 8.0 * Adapter(16).parameters(shape)
    assert light.weights < 2.2 * shape.parameters


def test_an_adapter_has_two_thin_matrices_beside_each_projection() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    q, kv, d, i = 896, 128, 896, 4864
    each = (d + q) + 2 * (d + kv) + (q + d) + 3 * (d + i)
    assert Adapter(16).parameters(shape) == 24 * 16 * each
    assert Adapter(8).parameters(shape) * 2 == Adapter(16).parameters(shape)
    assert Adapter(16, ("q_proj", "v_proj")).parameters(shape) == 24 * 16 * ((d + q) + (d + kv))


def test_keys_and_values_take_what_they_take() -> None:
    shape = shape_in(HALF_BILLION, None, 2.0)
    assert shape.cached_numbers_a_token == 2 * 24 * 2 * 64


def test_gpus_are_read_off_what_the_driver_lists_and_nonsense_is_no_gpu() -> None:
    (one, two) = gpus_in("NVIDIA H100 80GB HBM3, 81559\nSome, Card, 1024\nnonsense\nx, y\n, 5\n")
    assert one == Gpu("NVIDIA H100 80GB HBM3", 81559 * 1024.0**2)
    assert two.name == "Some, Card"


def test_memory_is_read_off_what_the_kernel_says() -> None:
    assert memory_in("MemFree: 1 kB\nMemTotal:       16384 kB\n") == 16384 * 1024
    assert memory_in("MemTotal: much\n") == 0.0


def test_this_machine_has_processors() -> None:
    assert machine_found().cpus >= 1


def test_a_gpu_that_nobody_knows_has_no_speed() -> None:
    assert stated_speed(Machine(8, 1e9, (Gpu("NVIDIA Unheard Of"),)), 8) is None
    known = stated_speed(Machine(8, 1e9, (Gpu("NVIDIA H100 80GB HBM3"),)), 8)
    assert known is not None
    assert known.source.startswith("assumed")


def test_no_more_threads_are_counted_than_there_are_processors() -> None:
    two, eight = (stated_speed(Machine(2, 1e9), threads) for threads in (2, 8))
    assert two == eight
