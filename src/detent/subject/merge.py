"""An adapter and its base as one model, for whoever has no use for adapters.

    >>> merge(models / digest, models / base, Path("merged"))      # a folder that any Hugging Face tool loads

Each adapted weight becomes W + (alpha / rank) B A, computed in float32 and stored in the precision of the base: from a
base in float32 the merged model says what the adapted one says, up to rounding; from one in bfloat16 the sum is
rounded to it once.
"""

from pathlib import Path

import torch

from detent.errors import SubjectError
from detent.subject.load import Subject, load
from detent.subject.lora import adapted_layers, with_adapter
from detent.values.adapters import adapter_in


def merge(folder: Path, base: Path, out: Path) -> int:
    """Write the model that the adapter in `folder` makes of the whole model in `base` into the new folder `out`.

    Returns the number of its parameters. In memory it takes 4 bytes of each, and as many as are stored while it loads.

    Raises:
        SubjectError: `folder` holds no adapter, `base` is not the folder whose digest it names, or `out` is there.
    """
    if out.exists():
        raise SubjectError(f"a new folder expected, got {out}, which is there; choose another")
    config = adapter_in(folder)
    if config is None:
        raise SubjectError(f"an adapter expected in {folder}, got a whole model; there is nothing to merge")
    subject = load(base, expected_digest=config.base, dtype="auto")
    stored = subject.model.dtype
    subject.model.to(torch.float32)  # type: ignore[arg-type]
    add_adapter(subject, folder)
    subject.model.to(stored)  # type: ignore[arg-type]
    subject.model.save_pretrained(out)
    subject.tokenizer.save_pretrained(out)
    return int(subject.model.num_parameters())


def add_adapter(base: Subject, folder: Path) -> None:
    """Add what the adapter in `folder` adds to the weights of its base, in place. Raises as `with_adapter`."""
    weights = dict(base.model.named_parameters())
    with torch.no_grad():
        for name, _, a, b, scale in adapted_layers(with_adapter(base, folder).model):
            weights[f"{name}.weight"].add_(scale * (b @ a))
