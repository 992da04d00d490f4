"""The diffusion head: a small MLP with adaptive layer norm that denoises one token given its condition z.

After Li et al. 2024 (MAR, arXiv 2406.11838), with one change for speed. There, shift, scale and gate come from
W silu(t + z), a product with 60% of the head's weights in every denoising step. Here they are a sum of two parts,

    modulation = table[t] + W silu(c(z)),

so that the first is computed once for a whole generation and the second once for each token, and a denoising step
only streams the blocks themselves. As in PixArt-alpha (Chen et al. 2023, arXiv 2310.00426) all blocks share the
timestep's part.

With `gaussian` the head also knows the exact answer for a token of independent N(0, s^2(z)) values, the Wiener filter

    E[x0 | x_t] = sqrt(alpha_bar) s^2 x_t / (alpha_bar s^2 + 1 - alpha_bar),

and the MLP learns what is left. Signs of MDCT coefficients are near random and their variances say nearly everything,
so a model that had to build this gain out of layer norms would spend most of a short training on it.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.causal.schedule import Schedule

# Bounds of log s^2, approached smoothly.
LOG_VARIANCE = 10.0


@dataclass(frozen=True)
class HeadConfig:
    """`gaussian` adds the exact prediction for N(0, s^2(z)), with s^2 learned for each channel; `jump` the noise level
    at which a step ends, beside the one where it starts (see `adr_train.tasks.distil_loss`). Where it is `shared`, the
    condition's part of the modulation is the same in all blocks, as the timestep's is."""

    width: int = 320
    blocks: int = 3
    frequencies: int = 128
    gaussian: bool = False
    jump: bool = False
    shared: bool = False


class HeadBlock(nn.Module):
    """x + gate * MLP(norm(x) * (1 + scale) + shift)."""

    def __init__(self, width: int):
        super().__init__()
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor, gate: Tensor) -> Tensor:
        change: Tensor = self.down(F.silu(self.up(modulate(x, shift, scale))))
        return x + gate * change


class DiffusionHead(nn.Module):
    """epsilon_theta(x_t, t, z), or the velocity; twice the channels where the variance is learned."""

    angular: Tensor
    signal: Tensor
    noise: Tensor

    def __init__(
        self, config: HeadConfig, channels: int, condition: int, schedule: Schedule, masked: bool = False
    ):  # fmt: skip
        """A `masked` head's condition is followed by a mask (..., channels) of those that the token has: the others are
        neither looked at nor predicted."""
        super().__init__()
        self.masked = masked
        width = config.width
        self.config, self.channels, self.prediction = config, channels, schedule.config.prediction
        self.register_buffer("signal", schedule.signal, persistent=False)
        self.register_buffer("noise", schedule.noise, persistent=False)
        octaves = torch.arange(config.frequencies, dtype=torch.float64) / config.frequencies
        self.register_buffer("angular", torch.exp(-math.log(10_000.0) * octaves).float(), persistent=False)
        self.time = nn.Sequential(nn.Linear(2 * config.frequencies, width), nn.SiLU(), nn.Linear(width, 5 * width))
        if config.jump:
            narrow = width // 4
            self.end_timestep = nn.Sequential(
                nn.Linear(2 * config.frequencies, narrow), nn.SiLU(), nn.Linear(narrow, 5 * width)
            )
        self.condition = nn.Sequential(
            nn.Linear(condition, width), nn.SiLU(), nn.Linear(width, sum(self.condition_sizes()))
        )
        self.input = nn.Linear(channels, width)
        self.blocks = nn.ModuleList(HeadBlock(width) for _ in range(config.blocks))
        self.output = nn.Linear(width, channels * (2 if schedule.config.learned_variance else 1))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        # Every block starts as the identity and the prediction starts at 0 (adaLN-Zero, Peebles and Xie 2023).
        zeroed = [self.time[-1], self.condition[-1], self.output, *([self.end_timestep[-1]] if config.jump else [])]
        for module in zeroed:
            nn.init.zeros_(cast(nn.Linear, module).weight)

    def condition_sizes(self) -> list[int]:
        """Shift, scale and gate of each block; shift and scale of the output; log s^2 of every channel."""
        blocks = 1 if self.config.shared else self.config.blocks
        return [self.config.width] * (3 * blocks + 2) + [self.channels] * self.config.gaussian

    def time_modulation(self, t: Tensor, end_timestep: Tensor | None = None) -> Tensor:
        """t int64 (steps,) -> (steps, 5 * width or 2 more): shift, scale, gate of all blocks; shift, scale of the
        output; sqrt(alpha_bar) and sqrt(1 - alpha_bar) for the Gaussian part.

        end_timestep int64 (steps,), for a head with `jump`: where a step ends, 0 for clean data and i + 1 for the noise
        of timestep i; t + 1, a step of no length, by default.
        """
        table: Tensor = self.time(self.waves(t))
        if self.config.jump:
            table = table + self.end_timestep(self.waves(t + 1 if end_timestep is None else end_timestep))
        if not self.config.gaussian:
            return table
        return torch.cat([table, self.signal[t][:, None], self.noise[t][:, None]], -1)

    def waves(self, t: Tensor) -> Tensor:
        angle = t[:, None].to(self.angular.dtype) * self.angular
        return torch.cat([angle.cos(), angle.sin()], -1)

    def condition_modulation(self, z: Tensor) -> Tensor:
        """z (..., condition) -> (..., sum of `condition_sizes`); a mask behind both."""
        size = z.shape[-1] - self.channels * self.masked
        modulation: Tensor = self.condition(z[..., :size])
        return torch.cat([modulation, z[..., size:].to(modulation.dtype)], -1) if self.masked else modulation

    def forward(self, x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """x (..., channels) with modulations that broadcast against it -> (..., channels or twice that)."""
        width, blocks = self.config.width, self.config.blocks
        mask = condition[..., -self.channels :] if self.masked else None
        if mask is not None:
            x, condition = x * mask, condition[..., : -self.channels]
        of_time = torch.split(time, [width] * 5 + [1, 1] * self.config.gaussian, -1)
        of_condition = torch.split(condition, self.condition_sizes(), -1)
        h = self.input(x)
        for i, block in enumerate(self.blocks):
            first = 0 if self.config.shared else 3 * i
            h = block(h, *(a + b for a, b in zip(of_time[:3], of_condition[first : first + 3], strict=True)))
        last = 3 if self.config.shared else 3 * blocks
        shift, scale = of_time[3] + of_condition[last], of_time[4] + of_condition[last + 1]
        output: Tensor = self.output(modulate(h, shift, scale))
        if self.config.gaussian:
            exact = self.wiener(x, of_condition[-1], of_time[5], of_time[6])
            output = torch.cat([output[..., : self.channels] + exact, output[..., self.channels :]], -1)
        if mask is None:
            return output
        return torch.cat([output[..., : self.channels] * mask, output[..., self.channels :]], -1)

    def wiener(self, x: Tensor, raw: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """The exact prediction where x0 ~ N(0, s^2): of the velocity, 0 where s is 1; of epsilon otherwise."""
        variance = torch.exp(LOG_VARIANCE * torch.tanh(raw / LOG_VARIANCE))
        total = signal * signal * variance + noise * noise
        if self.prediction == "velocity":
            return x * (signal * noise * (1 - variance) / total)
        return x * (noise / total)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
