"""Debiased CKA is what the papers define, and what a reader of a chart takes it for."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detent.interpret.similarity import similarity


def drawn(n: int, width: int, seed: int) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def related(n: int = 12, seed: int = 1) -> tuple[Tensor, Tensor]:
    x = drawn(n, 5, seed)
    return x, x @ drawn(5, 7, seed + 1) + drawn(n, 7, seed + 2)


def hsic(x: Tensor, y: Tensor) -> Tensor:
    """Nguyen et al., eq. 3, letter by letter."""
    n, one = len(x), torch.ones(len(x), dtype=torch.float64)
    k, l = x.double() @ x.double().T, y.double() @ y.double().T  # noqa: E741  as in the paper
    k.fill_diagonal_(0.0)
    l.fill_diagonal_(0.0)
    sums = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (torch.trace(k @ l) + sums - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def test_it_is_the_published_formula() -> None:
    x, y = related()
    expected = hsic(x, y) / (hsic(x, x) * hsic(y, y)).sqrt()
    assert 0.1 < expected < 0.9
    assert similarity(x, y) == pytest.approx(float(expected), rel=1e-9)


def test_it_is_a_mean_over_fours_of_positions() -> None:
    """So it cannot leave [-1, 1]: Cauchy and Schwarz."""
    x, y = (part.double() for part in related(n=6))
    products = torch.tensor(
        [
            (float((x[i] - x[j]) @ (x[k] - x[m])), float((y[i] - y[j]) @ (y[k] - y[m])))
            for i, j, k, m in permutations(range(6), 4)
        ],
        dtype=torch.float64,
    )
    u, v = products.T
    assert similarity(x, y) == pytest.approx(float(u @ v / (u.norm() * v.norm())), rel=1e-9)


def test_a_layer_and_itself_are_exactly_alike() -> None:
    x, _ = related(n=40)
    assert similarity(x, x.clone()) == 1.0


def test_rotation_scale_and_shift_are_not_seen() -> None:
    x, y = related()
    rotation = torch.linalg.qr(drawn(5, 5, seed=9))[0]
    assert similarity(x @ rotation * 30 + 5, y) == pytest.approx(similarity(x, y), rel=1e-5)


def test_a_shift_much_larger_than_the_differences_costs_no_accuracy() -> None:
    x, y = (part.double() for part in related())
    assert similarity(x + 1e4, y - 1e4) == pytest.approx(similarity(x, y), rel=1e-6)


def test_unrelated_layers_wider_than_the_positions_are_many_come_out_around_zero() -> None:
    """The biased estimate would say .9 here."""
    found = [similarity(drawn(20, 200, seed), drawn(20, 200, seed + 1000)) for seed in range(100)]
    assert abs(sum(found) / len(found)) < 0.03
    assert min(found) < 0 < max(found)


@given(st.integers(4, 12), st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(deadline=None)
def test_it_never_leaves_its_range_and_does_not_depend_on_the_order(
    n: int, p: int, q: int, seed: int
) -> None:
    x, y = drawn(n, p, seed).round(), drawn(n, q, seed + 1).round()  # rounded: many positions are the same
    found = similarity(x, y)
    assert -1.0 <= found <= 1.0
    assert similarity(y, x) == pytest.approx(found, abs=1e-9)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    assert similarity(x[order], y[order]) == pytest.approx(found, abs=1e-6)


CONSTANT = torch.full((12, 3), 0.1)
ONE_APART = torch.cat([torch.full((11, 3), 0.1), torch.ones(1, 3)])
VARIED = related()[0]

DEGENERATE: dict[str, tuple[Tensor, Tensor, float]] = {
    "two layers that say the same at every position": (CONSTANT, CONSTANT * 3, 1.0),
    "one layer that says the same at every position": (CONSTANT, VARIED, 0.0),
    "one whose differences are only rounding": (CONSTANT + 1e-9 * drawn(12, 3, 5), VARIED, 0.0),
    "one in which a single position differs": (ONE_APART, VARIED, 0.0),
    "two layers of zeros": (CONSTANT * 0, CONSTANT * 0, 1.0),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_layers_that_do_not_vary_have_an_answer_too(case: str) -> None:
    x, y, expected = DEGENERATE[case]
    assert (similarity(x, y), similarity(y, x)) == (expected, expected)
