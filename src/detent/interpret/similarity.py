"""How alike two layers see the same positions: debiased linear CKA.

    >>> similarity(hidden, hidden @ rotation * 3 + 5)
    1.0

Centred kernel alignment: Kornblith, Norouzi, Lee, Hinton, "Similarity of Neural Network Representations
Revisited" (arXiv 1905.00414), sec. 3, eqs. 3 and 4,

    CKA(K, L) = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)),   K = X X', L = Y Y',

with the unbiased estimate of HSIC from Song et al., "Feature Selection via Dependence Maximization" (JMLR 13,
2012), sec. 2, as used for CKA by Nguyen, Raghu, Kornblith (arXiv 2010.15327), eq. 3. With k and l for K and L
whose diagonals are set to zero,

    n (n - 3) HSIC(K, L) = tr(k l) + (1'k 1)(1'l 1) / ((n - 1)(n - 2)) - 2 (1'k l 1) / (n - 2).

Unlike the biased one it does not rise towards 1 as the layer grows wider than there are positions.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

LEAST_POSITIONS = 4  # the estimate divides by n - 3

# Beneath this share of a layer's size, its differences between positions are float32's rounding.
_ROUNDING = 1e-6

# Of layers of norm 1: float64's rounding of the sums below, far beneath any layer that varies in more than one place.
_NOTHING = 1e-13


def similarity(x: Tensor, y: Tensor) -> float:
    """CKA of two layers at the same n >= 4 positions, x (n, p) and y (n, q): 1 alike, 0 unrelated, down to -1.

    It does not see rotations, a common scale, or a shift. It misleads where few directions hold most of the
    variance: they decide, and a change in all others hardly lowers it. Unrelated layers come out around 0, so
    also below it; never outside [-1, 1], since HSIC here is the mean of u v / 4 over all fours of positions,
    u = (x1 - x2) (x3 - x4)' and v likewise of y. Of layers that are the same at every position, two are taken as
    1, one against another as 0. Computed in float64.
    """
    return similarities([x], [y])[0][0]


def similarities(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> tuple[tuple[float, ...], ...]:
    """CKA of each layer of the one with each of the other, all at the same n positions: a row for each of `xs`."""
    by_place = len(xs[0]) < min(layer.shape[1] for layer in (*xs, *ys))
    mine, theirs = ([_Kernel(layer, by_place) for layer in side] for side in (xs, ys))
    return tuple(tuple(_alike(x, y) for y in theirs) for x in mine)


class _Kernel:
    """A layer made ready: what every HSIC with it needs.

    by_place: as X X' (n, n), which is the smaller where there are fewer positions than a layer is wide; else as X.
    """

    def __init__(self, layer: Tensor, by_place: bool) -> None:
        x = _centred(layer)
        self.by_place = by_place
        self.diagonal = x.square().sum(1)  # (n,) set to zero
        self.sums = x @ x.sum(0) - self.diagonal  # (n,) k 1
        self.kept = x @ x.T if by_place else x
        self.own = _hsic(self, self)


def _alike(x: _Kernel, y: _Kernel) -> float:
    if min(x.own, y.own) <= _NOTHING:
        return 1.0 if max(x.own, y.own) <= _NOTHING else 0.0
    return max(-1.0, min(1.0, _hsic(x, y) / sqrt(x.own * y.own)))


def _centred(x: Tensor) -> Tensor:
    """X without its mean and of norm 1, which changes no CKA and keeps the sums small; all zeros for a constant."""
    x = x.double()
    centred = x - x.mean(0)
    spread, size = torch.linalg.matrix_norm(centred), torch.linalg.matrix_norm(x)
    return centred / spread if spread > _ROUNDING * size else torch.zeros_like(x)


def _hsic(x: _Kernel, y: _Kernel) -> float:
    """HSIC of linear kernels, times n (n - 3): O(n p q), or O(n n) by place."""
    n = len(x.diagonal)
    both = x.kept * y.kept if x.by_place else (x.kept.T @ y.kept).square()
    trace = both.sum() - x.diagonal @ y.diagonal
    product = x.sums.sum() * y.sums.sum() / ((n - 1) * (n - 2))
    return float(trace + product - 2 * (x.sums @ y.sums) / (n - 2))
