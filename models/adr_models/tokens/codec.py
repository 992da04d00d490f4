"""A learned codec of sound: a causal convolutional variational autoencoder (Kingma and Welling 2014, arXiv 1312.6114).

    encoder   samples -> frames of `hop` samples (a convolution of kernel 2 hop, stride hop) -> blocks -> every
              `stride` frames merged into one -> blocks -> mean and log variance of a latent
    decoder   the mirror image: latents -> blocks -> `stride` frames each -> blocks -> a transposed convolution of
              kernel 2 hop, stride hop, straight to samples (as WaveNeXt, Okamoto et al. 2023)

Blocks are ConvNeXt (Liu et al. 2022, arXiv 2201.03545) with a causal depthwise convolution, whose last kernel - 1
inputs are an explicit state: decoding in chunks equals decoding at once. A latent depends on no later sample, and its
samples are complete as soon as it is decoded: the codec has no delay beyond the latent itself.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = dict[str, Tensor]
# Clips that are encoded at once to measure latents.
TOGETHER = 32


@dataclass(frozen=True)
class CodecConfig:
    """A token is `stride` frames of `hop` samples, described by `channels` numbers. `coarse` blocks work at the rate
    of tokens and `fine` ones at the rate of frames, in the encoder and in the decoder each."""

    sample_rate: int = 8000
    hop: int = 64
    stride: int = 4
    channels: int = 24
    width: int = 192
    hidden: int = 576
    kernel: int = 7
    coarse: int = 2
    fine: int = 4


class CausalBlock(nn.Module):
    """x + scale * MLP(norm(depthwise causal convolution of x))."""

    def __init__(self, width: int, hidden: int, kernel: int):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x (rows, length, width), past (rows, kernel - 1, width) -> the same shape as x, and the new past."""
        with_past = torch.cat([past, x], 1)
        h = self.depthwise(with_past.transpose(1, 2)).transpose(1, 2)
        h = self.down(F.gelu(self.up(self.norm(h))))
        return x + self.scale * h, with_past[:, x.shape[1] :]


class Encoder(nn.Module):
    def __init__(self, config: CodecConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.frame = nn.Linear(2 * config.hop, width)
        self.fine = nn.ModuleList(CausalBlock(width, config.hidden, config.kernel) for _ in range(config.fine))
        self.merge = nn.Linear(config.stride * width, width)
        self.coarse = nn.ModuleList(CausalBlock(width, config.hidden, config.kernel) for _ in range(config.coarse))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.output = nn.Linear(width, 2 * config.channels)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """samples (rows, tokens * stride * hop) -> mean and log variance (rows, tokens, channels)."""
        rows, config = samples.shape[0], self.config
        segments = samples.reshape(rows, -1, config.hop)
        before = torch.cat([torch.zeros_like(segments[:, :1]), segments[:, :-1]], 1)
        x = self.frame(torch.cat([before, segments], -1))
        silent = x.new_zeros(rows, config.kernel - 1, config.width)
        for block in self.fine:
            x, _ = block(x, silent)
        x = self.merge(x.reshape(rows, -1, config.stride * config.width))
        for block in self.coarse:
            x, _ = block(x, silent)
        mean, log_variance = self.output(self.norm(x)).chunk(2, -1)
        return mean, log_variance.clamp(-12.0, 4.0)


class Decoder(nn.Module):
    def __init__(self, config: CodecConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.input = nn.Linear(config.channels, width)
        self.coarse = nn.ModuleList(CausalBlock(width, config.hidden, config.kernel) for _ in range(config.coarse))
        self.split = nn.Linear(width, config.stride * width)
        self.fine = nn.ModuleList(CausalBlock(width, config.hidden, config.kernel) for _ in range(config.fine))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.output = nn.Linear(width, 2 * config.hop)
        # Both halves of the first windows are as loud as speech; a larger start overshoots for many steps.
        nn.init.normal_(self.output.weight, std=0.003)

    def initial_state(self, rows: int) -> State:
        """Zeros: {"{block}.conv": (rows, kernel - 1, width), "overlap": (rows, hop)}."""
        blocks, reach = self.config.coarse + self.config.fine, self.config.kernel - 1
        zeros = self.output.weight.new_zeros
        state = {f"{i}.conv": zeros(rows, reach, self.config.width) for i in range(blocks)}
        return state | {"overlap": zeros(rows, self.config.hop)}

    def forward(self, latents: Tensor, state: State) -> tuple[Tensor, State]:
        """latents (rows, tokens, channels) -> samples (rows, tokens * stride * hop), and the new state."""
        rows, config = latents.shape[0], self.config
        x, present = self.input(latents), {}
        for i, block in enumerate([*self.coarse, *self.fine]):
            if i == config.coarse:
                x = self.split(x).reshape(rows, -1, config.width)
            x, present[f"{i}.conv"] = block(x, state[f"{i}.conv"])
        heads, tails = self.output(self.norm(x)).chunk(2, -1)
        tails = torch.cat([state["overlap"][:, None].to(tails.dtype), tails], 1)
        samples = heads + tails[:, :-1]
        return samples.reshape(rows, -1), present | {"overlap": tails[:, -1]}


class CodecTokens(nn.Module):
    """samples <-> tokens: latents with each channel at mean 0 and standard deviation 1 over the training data."""

    mean: Tensor
    std: Tensor

    geometry = "codec_latent"
    delay = 0

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.config, self.channels, self.hop = config, config.channels, config.hop * config.stride
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("std", torch.ones(config.channels))

    @torch.no_grad()
    def fit(self, clips: list[Tensor]) -> None:
        """Measures every channel's mean and standard deviation over training clips (samples,)."""
        clips, latents = sorted(clips, key=len), []
        for group in (clips[i : i + TOGETHER] for i in range(0, len(clips), TOGETHER)):
            samples = nn.utils.rnn.pad_sequence(group, batch_first=True)
            means = self.encoder(F.pad(samples, (0, -samples.shape[1] % self.hop)))[0]
            # The encoder is causal: what pads a clip changes none of its tokens.
            latents += [row[: -(-len(clip) // self.hop)] for row, clip in zip(means, group, strict=True)]
        every = torch.cat(latents)
        self.mean.copy_(every.mean(0))
        self.std.copy_(every.std(0).clamp(min=1e-3))

    def encode(self, samples: Tensor) -> Tensor:
        """samples (rows, n * hop) in [-1, 1] -> tokens (rows, n, channels): the latents' means; causal."""
        latents: Tensor = self.encoder(samples)[0]
        return (latents - self.mean) / self.std

    def initial_state(self, rows: int) -> State:
        return self.decoder.initial_state(rows)

    def decode(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """tokens (rows, length, channels) -> samples (rows, length * hop), and the new state."""
        samples, present = self.decoder(tokens * self.std + self.mean, state)
        return samples, present
