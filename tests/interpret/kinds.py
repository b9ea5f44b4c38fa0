"""Tiny decoders of many kinds, and looks at pairs of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from detent.interpret.look import Look
from detent.subject.build import build_tokenizer
from detent.subject.load import Subject
from detent.values import InterpretJob

PROMPTS = ("C12=", "R123=", "C1=", "R4321=", "C12=")

_DECODER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "sliding_window": 16,
}
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
KINDS: Mapping[str, dict[str, Any]] = {
    "llama": _DECODER,
    "qwen2": _DECODER,
    "qwen3": _DECODER,
    "smollm3": _DECODER,
    "mistral": _DECODER,
    "gemma2": _DECODER,
    "gemma3_text": _DECODER,
    "mixtral": {**_DECODER, "num_local_experts": 4},
    "cohere": _DECODER,
    "granite": {**_DECODER, "logits_scaling": 3.0},
    "phi": {**_DECODER, "num_key_value_heads": 4, "partial_rotary_factor": 0.5},
    "gpt_neox": _DECODER,
    "gpt2": _GPT2,
    "opt": {
        "hidden_size": 32,
        "word_embed_proj_dim": 32,
        "ffn_dim": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
    },
}
"""By `model_type`; what differs from a family's defaults."""


def made(kind: str, *, seed: int = 1, vocabulary: int = 97, **changes: Any) -> Subject:
    """Random weights, norms and biases too, so that leaving one out would show."""
    config = AutoConfig.for_model(
        kind,
        vocab_size=vocabulary,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        **{**KINDS[kind], **changes},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for value in model.parameters():
                value.add_(0.05 * torch.randn(value.shape))
    model.generation_config = GenerationConfig(eos_token_id=1)  # type: ignore[no-untyped-call]
    model.eval()
    return Subject(model, build_tokenizer())


def look(
    before: Subject,
    after: Subject,
    prompts: Sequence[str] = PROMPTS,
    *,
    limit: int = 6,
    earlier: tuple[Subject, Subject] | None = None,
) -> Look:
    """A look at two models in memory; answers of at most `limit` tokens."""
    models = {"a" * 64: before, "b" * 64: after}
    given: dict[str, Any] = {}
    if earlier is not None:
        models |= {"c" * 64: earlier[0], "d" * 64: earlier[1]}
        given["earlier"] = ("c" * 64, "d" * 64)
    job = InterpretJob(models=("a" * 64, "b" * 64), prompts=tuple(prompts), **given)
    return Look(job, models.__getitem__, lambda _, asked: [limit] * len(asked))
