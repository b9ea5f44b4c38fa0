"""Small language models of the families that people post-train, made on the spot: nothing is downloaded.

>>> folder = write_language_model(tmp_path / "base", "qwen3")      # what `[subject] source` takes
>>> model, tokenizer = language_model("llama")                     # the same in memory

The configurations are those of the families, made small; the weights are random, and the same for the same seed. The
tokenizer is a byte-level BPE that was trained on the texts given, so that it spells everything. Chat templates are
written here in the families' styles: Llama 3's headers and date, Qwen's ChatML with a default system turn and an empty
thought, SmolLM's ChatML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

Family = Literal[
    "llama",  # Llama 3: begins every text with a mark, has no token to pad with
    "qwen2",  # Qwen 2 and 2.5: biases on queries, keys and values
    "qwen3",  # norms on queries and keys
    "smollm2",  # a Llama with tied embeddings
    "smollm3",  # some layers without positions
]
FAMILIES: tuple[Family, ...] = ("llama", "qwen2", "qwen3", "smollm2", "smollm3")

TEXTS = (
    "What is one plus two? Answer in one word: three",
    "Copy the digits 0 1 2 3 4 5 6 7 8 9 and write them backward.",
    "You are a helpful assistant. Today is the first day; the question comes from the user.",
)
"""What a tokenizer is trained on when nothing else is given."""

_LLAMA = """\
{{- bos_token }}{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' }}
{%- if date_string is defined %}{{- date_string }}{%- else %}{{- strftime_now('%d %b %Y') }}{%- endif %}
{{- '<|eot_id|>' }}
{%- for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
"""
_QWEN = """\
{%- if messages[0]['role'] != 'system' %}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""
_SMOLLM = """\
{%- for message in messages %}
{%- if loop.first and message['role'] != 'system' %}
{{- '<|im_start|>system\\nYou are SmolLM. It is ' + strftime_now('%d %B %Y') + '.<|im_end|>\\n' }}
{%- endif %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


@dataclass(frozen=True, slots=True)
class _Style:
    """Special tokens and template of a family. end: of a turn; text_end: of a text, where that is another."""

    template: str
    end: str
    text_end: str
    others: tuple[str, ...] = ()
    begin: str | None = None
    pad: str | None = None


_CHATML = ("<|im_start|>",)
_STYLES: dict[Family, _Style] = {
    "llama": _Style(
        _LLAMA,
        "<|eot_id|>",
        "<|end_of_text|>",
        ("<|start_header_id|>", "<|end_header_id|>"),
        begin="<|begin_of_text|>",
    ),
    "qwen2": _Style(_QWEN, "<|im_end|>", "<|endoftext|>", _CHATML, pad="<|endoftext|>"),
    "qwen3": _Style(
        _QWEN, "<|im_end|>", "<|endoftext|>", (*_CHATML, "<think>", "</think>"), pad="<|endoftext|>"
    ),
    "smollm2": _Style(_SMOLLM, "<|im_end|>", "<|endoftext|>", _CHATML, pad="<|im_end|>"),
    "smollm3": _Style(_SMOLLM, "<|im_end|>", "<|end_of_text|>", _CHATML, pad="<|im_end|>"),
}


class LanguageModel(NamedTuple):
    """A model in evaluation mode, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def language_tokenizer(
    family: Family, texts: Sequence[str] = TEXTS, *, chat: bool = True, size: int = 400
) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most `size` tokens with the family's special tokens.

    With `chat` it has a template and ends with the mark of a turn; without, it is a base model's: no template, and the
    end of a text is its end mark.
    """
    style = _STYLES[family]
    special = [*dict.fromkeys(filter(None, (style.begin, style.end, style.text_end, *style.others)))]
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True) for token in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    if style.begin is not None:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{style.begin} $A", special_tokens=[(style.begin, backend.token_to_id(style.begin))]
        )
    given = {"bos_token": style.begin, "pad_token": style.pad}
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        eos_token=style.end if chat else style.text_end,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        **{name: token for name, token in given.items() if token is not None},
    )
    if chat:
        tokenizer.chat_template = style.template
    return tokenizer


def language_model(
    family: Family,
    texts: Sequence[str] = TEXTS,
    *,
    chat: bool = True,
    hidden: int = 48,
    layers: int = 2,
    seed: int = 1,
) -> LanguageModel:
    """A model of the family with random weights; `hidden` is its width, a multiple of 8."""
    tokenizer = language_tokenizer(family, texts, chat=chat)
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _random(family, shape)
    # As instruct models come: the end of a turn and the end of a text both end an answer.
    ends = sorted(
        {tokenizer.convert_tokens_to_ids(one) for one in (_STYLES[family].end, _STYLES[family].text_end)}
    )
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=ends if chat else tokenizer.eos_token_id
    )
    model.eval()  # type: ignore[no-untyped-call]
    return LanguageModel(model, tokenizer)


def write_language_model(
    folder: Path, family: Family, texts: Sequence[str] = TEXTS, *, chat: bool = True, **shape: int
) -> Path:
    """Save such a model as a folder that any Hugging Face tool loads; returns it. `shape` as of `language_model`."""
    model, tokenizer = language_model(family, texts, chat=chat, **shape)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _random(family: Family, shape: dict[str, Any]) -> PreTrainedModel:
    match family:
        case "llama":
            return LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=False))
        case "qwen2":
            return Qwen2ForCausalLM(Qwen2Config(**shape, tie_word_embeddings=True))
        case "qwen3":
            return Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=16, tie_word_embeddings=True))
        case "smollm2":
            return LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True))
        case "smollm3":
            return SmolLM3ForCausalLM(
                SmolLM3Config(**shape, use_sliding_window=False, tie_word_embeddings=True)
            )
