"""A convolutional U-Net without time (Ronneberger et al. 2015, arXiv 1505.04597), as ARDM uses it on images."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))) with 3 x 3 kernels; the second convolution starts at zero."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.second.weight)
        assert self.second.bias is not None
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(self.dropout(F.silu(self.first(F.silu(self.norm(x))))))
        return x + change


def residual_blocks(width: int, count: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width, dropout) for _ in range(count)))


class UNet(nn.Module):
    """Levels of halved sides, level i with widths[i] channels and `blocks` residual blocks on the way down and as many
    on the way up. Sides must divide by 2^(levels - 1)."""

    def __init__(self, inputs: int, widths: tuple[int, ...], blocks: int, dropout: float):
        super().__init__()
        self.stem = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(residual_blocks(width, blocks, dropout) for width in widths)
        self.up = nn.ModuleList(residual_blocks(width, blocks, dropout) for width in widths[:-1])
        pairs = list(pairwise(widths))
        self.split = nn.ModuleList(nn.Conv2d(4 * fine, coarse, 1) for fine, coarse in pairs)
        self.merge = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, inputs, height, width) -> (batch, widths[0], height, width)."""
        x = self.stem(x)
        skips = []
        for i, blocks in enumerate(self.down):
            x = blocks(x)
            if i < len(self.split):
                skips.append(x)
                x = self.split[i](F.pixel_unshuffle(x, 2))
        for i in reversed(range(len(self.up))):
            x = self.up[i](skips[i] + F.pixel_shuffle(self.merge[i](x), 2))
        return F.silu(x)
