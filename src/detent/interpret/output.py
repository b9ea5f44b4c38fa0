"""How a decoder says what its stream holds: its final norm, and what makes logits of that.

    >>> output = output_of(model)
    >>> output.says(stream)          # (n, V), of the stream (n, d) as it is between two blocks

For any Hugging Face decoder: the norm is looked for, and what comes after it is the model's own code, with whatever
scale and cap its kind puts on logits: it is run with the blocks standing aside. Whether what was found is the final
norm is seen by `fits`, on what the model says itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

_NEAR = 1e-3
"""How far logits may be from the model's own, over the largest: rounding, of float32."""
_NEAR_HALF = 5e-2
"""And of numbers of 16 bits."""


def whole(model: Any) -> Any:
    """The Hugging Face model: of one that PEFT has wrapped, what is inside."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@dataclass(frozen=True, slots=True)
class Output:
    """model: whose output it is. body: what it has beneath its logits; it hands on a `kind`. norm: the final one."""

    model: PreTrainedModel
    body: nn.Module
    norm: nn.Module
    kind: type[ModelOutput]

    @torch.inference_mode()
    def says(self, stream: Tensor) -> Tensor:
        """Logits (n, V) of the stream (n, d): what the model would say if these were its last block's."""
        return self._after(self.norm(stream[:, None]))

    def fits(self, stream: Tensor, logits: Tensor) -> bool:
        """Whether the last block's `stream` (n, d) becomes the `logits` (n, V) that the model says."""
        found = self.says(stream)
        near = _NEAR if logits.dtype in {torch.float32, torch.float64} else _NEAR_HALF
        size = float(logits.abs().max()) or 1.0
        return found.shape == logits.shape and float((found - logits).abs().max()) <= near * size

    @contextmanager
    def caught(self) -> Iterator[list[Tensor]]:
        """What goes into the final norm meanwhile, a tensor (B, T, d) each time."""
        found: list[Tensor] = []
        hook = self.norm.register_forward_pre_hook(lambda _, given: found.append(given[0]))
        try:
            yield found
        finally:
            hook.remove()

    def _after(self, normed: Tensor) -> Tensor:
        """Logits of what the final norm gave, (n, 1, d), by the model's own code."""
        body: Any = self.body
        ids = torch.zeros(normed.shape[:2], dtype=torch.long, device=normed.device)
        # A name on the module itself stands before its class's.
        body.forward = lambda *_, **__: self.kind(last_hidden_state=normed)
        try:
            logits: Tensor = self.model(input_ids=ids, use_cache=False).logits
        finally:
            del body.forward
        return logits.reshape(len(normed), -1)


def output_of(model: PreTrainedModel) -> Output | None:
    """A decoder's output; None where no final norm is to be seen."""
    inner = whole(model)
    norms = [
        module
        for name, module in inner.base_model.named_modules()
        if "norm" in type(module).__name__.lower() and not any(part.isdigit() for part in name.split("."))
    ]
    found = _body(inner)
    return None if found is None or not norms else Output(inner, found[0], norms[-1], found[1])


@torch.inference_mode()
def _body(model: PreTrainedModel) -> tuple[nn.Module, type[ModelOutput]] | None:
    """The part that hands the last hidden state to what makes logits of it, and in what it does so."""
    found: list[tuple[nn.Module, Any]] = []
    # Some kinds call the decoder that is in their body, and not their body.
    parts = [part for part in (model.base_model, *model.base_model.children()) if part is not model]
    hooks = [part.register_forward_hook(lambda part, _, given: found.append((part, given))) for part in parts]
    try:
        model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    told = [(part, type(one)) for part, one in found if isinstance(one, ModelOutput)]
    return told[-1] if told else None  # what is around the others ends last
