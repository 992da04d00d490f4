"""A masked model whole: the tokens of a pyramid, a network that sees both sides, the diffusion head, the loss.

MAR with a bidirectional network (Li et al. 2024, arXiv 2406.11838): what is known of a picture's tokens gives a
condition for each of the others, and the head of ADR denoises those that are asked for, as many as one likes at a time.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from adr_models.any_order.bidirectional import BidirectionalNetwork, Mixer
from adr_models.causal.backbone import initialise
from adr_models.causal.head import DiffusionHead, HeadConfig
from adr_models.causal.schedule import Schedule, ScheduleConfig
from adr_models.causal.token_loss import token_losses
from adr_models.config import build
from adr_models.masked.masks import MaskConfig, MaskDraws, draw_masks, masks, mean_predicted
from adr_models.mixers.retention import RetentionConfig
from adr_models.tokens.pyramid import PyramidConfig, PyramidTokens
from adr_models.training import TrainableModel


@dataclass(frozen=True)
class MaskedLossConfig:
    """`draws` noise levels a predicted token, spread evenly over the timesteps; `label_dropout` trains the null label;
    known tokens are mixed with noise as in `adr_models.causal.model.LossConfig`."""

    draws: int = 4
    label_dropout: float = 0.1
    context_noise: float = 0.0


@dataclass(frozen=True)
class MaskedADRConfig:
    """Everything that shapes a model; its labels come with the data."""

    labels: tuple[str, ...] = ()
    pyramid: PyramidConfig = field(default_factory=PyramidConfig)
    mixer: Mixer = "retention"
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    layers: int = 6
    feedforward: int = 512
    dropout: float = 0.0
    head: HeadConfig = field(default_factory=HeadConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    masks: MaskConfig = field(default_factory=MaskConfig)
    loss: MaskedLossConfig = field(default_factory=MaskedLossConfig)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "MaskedADRConfig":
        """Strict: an unknown field raises ValueError that names it."""
        return build(cls, values, "model")


@dataclass(frozen=True)
class MaskedDraws(MaskDraws):
    """What a loss draws for each row: its mask; timesteps int64 (rows, length, draws) and noise (rows, length, draws,
    C); whether the label is dropped (uniform); the power of the context noise (uniform), and that noise (rows, length,
    C)."""

    t: Tensor
    epsilon: Tensor
    drop: Tensor
    power: Tensor
    context: Tensor


class MaskedADR(TrainableModel):
    """tokens and what of them is known -> conditions of all; `head` and `tokens` as those of ADR."""

    mask: Tensor | None

    def __init__(self, config: MaskedADRConfig):
        super().__init__()
        if config.head.jump:
            raise ValueError("a masked model's head makes no jumps; leave head.jump out")
        self.config, self.tokens = config, PyramidTokens(config.pyramid)
        tokens, width, classes = self.tokens, config.retention.width, len(config.labels)
        self.register_buffer("mask", tokens.mask, persistent=False)
        # A level's values are turned into axes of its own, so each has its own layer.
        self.values = nn.ModuleList(nn.Linear(n, width) for n in tokens.widths)
        self.unknown = nn.Parameter(torch.randn(width) * 0.02)
        self.place = nn.Embedding(tokens.length, width)
        # One row more than there are labels: the null label of classifier-free guidance.
        self.label = nn.Embedding(classes + 1, width) if classes else None
        self.label_out = nn.Embedding(classes + 1, width) if classes else None
        self.network = BidirectionalNetwork(
            config.retention, config.mixer, config.layers, config.feedforward, config.dropout, 0, tokens.grid,
            config.pyramid.levels,
        )  # fmt: skip
        self.apply(initialise)
        self.schedule = Schedule(config.schedule)
        self.head = DiffusionHead(config.head, tokens.channels, width, self.schedule, masked=self.mask is not None)

    @property
    def condition_width(self) -> int:
        """The numbers of a condition, its mask included."""
        return self.config.retention.width + (self.tokens.channels if self.head.masked else 0)

    def forward(self, tokens: Tensor, known: Tensor, label: Tensor | None = None) -> Tensor:
        """tokens (rows, length, C), whatever they are where `known` bool (rows, length) is False; label int64 (rows,),
        the null one being len(config.labels) -> conditions (rows, length, D), as the head takes them."""
        levels = torch.split(tokens, self.tokens.regions, 1)
        widths = self.tokens.widths
        x = torch.cat([layer(t[..., :n]) for layer, t, n in zip(self.values, levels, widths, strict=True)], 1)
        x = torch.where(known[..., None], x, self.unknown) + self.place.weight
        if self.label is not None:
            x = x + self.label(label)[:, None]
        x = self.network(x)
        if self.label_out is not None:
            x = x + self.label_out(label)[:, None]
        if self.mask is not None:
            x = torch.cat([x, self.mask.to(x.dtype).expand(x.shape[0], -1, -1)], -1)
        return x

    def loss(self, tokens: Tensor, label: Tensor | None, draws: MaskedDraws) -> Tensor:
        """Sum of the losses of the predicted tokens of tokens float (rows, length, C) with label int64 (rows,) or None,
        times what makes it that of all tokens on average."""
        config = self.config
        known, predicted = masks(draws, config.pyramid.levels)
        if label is not None:
            label = torch.where(draws.drop < config.loss.label_dropout, len(config.labels), label)
        conditions = self(self.context(tokens, draws), known, label)
        losses = token_losses(
            self.head, self.schedule, conditions[predicted], tokens[predicted], self.own_channels(predicted),
            draws.t[predicted], draws.epsilon[predicted],
        )  # fmt: skip
        share = mean_predicted(config.masks, self.tokens.regions, config.pyramid.levels) / self.tokens.length
        return losses.sum() / share

    def own_channels(self, predicted: Tensor) -> Tensor:
        """1 for the channels that the tokens of a mask bool (rows, length) have, float (tokens, 1, C), or (1,) where
        all have all."""
        if self.mask is None:
            return torch.ones(1, device=predicted.device)
        return self.mask.expand(len(predicted), -1, -1)[predicted][:, None]

    def context(self, tokens: Tensor, draws: MaskedDraws) -> Tensor:
        """What the network sees of known tokens: mostly with little noise, as those are that it made itself."""
        power = (draws.power**3 * self.config.loss.context_noise)[:, None, None]
        return (1 - power).sqrt() * tokens + power.sqrt() * draws.context

    def draw(self, rows: int, length: int, generator: torch.Generator) -> MaskedDraws:
        """The random numbers of one loss, on the generator's device."""
        config, device, channels = self.config, generator.device, self.tokens.channels
        draws, timesteps = config.loss.draws, config.schedule.timesteps
        mask = draw_masks(config.masks, rows, self.tokens.grid, config.pyramid.levels, generator)
        u = torch.rand(rows, length, 1, generator=generator, device=device)
        strata = (u + torch.arange(draws, device=device)) / draws
        return MaskedDraws(
            **vars(mask),
            t=(strata * timesteps).long().clamp(max=timesteps - 1),
            epsilon=torch.randn(rows, length, draws, channels, generator=generator, device=device),
            drop=torch.rand(rows, generator=generator, device=device),
            power=torch.rand(rows, generator=generator, device=device),
            context=torch.randn(rows, length, channels, generator=generator, device=device),
        )
