"""Recordings to the sound that is heard in each frame, trained on speech whose phones are known; a text is then laid
over a recording by the likeliest path through these frames."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from adr_runtime.spoken_text.aligner import HOP, RATE, SOUNDS
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.any_order.baseline import NoDraws
from adr_models.config import build
from adr_models.training import TrainableModel

# Samples of a window, and the bands of its spectrum, from this frequency (Hz) up to the highest.
WINDOW, MELS, LOWEST = 2 * HOP, 32, 80.0
# Power of a band, of a recording whose mean power is 1, below which nothing is told apart.
FLOOR = 0.03


@dataclass(frozen=True)
class AlignerConfig:
    """A block for each of the `dilations` of a convolution with this `kernel`, in frames. `altered` is the part of the
    recordings that training puts into rooms, and the part that it takes high frequencies from."""

    width: int = 96
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.1
    altered: float = 0.5

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AlignerConfig":
        return build(cls, values, "model")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def mel_bands() -> Tensor:
    """float32 (WINDOW // 2 + 1, MELS): triangles of height 1 whose corners are even on the mel scale
    (2595 log10(1 + f / 700)), over the frequencies of a window."""
    low, high = (2595 * math.log10(1 + frequency / 700) for frequency in (LOWEST, RATE / 2))
    corners = 700 * (10 ** (torch.linspace(low, high, MELS + 2, dtype=torch.float64) / 2595) - 1)
    frequencies = torch.linspace(0, RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


class LogMel(nn.Module):
    """Logarithms of the power in each band of each frame, by a convolution, so that graphs can hold it. How loud the
    whole recording is makes no difference."""

    dft: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        time, bins = torch.arange(WINDOW, dtype=torch.float64), torch.arange(WINDOW // 2 + 1)[:, None]
        angles = 2 * math.pi / WINDOW * time * bins
        window = torch.hann_window(WINDOW, dtype=torch.float64)
        dft = torch.cat([angles.cos(), angles.sin()]) * window
        self.register_buffer("dft", dft[:, None].float(), persistent=False)
        self.register_buffer("bands", mel_bands(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """samples (rows, samples) -> (rows, samples // HOP, MELS); the window of a frame is centred on its hop."""
        level = (samples.square().mean(1, keepdim=True) + 1e-10).sqrt()
        spectra = F.conv1d((samples / level)[:, None], self.dft, stride=HOP, padding=(WINDOW - HOP) // 2)
        real, imaginary = spectra.chunk(2, 1)
        return ((real.square() + imaginary.square()).transpose(1, 2) @ self.bands + FLOOR).log()


class AlignerBlock(nn.Module):
    """A dilated convolution over frames, with a residual connection."""

    def __init__(self, config: AlignerConfig, dilation: int):
        super().__init__()
        width, reach = config.width, dilation * (config.kernel // 2)
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.mix = nn.Conv1d(width, width, config.kernel, padding=reach, dilation=dilation)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (rows, frames, width) -> the same shape."""
        mixed = self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        output: Tensor = x + self.dropout(self.out(F.gelu(mixed)))
        return output


class AlignerModel(TrainableModel):
    """Log-probabilities of `SOUNDS` in each frame of a recording."""

    def __init__(self, config: AlignerConfig):
        super().__init__()
        self.config = config
        self.log_mel = LogMel()
        self.stem = nn.Linear(MELS, config.width)
        self.blocks = nn.ModuleList(AlignerBlock(config, dilation) for dilation in config.dilations)
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.out = nn.Linear(config.width, len(SOUNDS))

    def forward(self, samples: Tensor) -> Tensor:
        """samples float (rows, samples) at `RATE` -> float (rows, samples // HOP, sounds)."""
        return self.classify(self.log_mel(samples))

    def classify(self, bands: Tensor) -> Tensor:
        """What `LogMel` makes of whole recordings -> log-probabilities. Bands count from their mean over the recording,
        in standard deviations, so that neither microphone nor room make a difference that lasts."""
        centred = bands - bands.mean(1, keepdim=True)
        x = self.stem(centred / (centred.square().mean(1, keepdim=True) + 0.1).sqrt())
        for block in self.blocks:
            x = block(x)
        return F.log_softmax(self.out(self.norm(x)), -1)

    def loss(self, samples: Tensor, sounds: Tensor, warp: Tensor) -> Tensor:
        """Nats, summed over the frames: sounds int64 (rows, frames); `warp` float (rows,) is what the numbers of the
        bands are multiplied by, as by a shorter or longer throat."""
        log_p = self.classify(warped(self.log_mel(samples), warp)).float()
        return F.nll_loss(log_p.flatten(0, 1), sounds.flatten(), reduction="sum")

    def draw(self, rows: int, length: int, generator: torch.Generator) -> NoDraws:
        return NoDraws()


def warped(bands: Tensor, warp: Tensor) -> Tensor:
    """bands (rows, frames, MELS) read at the places number * warp (rows,), on straight lines between two bands; those
    beyond the highest are as the highest."""
    places = (torch.arange(bands.shape[-1], device=bands.device) * warp[:, None]).clamp(max=bands.shape[-1] - 1)
    distance = (places[:, None, :] - torch.arange(bands.shape[-1], device=bands.device)[:, None]).abs()
    return bands @ (1 - distance).clamp(min=0).to(bands.dtype)
