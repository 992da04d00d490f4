"""Voices as the numbers of a vocoder: a pitch, the spectrum's envelope, and how much of it is noise, in principal axes.

What WORLD (Morise, Yokomori and Ozawa 2016) finds in a recording says nearly all of a voice, and nothing has to be
learned for it. A frame has

    log2 of the pitch, times PITCH_WEIGHT    1
    cepstrum of the envelope                 `cepstrum`: log amplitude of both filters
    cepstra of what pulses and noise have    `balance` each: log amplitudes beside the envelope
    of it

so that by Parseval's theorem distances between frames are distances between log spectra, in which loudness itself
counts half. A token is several frames in their principal axes; the last ones, of which nobody hears much, are left
out. Sound comes from `source_filter`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adr_models.tokens.principal_axes import half_whitened
from adr_models.tokens.source_filter import SILENCE, SourceFilter, State

# A hundredth of the pitch then counts as much as half a decibel of the envelope.
PITCH_WEIGHT = 4.0
# What is fitted to is a part of the data: some of the rest lies a little farther out.
BEYOND = 1.1
# CheapTrick smooths an envelope, and axes that are left out smooth it more: what is finer than the balance is made so
# many times as large, which makes formants as narrow as they were. Speech sounds better for it with all axes and with a
# few of them, and so does speech of a model.
FINER = 1.3
LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class VocoderConfig:
    """A token is `stride` frames of `hop` samples at `sample_rate` Hz, in `channels` principal axes. Raises ValueError
    for what no vocoder can be."""

    sample_rate: int = 16000
    hop: int = 128
    stride: int = 4
    channels: int = 48
    cepstrum: int = 60
    balance: int = 12

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.hop, self.stride, self.balance) < 1:
            raise ValueError("vocoder.sample_rate, hop, stride and balance are 1 or more")
        if not self.balance <= self.cepstrum <= 2 * self.hop:
            raise ValueError(
                f"vocoder.cepstrum is from vocoder.balance to two hops, {self.balance} to {2 * self.hop}, not "
                f"{self.cepstrum}"
            )
        if not 1 <= self.channels <= self.stride * self.values:
            raise ValueError(f"vocoder.channels is 1 to {self.stride * self.values}, not {self.channels}")

    @property
    def values(self) -> int:
        """Numbers of a frame."""
        return 1 + self.cepstrum + 2 * self.balance


class VocoderTokens(nn.Module):
    """frames of numbers <-> tokens, and tokens -> samples."""

    cosines: Tensor
    mean: Tensor
    basis: Tensor
    scale: Tensor
    bounds: Tensor

    geometry = "vocoder"
    delay = 0

    def __init__(self, config: VocoderConfig):
        super().__init__()
        self.config, self.channels, self.hop = config, config.channels, config.hop * config.stride
        self.source = SourceFilter(config.sample_rate, config.hop, config.cepstrum)
        # Twice as many frequencies as there are numbers in a cepstrum, from 0 to half the sample rate.
        turns = torch.outer(torch.arange(config.cepstrum), torch.linspace(0, torch.pi, 2 * config.cepstrum))
        self.register_buffer("cosines", turns.cos(), persistent=False)
        width = config.stride * config.values
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("basis", torch.eye(width)[:, : config.channels].clone())
        self.register_buffer("scale", torch.ones(config.channels))
        self.register_buffer("bounds", torch.full((config.channels,), 10.0))

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Principal axes of frames float (frames, values), as many as a whole number of tokens has. Axes are half
        whitened, as those of pictures are (`principal_axes`): the first ones count for more."""
        rows = values.reshape(-1, self.config.stride * self.config.values).double()
        mean, vectors, scale = half_whitened(len(rows), rows.sum(0), rows.T @ rows, self.channels, LEAST_VARIANCE)
        # A vector's sign is anybody's choice: here its largest number is positive.
        largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
        for buffer, value in ((self.mean, mean), (self.basis, vectors * largest.sign()), (self.scale, scale)):
            buffer.copy_(value)
        self.bounds.copy_(BEYOND * self.encode(values[None])[0].abs().amax(0))

    def encode(self, values: Tensor) -> Tensor:
        """Frames float (rows, tokens * stride, values) -> tokens (rows, tokens, channels)."""
        rows = values.reshape(len(values), -1, self.config.stride * self.config.values)
        return ((rows - self.mean) @ self.basis) / self.scale

    def initial_state(self, rows: int) -> State:
        """That of `SourceFilter`."""
        return self.source.initial_state(self.mean, rows)

    def decode(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """tokens (rows, length, channels) -> samples (rows, length * hop), and the new state. What lies beyond all that
        was measured would be a bang, since the numbers are logarithms of loudness: it is cut off."""
        config = self.config
        tokens = torch.minimum(torch.maximum(tokens, -self.bounds), self.bounds)
        values = (tokens * self.scale) @ self.basis.T + self.mean
        # len() would be a number to torch.export, which then traces all of this twice.
        values = values.reshape(tokens.shape[0], -1, config.values)
        pitch, envelope = values[..., :1] / PITCH_WEIGHT, self.finer(values[..., 1 : 1 + config.cepstrum])
        rest = envelope[..., config.balance :]
        # Controls are counted from silence.
        loudness = torch.cat([envelope[..., :1] - SILENCE, envelope[..., 1 : config.balance]], -1)
        pulses, noise = values[..., 1 + config.cepstrum :].chunk(2, -1)
        controls = torch.cat([pitch, loudness + pulses, rest, loudness + noise, rest], -1)
        samples: Tensor
        samples, present = self.source(controls, state)
        return samples, present

    def finer(self, envelope: Tensor) -> Tensor:
        """Cepstra float (rows, frames, `cepstrum`) with narrower formants (FINER), whose power is what it was."""
        balance = self.config.balance
        narrow = torch.cat([envelope[..., :balance], FINER * envelope[..., balance:]], -1)
        was, now = (log_sum_exp(2 * cepstra @ self.cosines) for cepstra in (envelope, narrow))
        return torch.cat([narrow[..., :1] - (now - was) / 2, narrow[..., 1:]], -1)


def log_sum_exp(x: Tensor) -> Tensor:
    """Of the last dimension, which becomes 1. torch.logsumexp is exported as an operator that no other graph has."""
    largest = x.amax(-1, keepdim=True)
    return (x - largest).exp().sum(-1, keepdim=True).log() + largest
