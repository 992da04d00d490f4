"""Muon: the iteration against the singular value decomposition, the optimiser against PyTorch's."""

import pytest
import torch
from adr_train.muon import Muon, orthogonal

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16), (1, 7)])
def test_the_iteration_keeps_the_directions_and_levels_their_sizes(shape):
    """The singular values go through the quintic polynomial one by one, and the singular vectors stay."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, d, v = torch.linalg.svd(matrix, full_matrices=False)
    a, b, c = COEFFICIENTS
    expected = d / d.norm()
    for _ in range(5):
        expected = a * expected + b * expected**3 + c * expected**5
    found = orthogonal(torch.stack([matrix, 3 * matrix]), COEFFICIENTS, 5, torch.float64)
    torch.testing.assert_close(found[0], found[1])
    found = found[0]
    torch.testing.assert_close(u.mT @ found @ v.mT, torch.diag(expected), rtol=0, atol=1e-9)
    single = orthogonal(matrix.float()[None], COEFFICIENTS, 5, torch.float32)[0]
    torch.testing.assert_close(single.double(), found, rtol=0, atol=1e-4)


def test_a_gradient_of_zeros_changes_nothing_but_the_decay():
    matrix = torch.nn.Parameter(torch.ones(3, 5))
    matrix.grad = torch.zeros(3, 5)
    Muon([matrix], 0.1, 0.5, torch.float32).step()
    torch.testing.assert_close(matrix.detach(), torch.full((3, 5), 1 - 0.1 * 0.5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_are_those_of_pytorch(dtype):
    """PyTorch's own iterates in bfloat16: the same bits in that dtype, and its rounding's distance in float32."""
    generator = torch.Generator().manual_seed(2)
    start, gradients = torch.randn(12, 20, generator=generator), torch.randn(4, 12, 20, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    mine = Muon([ours], 0.02, 0.1, dtype)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for gradient in gradients:
        for parameter, optimizer in ((ours, mine), (theirs, reference)):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert not torch.equal(ours, start)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 if dtype == torch.bfloat16 else 2e-3)
