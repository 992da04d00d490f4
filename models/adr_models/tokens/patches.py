"""Tokens that are plain cuts of the signal: image patches in raster order, and waveform patches."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adr_models.tokens.neighbours import raster_neighbours


@dataclass(frozen=True)
class ImageConfig:
    """Images of height x width x channels in squares of `patch` pixels; a token has patch^2 * channels values. With
    `neighbours` the backbone looks at those around a token, not only at the one before."""

    height: int = 8
    width: int = 8
    channels: int = 1
    patch: int = 2
    neighbours: bool = False


class ImageTokens(nn.Module):
    """pixels in [0, 1] <-> tokens, (pixel - mean) / std with one mean and one standard deviation for the data set."""

    mean: Tensor
    std: Tensor
    neighbours: Tensor | None
    mask: Tensor | None

    geometry = "image_patch"

    def __init__(self, config: ImageConfig):
        super().__init__()
        if config.height % config.patch or config.width % config.patch:
            raise ValueError(f"{config.height} x {config.width} pixels do not divide into patches of {config.patch}")
        self.config, self.channels = config, config.patch**2 * config.channels
        self.grid = (config.height // config.patch, config.width // config.patch)
        self.length = self.grid[0] * self.grid[1]
        self.neighbours = raster_neighbours(self.grid) if config.neighbours else None
        # Every token has all channels.
        self.mask = None
        self.register_buffer("mean", torch.tensor(0.5))
        self.register_buffer("std", torch.tensor(0.5))

    def fit(self, pixels: Tensor) -> None:
        """Measures mean and standard deviation over training pixels in [0, 1]."""
        self.mean.copy_(pixels.mean())
        self.std.copy_(pixels.std().clamp(min=1e-3))

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (rows, h, width, channels), h a multiple of the patch -> tokens (rows, h / patch * columns, C)."""
        rows, p, columns = pixels.shape[0], self.config.patch, self.grid[1]
        x = (pixels - self.mean) / self.std
        x = x.reshape(rows, -1, p, columns, p, self.config.channels).transpose(2, 3)
        return x.reshape(rows, -1, self.channels)

    def initial_state(self, rows: int) -> dict[str, Tensor]:
        return {}

    def decode(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, length, C), whole rows of patches -> pixels (rows, h, width, channels), not clipped."""
        rows, p, columns = tokens.shape[0], self.config.patch, self.grid[1]
        x = (tokens * self.std + self.mean).reshape(rows, -1, columns, p, p, self.config.channels)
        return x.transpose(2, 3).reshape(rows, -1, columns * p, self.config.channels), {}


@dataclass(frozen=True)
class WaveConfig:
    """`hop` raw samples a token."""

    sample_rate: int = 8000
    hop: int = 80


class WaveTokens(nn.Module):
    """samples <-> tokens: patches of `hop` samples, divided by the data's standard deviation."""

    std: Tensor

    geometry = "wave_patch"
    delay = 0

    def __init__(self, config: WaveConfig):
        super().__init__()
        self.config, self.channels, self.hop = config, config.hop, config.hop
        self.register_buffer("std", torch.tensor(1.0))

    def fit(self, clips: list[Tensor]) -> None:
        """Measures the standard deviation over training clips (samples,)."""
        self.std.copy_(torch.cat(clips).square().mean().sqrt().clamp(min=1e-6))

    def encode(self, samples: Tensor) -> Tensor:
        """samples (rows, n * hop) -> tokens (rows, n, hop)."""
        return (samples / self.std).reshape(samples.shape[0], -1, self.config.hop)

    def initial_state(self, rows: int) -> dict[str, Tensor]:
        return {}

    def decode(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, length, hop) -> samples (rows, length * hop)."""
        return (tokens * self.std).reshape(tokens.shape[0], -1), {}
