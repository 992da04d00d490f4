"""The adversary of a codec: stacks of convolutions that tell recordings from what the codec makes of them.

Some fold the waveform at a prime period, as in HiFi-GAN (Kong et al. 2020, arXiv 2010.05646), and hear pitch; some see
complex short-time spectra, as in EnCodec (Defossez et al. 2022, arXiv 2210.13438). DAC (Kumar et al. 2023, arXiv
2306.06546) and Vocos (Siuzdak 2023, arXiv 2306.00814) train by both. The loss is of least squares (Mao et al. 2017,
arXiv 1611.04076), with feature matching. They are narrow beside those of the papers: the time is the codec's.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_train.tasks.codec_losses import spectrum

PERIODS = (2, 3, 5, 7, 11)
# Windows in seconds: 256, 512 and 1024 samples at 16 kHz.
WINDOWS = (0.016, 0.032, 0.064)
# Speech at the usual loudness has about unit variance after this.
GAIN = 12.0


class PeriodStack(nn.Module):
    """Convolutions along every `period`th sample."""

    def __init__(self, period: int, width: int):
        super().__init__()
        self.period = period
        widths = (1, width, 2 * width, 4 * width, 8 * width)
        weighted = nn.utils.parametrizations.weight_norm
        convolutions = [weighted(nn.Conv1d(a, b, 5, 3, 2)) for a, b in pairwise(widths)]
        convolutions.append(weighted(nn.Conv1d(8 * width, 8 * width, 5, 1, 2)))
        self.layers = nn.ModuleList([*convolutions, weighted(nn.Conv1d(8 * width, 1, 3, 1, 1))])

    def forward(self, samples: Tensor) -> list[Tensor]:
        """samples (rows, samples) -> the activations of every layer, the verdict last."""
        whole = F.pad(GAIN * samples, (0, -samples.shape[1] % self.period))
        folded = whole.reshape(len(whole), -1, self.period).transpose(1, 2)
        return activations(self.layers, folded.reshape(-1, 1, folded.shape[2]))


class SpectrumStack(nn.Module):
    """Convolutions over real and imaginary parts at one resolution."""

    def __init__(self, window: int, width: int):
        super().__init__()
        self.window = window
        weighted = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList(
            [
                weighted(nn.Conv2d(2, width, (5, 3), (2, 1), (2, 1))),
                weighted(nn.Conv2d(width, width, (5, 3), (2, 1), (2, 1))),
                weighted(nn.Conv2d(width, 2 * width, (5, 3), (2, 2), (2, 1))),
                weighted(nn.Conv2d(2 * width, 2 * width, (3, 3), (2, 1), (1, 1))),
                weighted(nn.Conv2d(2 * width, 1, (3, 3), 1, 1)),
            ]
        )

    def forward(self, samples: Tensor) -> list[Tensor]:
        """samples (rows, samples) -> the activations of every layer, the verdict last."""
        values = spectrum(samples, self.window)
        x = torch.stack([values.real, values.imag], 1)
        # Loudness is the spectral loss's business; the root brings quiet harmonics into sight.
        return activations(self.layers, x / (x.square().sum(1, keepdim=True) + 1e-6).sqrt().sqrt())


def activations(layers: nn.ModuleList, x: Tensor) -> list[Tensor]:
    found: list[Tensor] = []
    for i, layer in enumerate(layers):
        x = layer(x) if i == len(layers) - 1 else F.leaky_relu(layer(x), 0.2)
        found.append(x)
    return found


class Discriminator(nn.Module):
    """A stack for each period and each window; `width` channels in their first layers."""

    def __init__(self, sample_rate: int, width: int = 32):
        super().__init__()
        windows = [2 * round(sample_rate * seconds / 2) for seconds in WINDOWS]
        self.stacks = nn.ModuleList(
            [*(PeriodStack(period, width) for period in PERIODS), *(SpectrumStack(window, width) for window in windows)]
        )

    def forward(self, samples: Tensor) -> list[list[Tensor]]:
        """samples (rows, samples) -> for each stack the activations of every layer, the verdict last."""
        return [stack(samples) for stack in self.stacks]


def discriminator_loss(real: list[list[Tensor]], reconstruction: list[list[Tensor]]) -> Tensor:
    """Least squares: real to 1, reconstruction to 0."""
    terms = [
        (r[-1].float() - 1).square().mean() + m[-1].float().square().mean()
        for r, m in zip(real, reconstruction, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(real: list[list[Tensor]], reconstruction: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """What the codec is trained by: reconstruction to 1; and the distance of its hidden activations
    from those of the real."""
    fooled = torch.stack([(m[-1].float() - 1).square().mean() for m in reconstruction]).mean()
    pairs = [
        (a.float(), b.detach().float())
        for r, m in zip(real, reconstruction, strict=True)
        for a, b in zip(m[:-1], r[:-1], strict=True)
    ]
    matching = torch.stack([(a - b).abs().mean() / b.abs().mean().clamp(min=1e-3) for a, b in pairs]).mean()
    return fooled, matching
