"""How far a training moved a model: figures that mean the same for a model trained whole and for an adapter.

>>> change_of(before, model)
{'model.layers.0.self_attn.q_proj': 0.0132, ...}
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from detent.subject.lora import adapted_layers, is_adapted


def change_of(before: Mapping[str, Tensor], model: nn.Module) -> dict[str, float]:
    """For each module |new - old| / |old|, Frobenius, of its weights; |new| where the old ones were all zeros.

    Of an adapted layer the weights are W + (alpha / rank) B A, by the layer's name without an adapter. W does not
    change, and layers without an adapter are left out: they do not either.

    before: the parameters that could change, as they were, by name.
    """
    with torch.no_grad():
        return _of_adapter(before, model) if is_adapted(model) else _of_whole(before, model)


def _of_whole(before: Mapping[str, Tensor], model: nn.Module) -> dict[str, float]:
    moved: dict[str, float] = {}
    old: dict[str, float] = {}
    for name, value in model.named_parameters():
        module = name.rpartition(".")[0]
        moved[module] = moved.get(module, 0.0) + float((value - before[name]).square().sum())
        old[module] = old.get(module, 0.0) + float(before[name].square().sum())
    return {module: (moved[module] / (old[module] or 1.0)) ** 0.5 for module in moved}


def _of_adapter(before: Mapping[str, Tensor], model: nn.Module) -> dict[str, float]:
    found = {}
    for name, weight, a, b, scale in adapted_layers(model):
        added = scale * (before[f"{name}.lora_B.default.weight"] @ before[f"{name}.lora_A.default.weight"])
        old = float((weight.float() + added).square().sum())
        found[name] = (float((scale * (b @ a) - added).square().sum()) / (old or 1.0)) ** 0.5
    return found
