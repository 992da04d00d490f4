"""Rotary position embedding whose angles stay exact at any position (Su et al. 2021, arXiv 2104.09864).

A float32 product position * frequency has lost every digit of its phase by position 1,000,000. The position is
therefore an integer, written in base 256, and each digit looks up its cosine and sine in a table that was computed
in float64; the angle-addition formulas join the digits. The result is right to about 3e-7 at every position below
2**32, with integer and float32 operations only, so the very same graph runs in PyTorch and in ONNX.
"""

import torch
from torch import Tensor, nn

BASE = 256
DIGITS = 4


class RotaryAngles(nn.Module):
    """Cosines and sines of position * theta_i, theta_i = wavelength ** (-2 i / dim)."""

    tables: Tensor

    def __init__(self, dim: int, wavelength: float = 10_000.0):
        super().__init__()
        if dim % 2:
            raise ValueError(f"rotary needs an even head width, not {dim}")
        theta = wavelength ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        digit_value = BASE ** torch.arange(DIGITS, dtype=torch.float64)
        angle = torch.arange(BASE, dtype=torch.float64)[None, :, None] * digit_value[:, None, None] * theta
        self.register_buffer("tables", torch.cat([angle.cos(), angle.sin()], -1).float(), persistent=False)

    def forward(self, position: Tensor) -> Tensor:
        """position int64 (...), at least 0 -> (..., dim): dim/2 cosines, then dim/2 sines."""
        cos, sin = self.tables[0][position % BASE].chunk(2, -1)
        for digit in range(1, DIGITS):
            position = position // BASE
            c, s = self.tables[digit][position % BASE].chunk(2, -1)
            cos, sin = cos * c - sin * s, sin * c + cos * s
        return torch.cat([cos, sin], -1)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate x (..., length, heads, dim) by angles (..., length, dim), pairing channel i with i + dim/2."""
    cos, sin = angles.unsqueeze(-2).chunk(2, -1)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
