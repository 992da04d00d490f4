"""Principal axes, half whitened.

Half of a patch's values are nearly nothing. Turned into its principal axes, and each axis divided by the root of its
standard deviation, a token has values of sizes between those of the picture and those of white noise: the head then
spends on each axis about what it shows.
"""

import torch
from torch import Tensor, nn

# The variance of values in [-1, 1] that were rounded to one of 256: no axis says anything below it.
QUANTISATION = (2 / 255) ** 2 / 12


class PrincipalAxes(nn.Module):
    """values (..., n) <-> coordinates (..., n), whose mean square over the data is 1."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("basis", torch.eye(width))
        self.register_buffer("scale", torch.ones(width))

    @torch.no_grad()
    def fit(self, count: int, total: Tensor, products: Tensor) -> None:
        """As `half_whitened`, all axes."""
        found = half_whitened(count, total, products, len(total), QUANTISATION)
        for buffer, value in zip((self.mean, self.basis, self.scale), found, strict=True):
            buffer.copy_(value)

    def turn(self, values: Tensor) -> Tensor:
        return (values - self.mean) @ self.basis / self.scale

    def turn_back(self, coordinates: Tensor) -> Tensor:
        return (coordinates * self.scale) @ self.basis.T + self.mean


def half_whitened(
    count: int, total: Tensor, products: Tensor, axes: int, floor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """From the sum float64 (n,) of `count` vectors of values and the sum (n, n) of their outer products: the mean (n,),
    the first principal axes (n, axes), and by what to divide what lies along them (axes,), a variance below the floor
    counting as that."""
    mean = total / count
    variance, vectors = torch.linalg.eigh(products / count - torch.outer(mean, mean))
    variance, vectors = variance.flip(0)[:axes].clamp(min=floor), vectors.flip(1)[:, :axes]
    # The mean square of half whitened values is that of the roots of their deviations.
    return mean, vectors, variance**0.25 * variance.sqrt().mean().sqrt()
