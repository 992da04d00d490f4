"""The causal baseline of any-order models: the same variables, predicted one after the other in raster order.

The backbone is ADR's (`adr_models.causal.backbone`) with discrete inputs. A token is one symbol, or one pixel with its
channels, which follow each other by means that are linear in the channels before (PixelCNN++, Salimans et al. 2017).
"""

import math
from dataclasses import dataclass, field, fields
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.any_order.discrete import bound_log_scale, edges, logistic_interval
from adr_models.causal.backbone import Backbone, BackboneConfig, State
from adr_models.config import build
from adr_models.mixers.retention import Form
from adr_models.training import RowTensors, TrainableModel


@dataclass(frozen=True)
class CausalConfig:
    """Variables as in `adr_models.any_order.network.ARDMConfig`; the backbone's channels and grid follow from them."""

    kind: Literal["image", "text", "sound"] = "image"
    shape: tuple[int, ...] = (8, 8, 1)
    levels: int = 256
    alphabet: str = ""
    colour: Literal["none", "subtract_green"] = "none"
    sample_rate: int = 0
    output: Literal["softmax", "logistics"] = "softmax"
    components: int = 8
    backbone: BackboneConfig = field(default_factory=BackboneConfig)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "CausalConfig":
        """Strict: an unknown field raises ValueError that names it."""
        return build(cls, values, "model")

    @property
    def dimensions(self) -> int:
        return math.prod(self.shape)


class Causal(TrainableModel):
    """values -> bits, exactly: no bound is involved."""

    def __init__(self, config: CausalConfig):
        super().__init__()
        rows, columns, channels = config.shape
        if config.output == "softmax" and channels > 1:
            raise ValueError("a softmax predicts one channel; use output logistics")
        self.config, self.channels = config, channels
        backbone = {f.name: getattr(config.backbone, f.name) for f in fields(config.backbone)}
        backbone |= {
            "channels": config.levels if config.output == "softmax" else channels,
            "grid": (rows, columns) if config.kind == "image" else (),
        }
        self.backbone = Backbone(BackboneConfig(**backbone))
        per = 3 * channels * config.components + channels * (channels - 1) // 2
        self.out = nn.Linear(config.backbone.retention.width, config.levels if config.output == "softmax" else per)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        if config.output == "logistics":
            with torch.no_grad():
                bias = self.out.bias[: 3 * channels * config.components].view(channels, 3, config.components)
                bias[:, 1] = torch.linspace(-1, 1, config.components)
                bias[:, 2] = -2.0

    def inputs(self, values: Tensor) -> Tensor:
        """values int64 (batch, tokens, channels) -> what the backbone reads (batch, tokens, features)."""
        if self.config.output == "softmax":
            return F.one_hot(values[..., 0], self.config.levels).to(self.out.weight.dtype)
        return 2 * values.to(self.out.weight.dtype) / (self.config.levels - 1) - 1

    def log_likelihood(self, values: Tensor) -> Tensor:
        """values int64 (batch, D) -> log-probabilities in nats (batch, D), each given all variables before it."""
        tokens = values.reshape(len(values), -1, self.channels)
        x = self.inputs(tokens)
        before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
        form: Form = "parallel" if tokens.shape[1] <= 256 else "chunkwise"
        out = self.out(self.backbone(before, form=form)[0]).float()
        if self.config.output == "softmax":
            return -F.cross_entropy(out.flatten(0, 1), values.flatten(), reduction="none").reshape(values.shape)
        per_channel = []
        for channel in range(self.channels):
            parts = self.mixture(out, x.float(), channel)
            value = tokens[..., channel]
            low, high = edges(value, self.config.levels), edges(value + 1, self.config.levels)
            per_channel.append(logistic_interval(*parts, low, high))
        return torch.stack(per_channel, -1).flatten(1)

    def mixture(self, out: Tensor, x: Tensor, channel: int) -> tuple[Tensor, Tensor, Tensor]:
        """The logistics of one channel given those before it: out (..., per), x (..., channels)."""
        channels, components = self.channels, self.config.components
        size = 3 * channels * components
        parameters = torch.unflatten(out[..., :size], -1, (channels, 3, components))
        logits, mean, log_scale = parameters[..., channel, :, :].unbind(-2)
        first = size + channel * (channel - 1) // 2
        slopes = out[..., first : first + channel]
        mean = mean + (slopes * x[..., :channel]).sum(-1, keepdim=True)
        return logits, mean, bound_log_scale(log_scale, self.config.levels, self.config.levels)

    def loss(self, values: Tensor, draws: "NoDraws | None" = None) -> Tensor:
        """Bits, summed over the batch."""
        return -self.log_likelihood(values).sum() / math.log(2)

    def draw(self, rows: int, length: int, generator: torch.Generator) -> "NoDraws":
        return NoDraws()

    def step(self, before: Tensor, state: State, form: Form = "recurrent") -> tuple[Tensor, State]:
        """One token's inputs (batch, features) -> the parameters of the next one's distribution, and the state."""
        condition, state = self.backbone.step(before, None, state, form)
        return self.out(condition), state


@dataclass(frozen=True)
class NoDraws(RowTensors):
    """The random numbers of a loss that needs none."""
