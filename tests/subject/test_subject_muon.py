"""Muon in float32: the same steps as torch's, to what bfloat16 rounds away."""

import pytest
import torch

from detent.subject.muon import FloatMuon, orthogonal

SHAPES = [(16, 16), (24, 8), (8, 24), (1, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    noise = torch.Generator().manual_seed(1)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=noise) * 1e3))
    assert 0.3 < values.min() <= values.max() < 1.3


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not orthogonal(torch.zeros(3, 4)).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_torch_up_to_its_rounding(shape: tuple[int, int]) -> None:
    noise = torch.Generator().manual_seed(2)
    start = torch.randn(shape, generator=noise)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    mine = FloatMuon([ours], lr=0.02, weight_decay=0.1)
    other = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="original")
    for _ in range(5):
        gradient = torch.randn(shape, generator=noise)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()  # type: ignore[no-untyped-call]
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved
    assert moved > 0


def test_a_matrix_without_a_gradient_stays_as_it_is() -> None:
    still = torch.nn.Parameter(torch.ones(2, 2))
    FloatMuon([still], lr=1.0, weight_decay=0.5).step()
    assert torch.equal(still, torch.ones(2, 2))
