"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): updates of matrices made orthogonal."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# No gradient, no direction: what keeps zeros from being divided by zero.
SMALLEST = 1e-7


def orthogonal(matrices: Tensor, coefficients: tuple[float, float, float], steps: int, dtype: torch.dtype) -> Tensor:
    """U S V^T with S near 1 for each of matrices (count, rows, columns) of singular value decompositions U D V^T, by a
    quintic Newton-Schulz iteration computed in `dtype`. With Muon's coefficients, five steps bring all but tiny values
    into [0.68, 1.13]."""
    a, b, c = coefficients
    x = matrices.to(dtype)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=SMALLEST)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Muon):
    """PyTorch's Muon with Nesterov momentum and updates of the size of AdamW's (Liu et al. 2025, arXiv 2502.16982),
    whose iteration runs in a dtype of one's choice and on all matrices of a shape at once. PyTorch's own runs in
    bfloat16, which a processor without instructions for it computes a hundred times slower than float32, and matrix by
    matrix, of which there are too many for a GPU."""

    def __init__(self, matrices: Any, learning_rate: float, weight_decay: float, dtype: torch.dtype):
        super().__init__(matrices, lr=learning_rate, weight_decay=weight_decay)
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient; a closure is not called."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes.setdefault(matrix.shape, []).append((matrix, matrix.grad))
            for shape, alike in shapes.items():
                self.update(alike, 0.2 * max(shape) ** 0.5, group)

    def update(self, alike: list[tuple[Tensor, Tensor]], size: float, group: dict[str, Any]) -> None:
        """One update of matrices of one shape by their gradients; `size` is the root mean square of AdamW's updates,
        times the root of the larger side."""
        momentum, rate = group["momentum"], group["lr"]
        matrices, gradients = [matrix for matrix, _ in alike], [gradient for _, gradient in alike]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        averages = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(averages, gradients, 1 - momentum)
        ahead = torch.stack(torch._foreach_lerp(gradients, averages, momentum))
        updates = orthogonal(ahead, group["ns_coefficients"], group["ns_steps"], self.dtype)
        torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
        torch._foreach_add_(matrices, list(updates.to(ahead.dtype)), alpha=-rate * size)
