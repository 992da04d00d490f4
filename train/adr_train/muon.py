"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): updates of matrices made orthogonal."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# No gradient, no direction: what keeps zeros from being divided by zero.
SMALLEST = 1e-7


def orthogonal(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, dtype: torch.dtype) -> Tensor:
    """U S V^T with S near 1 for a matrix of singular value decomposition U D V^T, by a quintic Newton-Schulz
    iteration computed in `dtype`. With Muon's coefficients, five steps bring all but tiny values into [0.68, 1.13]."""
    a, b, c = coefficients
    x = matrix.to(dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.mT if tall else x
    x = x / x.norm().clamp(min=SMALLEST)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Muon):
    """PyTorch's Muon with Nesterov momentum and updates of the size of AdamW's (Liu et al. 2025, arXiv 2502.16982),
    whose iteration runs in a dtype of one's choice. PyTorch's own runs in bfloat16, which a processor without
    instructions for it computes a hundred times slower than float32."""

    def __init__(self, matrices: Any, learning_rate: float, weight_decay: float, dtype: torch.dtype):
        super().__init__(matrices, lr=learning_rate, weight_decay=weight_decay)
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient; a closure is not called."""
        for group in self.param_groups:
            momentum, rate, decay = group["momentum"], group["lr"], group["weight_decay"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                average = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                ahead = matrix.grad.lerp(average, momentum)
                update = orthogonal(ahead, group["ns_coefficients"], group["ns_steps"], self.dtype)
                size = 0.2 * max(matrix.shape) ** 0.5
                matrix.mul_(1 - rate * decay).add_(update.to(matrix.dtype), alpha=-rate * size)
