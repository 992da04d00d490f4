"""Tokens of a pyramid: a thumbnail first, then its details, level by level, each on the same grid of regions.

A picture in luma and chroma is halved `levels` - 1 times by the Haar wavelet. The thumbnail's regions are the tokens
of level 0, in raster order; those of level k are the details that double its size for the k-th time, cut into the same
regions. All tokens have the channels of the widest level; `mask` says which of them a level has, the others are 0.

Each level is turned into its principal axes. Where `fine_chroma` is off, the last level has luma alone; what that
costs is in the design notes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adr_models.tokens.haar import colour_axes, haar_join, haar_split
from adr_models.tokens.neighbours import pyramid_neighbours
from adr_models.tokens.principal_axes import PrincipalAxes

# Pictures that are looked at at a time.
CHUNK = 500
MAX_LEVELS = 8


@dataclass(frozen=True)
class PyramidConfig:
    """Pictures of height x width x channels in square regions of `region` pixels, a multiple of 2^(levels - 1)."""

    height: int = 32
    width: int = 32
    channels: int = 3
    region: int = 8
    levels: int = 3
    fine_chroma: bool = False


class PyramidTokens(nn.Module):
    """pixels in [0, 1] <-> tokens (rows, levels * regions, C)."""

    colours: Tensor
    neighbours: Tensor
    mask: Tensor | None

    geometry = "pyramid"

    def __init__(self, config: PyramidConfig):
        super().__init__()
        if not 2 <= config.levels <= MAX_LEVELS:
            raise ValueError(f"a pyramid has from 2 to {MAX_LEVELS} levels, not {config.levels}")
        side = 1 << (config.levels - 1)
        if config.region % side or config.height % config.region or config.width % config.region:
            raise ValueError(
                f"{config.height} x {config.width} pixels do not divide into regions of {config.region}, or these not "
                f"into {config.levels} levels"
            )
        self.config, self.cell = config, config.region // side
        self.grid = (config.height // config.region, config.width // config.region)
        self.regions = self.grid[0] * self.grid[1]
        self.widths = [self.level_width(level) for level in range(config.levels)]
        self.channels = max(self.widths)
        levels, channels = config.levels, self.channels
        self.axes = nn.ModuleList(PrincipalAxes(width) for width in self.widths)
        self.register_buffer("colours", colour_axes(config.channels), persistent=False)
        self.length, self.neighbours = levels * self.regions, pyramid_neighbours(self.grid, levels)
        mask = (torch.arange(channels) < torch.tensor(self.widths)[:, None]).float()
        self.mask = None if len(set(self.widths)) == 1 else mask.repeat_interleave(self.regions, 0)

    def level_width(self, level: int) -> int:
        """Values of a token of a level."""
        if level == 0:
            return self.cell**2 * self.config.channels
        last = level == self.config.levels - 1 and not self.config.fine_chroma
        return 3 * (self.cell << (level - 1)) ** 2 * (1 if last else self.config.channels)

    def split(self, pixels: Tensor) -> list[Tensor]:
        """pixels (rows, height, width, channels) -> each level's values (rows, regions, its width), as they are."""
        x, parts = (2 * pixels - 1) @ self.colours.T, []
        for level in range(self.config.levels - 1, 0, -1):
            x, details = haar_split(x)
            parts.append(self.cut(details.flatten(3), level) if self.all_channels(level) else
                         self.cut(details[..., 0], level))  # fmt: skip
        return [self.cut(x, 0), *reversed(parts)]

    def all_channels(self, level: int) -> bool:
        return self.config.fine_chroma or level < self.config.levels - 1

    def side(self, level: int) -> int:
        """Pixels along a region of a level."""
        return self.cell << max(level - 1, 0)

    def cut(self, x: Tensor, level: int) -> Tensor:
        """(rows, h, w, values) -> (rows, regions, side * side * values)."""
        rows, (down, across), side = x.shape[0], self.grid, self.side(level)
        x = x.reshape(rows, down, side, across, side, x.shape[-1]).transpose(2, 3)
        return x.reshape(rows, self.regions, -1)

    def paste(self, x: Tensor, level: int) -> Tensor:
        """The inverse of `cut`."""
        rows, (down, across), side = x.shape[0], self.grid, self.side(level)
        x = x.reshape(rows, down, across, side, side, -1).transpose(2, 3)
        return x.reshape(rows, down * side, across * side, -1)

    @torch.no_grad()
    def fit(self, pixels: Tensor) -> None:
        """Measures each level's mean, principal axes and scales over training pixels in [0, 1]."""
        sums = [torch.zeros(n, dtype=torch.float64) for n in self.widths]
        products = [torch.zeros(n, n, dtype=torch.float64) for n in self.widths]
        for a in range(0, len(pixels), CHUNK):
            for level, values in enumerate(self.split(pixels[a : a + CHUNK])):
                flat = values.flatten(0, 1).double()
                sums[level] += flat.sum(0)
                products[level] += flat.T @ flat
        for level, axes in enumerate(self.level_axes()):
            axes.fit(len(pixels) * self.regions, sums[level], products[level])

    def level_axes(self) -> list[PrincipalAxes]:
        """The axes of each level."""
        return [axes for axes in self.axes if isinstance(axes, PrincipalAxes)]

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (rows, height, width, channels) -> tokens (rows, levels * regions, C)."""
        tokens = []
        for axes, values in zip(self.level_axes(), self.split(pixels), strict=True):
            x = axes.turn(values)
            tokens.append(torch.cat([x, x.new_zeros(*x.shape[:2], self.channels - x.shape[-1])], -1))
        return torch.cat(tokens, 1)

    def initial_state(self, rows: int) -> dict[str, Tensor]:
        return {}

    def decode(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, levels * regions, C) -> pixels (rows, height, width, channels), not clipped. A level
        whose tokens are all 0 has the mean details, which are next to none."""
        x = tokens[:, :0, 0]
        for level, axes in enumerate(self.level_axes()):
            own = tokens[:, level * self.regions : (level + 1) * self.regions, : self.widths[level]]
            pasted = self.paste(axes.turn_back(own), level)
            if level == 0:
                x = pasted
                continue
            details = pasted.reshape(*pasted.shape[:3], 3, -1)
            if not self.all_channels(level):
                details = torch.cat([details, *[torch.zeros_like(details)] * (self.config.channels - 1)], -1)
            x = haar_join(x, details)
        return (x @ self.colours + 1) / 2, {}
