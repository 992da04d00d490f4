"""What a codec's reconstruction is judged by: spectra at several resolutions, and a small adversary.

The spectral terms are those of Parallel WaveGAN (Yamamoto et al. 2020, arXiv 1910.11480) and of DAC (Kumar et al.
2023, arXiv 2306.06546): no single window sees both the harmonics of a vowel and the burst of a consonant. The
adversary judges complex short-time spectra, as in EnCodec (Defossez et al. 2022, arXiv 2210.13438), with the least
squares loss (Mao et al. 2017, arXiv 1611.04076) and feature matching.
"""

from typing import cast

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

# Magnitudes below this are silence to the ear; their logarithms must not dominate the loss.
FLOOR = 1e-3


def spectrum(samples: Tensor, window: int) -> Tensor:
    """Complex spectra (rows, window / 2 + 1, frames) at a hop of a quarter window, in float32."""
    return torch.stft(
        samples.float(), window, window // 4, window=torch.hann_window(window, device=samples.device),
        normalized=True, return_complex=True,
    )  # fmt: skip


class SpectralLoss(nn.Module):
    """Mean over resolutions of L1 on log magnitudes, on log mel bands, and on magnitudes beside their mean."""

    def __init__(self, sample_rate: int, windows: tuple[int, ...] = (64, 128, 256, 512, 1024)):
        super().__init__()
        self.windows = windows
        # Every band spans several bins, or the lowest filters would be empty.
        self.banks = nn.ParameterList(
            nn.Parameter(
                torchaudio.functional.melscale_fbanks(
                    window // 2 + 1, 0.0, sample_rate / 2, max(window // 12, 4), sample_rate
                ),
                requires_grad=False,
            )
            for window in windows
        )

    def forward(self, reconstruction: Tensor, real: Tensor) -> Tensor:
        """Both float (rows, samples) -> a number."""
        total = reconstruction.new_zeros((), dtype=torch.float32)
        for window, bank in zip(self.windows, self.banks, strict=True):
            a, b = (spectrum(x, window).abs() for x in (reconstruction, real))
            total = total + log_distance(a, b) + relative_distance(a, b)
            total = total + log_distance(*(m.transpose(1, 2) @ bank for m in (a, b)))
        return total / len(self.windows)


def relative_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean over rows of |a - b| beside |b|."""
    rows = (a - b).flatten(1).abs().mean(1) / b.flatten(1).abs().mean(1).clamp(min=FLOOR)
    return rows.mean()


def log_distance(a: Tensor, b: Tensor) -> Tensor:
    return ((a + FLOOR).log() - (b + FLOOR).log()).abs().mean()


class Discriminator(nn.Module):
    """One small stack of convolutions for each resolution, over real and imaginary parts."""

    def __init__(self, windows: tuple[int, ...] = (128, 256, 512), width: int = 16):
        super().__init__()
        self.windows = windows
        weighted = nn.utils.parametrizations.weight_norm
        self.stacks = nn.ModuleList(
            nn.ModuleList(
                [
                    weighted(nn.Conv2d(2, width, (5, 3), (2, 1), (2, 1))),
                    weighted(nn.Conv2d(width, width, (5, 3), (2, 1), (2, 1))),
                    weighted(nn.Conv2d(width, 2 * width, (5, 3), (2, 2), (2, 1))),
                    weighted(nn.Conv2d(2 * width, 2 * width, (3, 3), (2, 1), (1, 1))),
                    weighted(nn.Conv2d(2 * width, 1, (3, 3), 1, 1)),
                ]
            )
            for _ in windows
        )

    def forward(self, samples: Tensor) -> list[list[Tensor]]:
        """samples (rows, samples) -> for each resolution the activations of every layer, the verdict last."""
        activations = []
        for window, stack in zip(self.windows, self.stacks, strict=True):
            values = spectrum(samples, window)
            # Loudness is the spectral loss's business; the root brings quiet harmonics into sight.
            x = torch.stack([values.real, values.imag], 1)
            x = x / (x.square().sum(1, keepdim=True) + 1e-6).sqrt().sqrt()
            layers = []
            last = len(cast(nn.ModuleList, stack)) - 1
            for i, layer in enumerate(cast(nn.ModuleList, stack)):
                x = layer(x) if i == last else F.leaky_relu(layer(x), 0.2)
                layers.append(x)
            activations.append(layers)
        return activations


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
