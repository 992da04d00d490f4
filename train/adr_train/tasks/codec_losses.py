"""What a codec's reconstruction is judged by beside its adversary: spectra at several resolutions.

The terms are those of Parallel WaveGAN (Yamamoto et al. 2020, arXiv 1910.11480) and of DAC (Kumar et al. 2023, arXiv
2306.06546): no single window sees both the harmonics of a vowel and the burst of a consonant.
"""

import math

import torch
import torchaudio
from torch import Tensor, nn

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

    def __init__(self, sample_rate: int):
        super().__init__()
        # 8 to 128 ms: 128 to 2048 samples at 16 kHz.
        longest = 2 ** round(math.log2(0.128 * sample_rate))
        self.windows = tuple(longest >> halved for halved in (4, 3, 2, 1, 0))
        # Every band spans several bins, or the lowest filters would be empty.
        self.banks = nn.ParameterList(
            nn.Parameter(
                torchaudio.functional.melscale_fbanks(
                    window // 2 + 1, 0.0, sample_rate / 2, max(window // 12, 4), sample_rate
                ),
                requires_grad=False,
            )
            for window in self.windows
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
