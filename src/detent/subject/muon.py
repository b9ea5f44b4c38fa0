"""Muon with its products in float32, for processors that only emulate bfloat16.

    >>> optimizer = FloatMuon(matrices, lr=0.02, weight_decay=0.1)

torch.optim.Muon orthogonalises in bfloat16 whatever the processor. Where that is emulated it takes four fifths of a
training step, and a step with this one a quarter of the time. On processors that multiply bfloat16 torch's is used.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon: the update is the momentum's nearest semi-orthogonal
matrix, roughly, by five Newton-Schulz steps of a quintic polynomial; the rate is that of torch's "original".
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
_TINY = 1e-7


class FloatMuon(torch.optim.Optimizer):
    """For matrices of two dimensions; Nesterov momentum, decoupled weight decay multiplied by the rate."""

    def __init__(
        self, matrices: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(list(matrices), {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        if closure is not None:
            raise NotImplementedError(
                "a gradient that is there already expected, got a closure; call backward first"
            )
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, group["lr"], group["weight_decay"], group["momentum"])

    def _move(self, matrix: Tensor, rate: float, decay: float, momentum: float) -> None:
        gradient = matrix.grad
        assert gradient is not None  # noqa: S101  the caller looked
        average = self.state[matrix].setdefault("momentum", torch.zeros_like(gradient))
        average.lerp_(gradient, 1 - momentum)
        update = orthogonal(gradient.lerp(average, momentum))
        rows, columns = matrix.shape
        matrix.mul_(1 - rate * decay)
        matrix.add_(update, alpha=-rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values near 1 (about .7 to 1.2)."""
    a, b, c = COEFFICIENTS
    wide: Tensor = matrix if matrix.size(0) <= matrix.size(1) else matrix.T  # the smaller Gram matrix
    found: Tensor = wide / wide.norm().clamp(min=_TINY)
    for _ in range(STEPS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found if wide is matrix else found.T
