"""Mixers that see both sides, for networks that are not causal.

Bidirectional retention decays by distance, D[n, m] = gamma^|n - m|; on pictures the distance is that of rows plus that
of columns, as in the Manhattan decay of Fan et al. 2024 (RMT, arXiv 2309.11523). The weights, the rotary positions, the
group norm and the gate are those of `adr_models.mixers.retention`.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from adr_models.causal.backbone import SwiGLU
from adr_models.mixers.retention import MultiScaleRetention, RetentionConfig, RetentionLayer
from adr_models.mixers.rotary import RotaryAngles, rotate

Mixer = Literal["retention", "softmax"]


def distance_decay(positions: Tensor, gamma: Tensor) -> Tensor:
    """D (heads, tokens, tokens) = gamma^distance; positions float (tokens, axes), distances summed over the axes."""
    distance = (positions[:, None] - positions[None]).abs().sum(-1)
    return (gamma.log()[:, None, None] * distance).exp()


class BidirectionalRetention(RetentionLayer):
    """O = (Q K^T * D) V with a D that looks both ways."""

    def forward(self, x: Tensor, angles: Tensor, decay: Tensor) -> Tensor:
        """x (batch, tokens, width), angles (tokens, dim), decay (heads, tokens, tokens) -> the shape of x."""
        q, k, v, gate = self.project(x, angles)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        return self.finish((((q @ k.transpose(-1, -2)) * decay.to(q.dtype)) @ v).transpose(1, 2), gate)


class BidirectionalSoftmax(nn.Module):
    """Softmax attention over all tokens, with the same rotary positions: the baseline mixer."""

    def __init__(self, config: RetentionConfig):
        super().__init__()
        self.heads, self.dim = config.heads, config.width // config.heads
        self.query_key_value = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, angles: Tensor, decay: Tensor) -> Tensor:
        shape = (*x.shape[:2], self.heads, self.dim)
        q, k, v = (y.reshape(shape) for y in self.query_key_value(x).chunk(3, -1))
        q, k, v = rotate(q, angles).transpose(1, 2), rotate(k, angles).transpose(1, 2), v.transpose(1, 2)
        mixed = ((q @ k.transpose(-1, -2) * self.dim**-0.5).softmax(-1) @ v).transpose(1, 2)
        output: Tensor = self.output(mixed.reshape(x.shape))
        return output


class BidirectionalBlock(nn.Module):
    """Pre-norm mixer and feed-forward, each with a residual connection."""

    def __init__(self, config: RetentionConfig, mixer: Mixer, feedforward: int, dropout: float):
        super().__init__()
        if mixer not in ("retention", "softmax"):
            raise ValueError(f"mixer {mixer!r} is neither retention nor softmax")
        self.mixer_norm, self.feedforward_norm = (nn.RMSNorm(config.width, eps=1e-6) for _ in range(2))
        self.mixer = (BidirectionalRetention if mixer == "retention" else BidirectionalSoftmax)(config)
        self.feedforward = SwiGLU(config.width, feedforward)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, angles: Tensor, decay: Tensor) -> Tensor:
        mixed: Tensor = x + self.dropout(self.mixer(self.mixer_norm(x), angles, decay))
        output: Tensor = mixed + self.dropout(self.feedforward(self.feedforward_norm(mixed)))
        return output


class BidirectionalNetwork(nn.Module):
    """A stack of blocks over a line (tokens,) or a grid (rows, columns) of tokens in raster order.

    `stem` is the kernel of a convolution before them, 0 for none: nearby symbols tell the most, and it need not learn
    where they are (docs/design-notes.md has what that is worth). Of several `levels` of tokens on one grid, one behind
    the other, those of one place are no distance apart.
    """

    positions: Tensor
    gamma: Tensor

    def __init__(
        self, config: RetentionConfig, mixer: Mixer, layers: int, feedforward: int, dropout: float, stem: int,
        grid: tuple[int, ...], levels: int = 1,
    ):  # fmt: skip
        super().__init__()
        dim, axes = config.width // config.heads, len(grid)
        if dim % (2 * axes):
            raise ValueError(f"a head of {dim} channels cannot be rotated along {axes} axes")
        self.rotary = RotaryAngles(dim // axes)
        steps = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
        places = torch.stack([s.flatten() for s in steps], -1)
        self.register_buffer("positions", places.repeat(levels, 1), persistent=False)
        self.grid, convolution = grid, nn.Conv1d if axes == 1 else nn.Conv2d
        self.stem = convolution(config.width, config.width, stem, padding=stem // 2) if stem else None
        self.blocks = nn.ModuleList(BidirectionalBlock(config, mixer, feedforward, dropout) for _ in range(layers))
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.register_buffer("gamma", MultiScaleRetention(config).gamma.clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, tokens, width) -> the same shape."""
        if self.stem is not None:
            x = x + self.stem(torch.unflatten(x.transpose(1, 2), 2, self.grid)).flatten(2).transpose(1, 2)
        per_axis = [self.rotary(axis).chunk(2, -1) for axis in self.positions.unbind(-1)]
        angles = torch.cat([torch.cat(part, -1) for part in zip(*per_axis, strict=True)], -1)
        decay = distance_decay(self.positions.to(x.dtype), self.gamma.to(x.dtype))
        for block in self.blocks:
            x = block(x, angles, decay)
        output: Tensor = self.norm(x)
        return output
