"""Guesses at unknown variables from known ones, which the network then weighs and corrects.

Normalised convolution (Knutsson and Westin 1993): a Gaussian blur of the known values over the same blur of their mask
is a weighted mean of what is known nearby, whatever the pattern of holes.

Sparse recovery: pictures are nearly sparse in the discrete cosine transform of blocks of 8 x 8, and all the more those
that were JPEG files once; sound is in blocks of 64 samples. Alternating a shrinkage of the coefficients with a
projection onto what is known of each variable, an interval, fills holes that a mean cannot. The rounds are those of
iterative shrinkage with momentum (FISTA, Beck and Teboulle 2009), thresholds, gains and momentum being learned (LISTA,
Gregor and LeCun 2010).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK, LINE_BLOCK = 8, 64


class Interpolation(nn.Module):
    """candidates (batch, D, count) and features (batch, rows, columns, features) of a partly known picture."""

    horizontal: Tensor
    vertical: Tensor

    def __init__(self, shape: tuple[int, ...], scales: tuple[float, ...], rounds: int, stages: int):
        super().__init__()
        if rounds and len(scales) < 2:
            raise ValueError("sparse recovery starts from the second of at least two scales")
        rows, columns, channels = shape
        self.channels = channels
        for name, side in (("vertical", rows), ("horizontal", columns)):
            n = torch.arange(side, dtype=torch.float64)
            distance = n[:, None] - n[None]
            kernels = torch.stack([torch.exp(-0.5 * (distance / scale) ** 2) for scale in scales])
            self.register_buffer(name, kernels.float(), persistent=False)
        # How much a variable that is only coarsely known counts, at each stage; at the first nothing is known of it.
        self.coarse = nn.Parameter(torch.full((stages, channels), -1.0))
        self.recovery = SparseRecovery(rows, columns, channels, rounds, stages) if rounds else None
        self.candidates = len(scales) + (rounds > 0)
        self.features = channels * (len(scales) + 3 * self.candidates - 1)
        # What counts as a small difference; it would drown in bfloat16 if it were not blown up.
        self.near = nn.Parameter(torch.full((stages, self.candidates), math.log(8 / 128)))

    def blur(self, x: Tensor) -> Tensor:
        """(batch, rows, columns, channels) -> (batch, channels, scales, rows, columns)."""
        x = x.permute(0, 3, 1, 2)[:, :, None]
        return self.vertical.to(x.dtype) @ x @ self.horizontal.to(x.dtype)

    def forward(self, low: Tensor, high: Tensor, known: Tensor, stage: Tensor) -> tuple[Tensor, Tensor]:
        """low and high: the least and the greatest value that each variable may have, on the scale from -1 to 1, and
        known (1 or 0), float (batch, rows, columns, channels); stage int64 (batch,)."""
        coarse = torch.where(stage[:, None] > 0, self.coarse[stage].sigmoid(), 0.0)[:, None, None].to(low.dtype)
        weight = known + (1 - known) * coarse
        total = self.blur(weight)
        mean = self.blur(weight * (low + high) / 2) / (total + 1e-4)
        candidates = mean.permute(0, 3, 4, 1, 2)
        if self.recovery is not None:
            first, *interval = (x.permute(0, 3, 1, 2) for x in (candidates[..., 1], low, high, known))
            recovered = self.recovery(first, *interval, stage).permute(0, 2, 3, 1)
            candidates = torch.cat([candidates, recovered[..., None]], -1)
        certainty = torch.log(total + 1e-4).permute(0, 3, 4, 1, 2) * 0.1
        # How far the guesses are from what is known here, and from each other, tells how good they are nearby.
        informed = 1 - (1 - known) * (stage == 0)[:, None, None, None]
        far = (-self.near[stage])[:, None, None, None].exp()
        missed = F.softsign((((low + high) / 2)[..., None] - candidates) * far) * informed[..., None]
        apart = F.softsign((candidates[..., 1:] - candidates[..., :-1]) * far[..., 1:])
        return candidates.flatten(1, 3), torch.cat([certainty, candidates, missed, apart], -1).flatten(3)


class SparseRecovery(nn.Module):
    """Learned iterative shrinkage over the block cosine transform; blocks are 8 x 8, or 64 where there is one row, as
    far as they divide the sides. Every stage has thresholds of its own: what misses fine digits only is not to be
    smoothed like a hole."""

    dct_rows: Tensor
    dct_columns: Tensor

    def __init__(self, rows: int, columns: int, channels: int, rounds: int, stages: int):
        super().__init__()
        self.tall, self.wide = math.gcd(rows, BLOCK), math.gcd(columns, BLOCK if rows > 1 else LINE_BLOCK)
        self.register_buffer("dct_rows", cosine_basis(self.tall).float(), persistent=False)
        self.register_buffer("dct_columns", cosine_basis(self.wide).float(), persistent=False)
        size = (stages, rounds, channels, 1, 1, self.tall, self.wide)
        frequency = torch.arange(self.tall)[:, None] / self.tall + torch.arange(self.wide) / self.wide
        self.threshold = nn.Parameter((-5.0 + 1.2 * frequency).expand(size).clone())
        self.threshold_missing = nn.Parameter(torch.zeros(size))
        self.gain = nn.Parameter(torch.zeros(size))
        self.momentum = nn.Parameter(torch.full((stages, rounds), 0.3))

    def forward(self, x: Tensor, low: Tensor, high: Tensor, known: Tensor, stage: Tensor) -> Tensor:
        """x, low, high, known float (batch, channels, rows, columns), stage int64 (batch,) -> an estimate of the shape
        of x."""
        batch, channels, rows, columns = x.shape
        blocks = (batch, channels, rows // self.tall, self.tall, columns // self.wide, self.wide)
        missing = 1 - known.mean((2, 3))[..., None, None, None, None]
        momentum = self.momentum[stage][..., None, None, None]
        gain = 1 + self.gain[stage]
        threshold = (self.threshold[stage] + self.threshold_missing[stage] * missing[:, None]).exp()
        before = x
        for i in range(self.momentum.shape[1]):
            x, before = x + momentum[:, i] * (x - before), x
            x = torch.clamp(x, low, high)
            y = self.dct_rows @ x.reshape(blocks).transpose(3, 4) @ self.dct_columns.T
            y = y * gain[:, i]
            y = F.relu(y - threshold[:, i]) - F.relu(-y - threshold[:, i])
            x = (self.dct_rows.T @ y @ self.dct_columns).transpose(3, 4).reshape(x.shape)
        return x


def cosine_basis(size: int) -> Tensor:
    """The orthonormal DCT-II, float64 (size, size): row k is the k-th cosine."""
    n = torch.arange(size, dtype=torch.float64)
    basis: Tensor = torch.cos(math.pi * (n[None] + 0.5) * n[:, None] / size) * (2 / size) ** 0.5
    basis[0] /= 2**0.5
    return basis
