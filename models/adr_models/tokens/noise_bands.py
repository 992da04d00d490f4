"""Sounds that nothing has to be learned for: their low part as it is, and above it how loud noise is, band by band.

Of a drum or an effect, the ear follows the waveform where it is low, and higher up little more than how much there is
of each band and when (perceptual noise substitution, Herre and Schulz 1998). A frame of the MDCT (`mdct`) of few
samples, so that attacks stay sharp, becomes

    its lowest `tonal` bins                 sign(X) |X|^(1/2), as they are
    `bands` bands of those above            log amplitude, from MDCT and MDST together, which no phase sways

and a token is `stride` frames in their principal axes, the last ones left out. What is decoded of a band is noise.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from adr_models.tokens.mdct import mdct_basis, pad_to
from adr_models.tokens.principal_axes import PrincipalAxes

# Amplitudes of a bin: of silence, at -70 dB, and of noise at full scale. Values are logarithms: one beyond all that was
# heard would be a bang.
SILENCE, LOUDEST = 3e-4, 1.0
# Frames of noise that are used again and again: more than a second at 22 kHz and hops of 128.
NOISE_FRAMES = 256


@dataclass(frozen=True)
class NoiseBandsConfig:
    """A token is `stride` frames of `hop` samples at `sample_rate` Hz, in `channels` principal axes. Raises ValueError
    for what no tokens can be."""

    sample_rate: int = 22050
    hop: int = 128
    stride: int = 4
    tonal: int = 32
    bands: int = 16
    channels: int = 128

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.hop, self.stride, self.bands, self.tonal) < 1:
            raise ValueError("noise_bands.sample_rate, hop, stride, tonal and bands are 1 or more")
        edges = self.edges
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError(f"noise_bands.bands: {self.bands} do not fit between bins {self.tonal} and {self.hop}")
        if not 1 <= self.channels <= self.stride * (self.tonal + self.bands):
            raise ValueError(
                f"noise_bands.channels is 1 to {self.stride * (self.tonal + self.bands)}, not {self.channels}"
            )

    @property
    def edges(self) -> list[int]:
        """The first bin of each band, and the one behind the last: each band is wider than the one before by one
        factor."""
        ratio = self.hop / self.tonal
        return [round(self.tonal * ratio ** (band / self.bands)) for band in range(self.bands + 1)]


class NoiseBandTokens(nn.Module):
    """samples <-> tokens; the decoder's state is {"overlap": (rows, hop), "noise": (rows, 1)}, the latter the place in
    the noise in frames."""

    basis: Tensor
    quadrature: Tensor
    noise: Tensor
    spread: Tensor
    weight: Tensor

    geometry = "noise_bands"

    def __init__(self, config: NoiseBandsConfig):
        super().__init__()
        self.config, self.channels = config, config.channels
        self.hop, self.delay = config.hop * config.stride, config.hop
        self.values = config.tonal + config.bands
        basis = mdct_basis(config.hop)
        widths = [high - low for low, high in pairwise(config.edges)]
        constants = {
            # Sines in place of cosines are the cosines backwards, every other one negative; the window is symmetric.
            "basis": basis, "quadrature": (basis * (1 - 2 * (torch.arange(config.hop) % 2))).flip(0),
            # Which band each bin above the tonal ones is of.
            "spread": torch.eye(config.bands).repeat_interleave(torch.tensor(widths), 1),
            "noise": torch.randn(NOISE_FRAMES, config.hop - config.tonal, generator=torch.Generator().manual_seed(0)),
        }  # fmt: skip
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)
        self.register_buffer("weight", torch.ones(config.stride * self.values))
        self.axes = PrincipalAxes(config.stride * self.values)

    @torch.no_grad()
    def fit(self, clips: list[Tensor]) -> None:
        """Measures the principal axes over training clips (samples,), after tonal values and bands have been given one
        mean square each."""
        width, count = len(self.weight), 0
        total, products = torch.zeros(width).double(), torch.zeros(width, width).double()
        for clip in clips:
            values = self.measured(pad_to(clip, self.hop)[None])[0].double()
            count, total = count + len(values), total + values.sum(0)
            products += values.T @ values
        variance = (products.diagonal() / count - (total / count) ** 2).reshape(-1, self.values)
        tonal, bands = variance[:, : self.config.tonal], variance[:, self.config.tonal :]
        weight = torch.cat([part.mean().clamp(min=1e-12).rsqrt().expand(part.shape) for part in (tonal, bands)], 1)
        self.weight.copy_(weight.reshape(-1))
        weight = self.weight.double()
        self.axes.fit(count, total * weight, products * torch.outer(weight, weight))

    def measured(self, samples: Tensor) -> Tensor:
        """samples (rows, n * hop) -> what their frames say (rows, n, stride * values)."""
        rows, config = samples.shape[0], self.config
        segments = samples.reshape(rows, -1, config.hop)
        before = torch.cat([torch.zeros_like(segments[:, :1]), segments[:, :-1]], 1)
        frames = torch.cat([before, segments], -1)
        cosines, sines = frames @ self.basis, frames @ self.quadrature
        low = cosines[..., : config.tonal]
        power = (cosines.square() + sines.square())[..., config.tonal :] / 2
        amplitudes = (power @ self.spread.T / self.spread.sum(1)).sqrt()
        values = torch.cat([low.sign() * low.abs().sqrt(), torch.log(amplitudes + SILENCE)], -1)
        return values.reshape(rows, -1, config.stride * self.values)

    def encode(self, samples: Tensor) -> Tensor:
        """samples (rows, n * hop) in [-1, 1] -> tokens (rows, n, channels); causal."""
        return self.axes.turn(self.measured(samples) * self.weight)[..., : self.channels]

    def initial_state(self, rows: int) -> dict[str, Tensor]:
        return {"overlap": self.basis.new_zeros(rows, self.config.hop), "noise": self.basis.new_zeros(rows, 1)}

    def decode(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, length, channels) -> samples (rows, length * hop), one frame late, and the new state."""
        rows, config = tokens.shape[0], self.config
        left_out = tokens.new_zeros(*tokens.shape[:2], len(self.weight) - self.channels)
        values = self.axes.turn_back(torch.cat([tokens, left_out], -1)) / self.weight
        values = values.reshape(rows, -1, self.values)
        low, logarithms = values[..., : config.tonal], values[..., config.tonal :]
        amplitudes = (logarithms.clamp(max=math.log(LOUDEST)).exp() - SILENCE).clamp(min=0)
        frames = values.shape[1]
        index = (state["noise"].long() + torch.arange(frames, device=tokens.device)) % NOISE_FRAMES
        spectrum = torch.cat([low * low.abs(), (amplitudes @ self.spread) * self.noise[index]], -1)
        pieces = spectrum @ self.basis.T
        tails = torch.cat([state["overlap"][:, None], pieces[..., config.hop :]], 1)
        samples = pieces[..., : config.hop] + tails[:, :-1]
        return samples.reshape(rows, -1), {
            "overlap": tails[:, -1], "noise": (state["noise"] + frames) % NOISE_FRAMES,
        }  # fmt: skip
