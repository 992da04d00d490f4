"""What both networks are made of: blocks that look both ways along a line of symbols, of any length."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from adr_models.any_order.bidirectional import BidirectionalBlock, distance_decay
from adr_models.mixers.retention import RetentionConfig, decay_rates
from adr_models.mixers.rotary import RotaryAngles


@dataclass(frozen=True)
class EncoderConfig:
    """`stem` is the kernel of the convolution before the blocks: neighbours tell the most."""

    retention: RetentionConfig = field(default_factory=lambda: RetentionConfig(128, 4, 1.0))
    layers: int = 4
    feedforward: int = 256
    stem: int = 5
    dropout: float = 0.1


class Encoder(nn.Module):
    """Bidirectional retention over symbols, behind a convolution. What is masked out is seen by nobody, so that a row
    gives the same numbers alone and beside longer ones."""

    gamma: Tensor

    def __init__(self, config: EncoderConfig):
        super().__init__()
        width, heads = config.retention.width, config.retention.heads
        self.rotary = RotaryAngles(width // heads)
        self.stem = nn.Conv1d(width, width, config.stem, padding=config.stem // 2)
        self.blocks = nn.ModuleList(
            BidirectionalBlock(config.retention, "retention", config.feedforward, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.RMSNorm(width, eps=1e-6)
        gamma = decay_rates(heads, config.retention.first_exponent).float()
        self.register_buffer("gamma", gamma, persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (rows, length, width), mask bool (rows, length) -> the shape of x."""
        x = x * mask[..., None].to(x.dtype)
        x = x + self.stem(x.transpose(1, 2)).transpose(1, 2)
        position = torch.arange(x.shape[1], device=x.device)
        angles = self.rotary(position)
        decay = distance_decay(position[:, None].to(self.gamma.dtype), self.gamma) * mask[:, None, None, :]
        for block in self.blocks:
            x = block(x, angles, decay)
        output: Tensor = self.norm(x)
        return output
