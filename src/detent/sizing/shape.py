"""How large a model is: its parameters and the widths that its memory follows from, without loading it.

>>> shape_of(Path("models/smollm2")).parameters
134515008

Parameters come from the headers of the safetensors files; where a folder has none, from config.json by the formula of
the Llama family, which Qwen, SmolLM and Mistral share.
"""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from detent.charter import Subject
from detent.errors import SubjectError
from detent.values.weights import BITS, tensors_in

BUILT_VOCABULARY = 97
"""Tokens of a model that is made here: printable ASCII with the space, padding and end."""

LARGEST_CONFIG = 1 << 20
"""Bytes of config.json that are read."""

MOST = 10**13
"""What a width or a number of parameters may be."""


class Shape(Struct, frozen=True):
    """A causal language model's size.

    parameters: numbers in its weights. bytes_a_number: of the weights as they are stored.
    layers, hidden, intermediate, heads, kv_heads, head_width, vocabulary: as its config says.
    """

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    bytes_a_number: float = 4.0

    @property
    def weight_bytes(self) -> float:
        """Of the weights, as they are stored."""
        return self.parameters * self.bytes_a_number

    @property
    def cached_numbers_a_token(self) -> float:
        """Keys and values that one token leaves behind while an answer is written."""
        return 2.0 * self.layers * self.kv_heads * self.head_width


def built_shape(subject: Subject) -> Shape:
    """Of the model that generation 0 makes itself: a SmolLM3, every head with keys and values of its own, float32."""
    config = {
        "num_hidden_layers": subject.layers,
        "hidden_size": subject.hidden,
        "intermediate_size": subject.intermediate,
        "num_attention_heads": subject.heads,
        "vocab_size": BUILT_VOCABULARY,
        "tie_word_embeddings": False,
    }
    return shape_in(config, None, 4.0)


def shape_of(folder: Path) -> Shape:
    """Of the model in a Hugging Face folder; no library that loads models is needed.

    Raises:
        SubjectError: there is no config.json that says so, or a weights file's header is none.
    """
    config = _config(folder / "config.json")
    counted = stored = 0.0
    for path in sorted(folder.glob("*.safetensors")):
        for tensor in tensors_in(path).values():
            counted += tensor.numbers
            stored += tensor.numbers * BITS[tensor.dtype] / 8
    return shape_in(config, int(counted) or None, stored / counted if counted else 2.0)


def shape_in(config: dict[str, Any], parameters: int | None, bytes_a_number: float) -> Shape:
    """What a config says. parameters: None where nobody counted them.

    Raises:
        SubjectError: a width is missing, or is none.
    """
    layers, hidden, heads = (
        _width(config, name) for name in ("num_hidden_layers", "hidden_size", "num_attention_heads")
    )
    intermediate, vocabulary = _width(config, "intermediate_size"), _width(config, "vocab_size")
    kv_heads = _width(config, "num_key_value_heads", heads)
    head_width = _width(config, "head_dim", max(1, hidden // heads))
    found = Shape(
        parameters or 0, layers, hidden, intermediate, heads, kv_heads, head_width, vocabulary, bytes_a_number
    )
    if parameters is not None:
        return found
    return structs.replace(
        found, parameters=weights_of(found, tables=1 if config.get("tie_word_embeddings", False) else 2)
    )


def weights_of(shape: Shape, tables: int = 2) -> int:
    """Numbers in the weights of a decoder of the Llama family of these widths. tables: of embeddings; 1 where tied."""
    attention = 2 * shape.hidden * shape.head_width * (shape.heads + shape.kv_heads)
    layer = attention + 3 * shape.hidden * shape.intermediate + 2 * shape.hidden
    return shape.layers * layer + tables * shape.vocabulary * shape.hidden + shape.hidden


def _config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(LARGEST_CONFIG))
    except (OSError, ValueError, RecursionError) as error:
        raise SubjectError(
            f"a config.json that says a model's size expected at {path}, got none ({error}); name the folder that a "
            "model was saved in"
        ) from error
    inner = found.get("text_config") if isinstance(found, dict) else None
    if isinstance(inner, dict):
        found = inner  # of a model that also sees or hears
    if not isinstance(found, dict):
        raise SubjectError(f"a JSON object expected in {path}, got another value; save the model again")
    return found


def _width(config: dict[str, Any], name: str, default: int | None = None) -> int:
    found = config.get(name)
    if found is None:
        found = default
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < MOST:
        raise SubjectError(
            f"{name} as a whole number above 0 expected in config.json, got {str(found)[:40]}; only models of the "
            "Llama kind can be sized"
        )
    return found
