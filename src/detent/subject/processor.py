"""How this process uses the processor: threads, tiny numbers, and the precision that pays.

>>> settle(threads=2)                            # once, before the first tensor
>>> Recipe(steps=120, precision=fast_precision("cpu"))
"""

import torch

from detent.errors import EngineError
from detent.subject.train import Precision
from detent.values import Device

# Vector instructions that multiply bfloat16 matrices; without one of them torch emulates it, several times slower.
_MULTIPLIES_BFLOAT16 = ("amx_bf16", "avx512_bf16")


def settle(threads: int) -> None:
    """Fix the thread count, on which every bit of a result depends, and treat denormal numbers as zero.

    Weights of a model that has learnt a task drift towards denormals, which most processors compute many times slower.
    """
    torch.set_flush_denormal(True)  # before the threads: they inherit it
    torch.set_num_threads(threads)


def found_device(wanted: Device) -> str:
    """The device to compute on: "auto" is the first GPU where there is one, else the processor.

    Only to be called in a process that is never forked again: it may open the GPU.

    Raises:
        EngineError: "cuda", and there is no GPU that PyTorch could use.
    """
    there = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise EngineError(
            "a GPU that PyTorch can use expected, as the charter's run.device says, got none; see `nvidia-smi` and "
            "docs/confinement.md, or let the stewards amend it"
        )
    return "cuda" if there else "cpu"


def fast_precision(device: str) -> Precision:
    """bfloat16 on a GPU, and where this processor multiplies it at once (then training is 1.8 times as fast)."""
    if device != "cpu":
        return "bfloat16"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if any(able.get(name, False) for name in _MULTIPLIES_BFLOAT16) else "float32"
