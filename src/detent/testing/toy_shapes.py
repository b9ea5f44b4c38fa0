"""What a toy model's configuration says of its shape, and what an edit makes of it.

>>> reshaped_config(SHAPE | {"no_rope_layers": [0, 0]}, AddBlock(at=2))["num_hidden_layers"]
3
"""

from collections.abc import Mapping
from typing import Any

from detent.values.shape import Edit, Rotary, Shape, reshape

SHAPE: dict[str, Any] = {
    "model_type": "toy",
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 4,
    "hidden_act": "silu",
}
"""What a toy model's configuration says: it can be reshaped, which changes what the rules above say of its shape."""


def reshaped_config(config: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """The configuration after an edit. Raises UsageError where the shape cannot take it."""
    after = reshape(_shape(config), edit)
    found = dict(config)
    if after.layers != config["num_hidden_layers"] or isinstance(edit, Rotary):
        found["no_rope_layers"] = [int(one) for one in after.rotary]
    return found | after.config


def _shape(config: Mapping[str, Any]) -> Shape:
    return Shape(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        heads=config["num_attention_heads"],
        groups=config["num_key_value_heads"],
        width=config["head_dim"],
        rotary=tuple(bool(one) for one in config["no_rope_layers"]),
        activation=config["hidden_act"],
    )
