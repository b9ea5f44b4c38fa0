"""The default subject: a small SmolLM3 that reads characters and has no position encoding.

    >>> model = build_model(Sizes(), seed=1)         # 0.6 M parameters, random
    >>> tokenizer = build_tokenizer()                # printable ASCII, one token a character
    >>> save(model, tokenizer, folder)               # any Hugging Face tool loads this folder

It is a stock class with stock files: nothing here is needed to *use* what it builds.  The vocabulary is all
of printable ASCII, whatever the tasks are, so that adding a task never changes the model's shape.

Without rotary positions (`no_rope_layers` all 0) order is known only through the causal mask.  That is what
lets strings longer than any seen in training come out right at all: Kazemnejad et al., "The Impact of
Positional Encoding on Length Generalization" (arXiv 2305.19466).
"""

import string
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast
from transformers.models.smollm3.configuration_smollm3 import SmolLM3Config
from transformers.models.smollm3.modeling_smollm3 import SmolLM3ForCausalLM

from detent.errors import SubjectError

PAD = "<pad>"
EOS = "<eos>"
CHARACTERS = "".join(sorted(string.digits + string.ascii_letters + string.punctuation + " "))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How big the default subject is; the defaults make 0.62 M parameters."""

    hidden: int = 128  # width of the residual stream; a multiple of heads
    intermediate: int = 352  # width inside the gated MLP
    layers: int = 3
    heads: int = 4  # attention heads; each has its own keys and values
    rotary: bool = False  # rotary positions, in every layer
    positions: int = 512  # the longest sequence the config promises, in tokens

    def __post_init__(self) -> None:
        """Refuse sizes that no SmolLM3 can have."""
        smallest = min(self.hidden, self.intermediate, self.layers, self.heads, self.positions)
        if smallest < 1 or self.hidden % self.heads:
            raise SubjectError(
                f"sizes of at least 1 and hidden a multiple of heads expected, got {self}; choose for example 128 and 4"
            )


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a character of printable ASCII, then padding and end: ids 0 and 1 are the two special tokens.

    There is no "unknown" token: a prompt with any other character fails to encode instead of changing
    silently.
    """
    vocabulary = {PAD: 0, EOS: 1} | {character: i for i, character in enumerate(CHARACTERS, start=2)}
    backend = Tokenizer(WordLevel(vocabulary))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token=PAD,
        eos_token=EOS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def build_model(sizes: Sizes, *, seed: int) -> SmolLM3ForCausalLM:
    """A randomly initialised model in float32; the same sizes and seed give the same weights."""
    config = SmolLM3Config(
        vocab_size=2 + len(CHARACTERS),
        hidden_size=sizes.hidden,
        intermediate_size=sizes.intermediate,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        max_position_embeddings=sizes.positions,
        no_rope_layers=[int(sizes.rotary)] * sizes.layers,
        use_sliding_window=False,
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SmolLM3ForCausalLM(config)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def save(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write safetensors, config and tokenizer into `folder`, which must be new or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise SubjectError(f"a new or empty folder expected, got {folder} with files in it; choose another")
    model.save_pretrained(folder)  # type: ignore[operator]  # every Hugging Face model has it
    tokenizer.save_pretrained(folder)
