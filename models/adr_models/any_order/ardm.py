"""Autoregressive diffusion of discrete variables in any order (Hoogeboom et al. 2022, arXiv 2110.02037).

A random order of the variables and a number t of known ones are drawn; one network sees the known values, and zeros
or coarser blocks in place of the others, and predicts all others at once. Weighted with D / (D - t), the loss is an
unbiased estimate of a bound on the log-likelihood (equation 3); over the stages of depth upscaling it adds up.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.any_order.bidirectional import BidirectionalNetwork
from adr_models.any_order.discrete import Upscaling, bound_log_scale, edges, logistic_bins, logistic_interval
from adr_models.any_order.interpolation import Interpolation
from adr_models.any_order.unet import UNet
from adr_models.causal.backbone import initialise
from adr_models.config import build
from adr_models.mixers.retention import RetentionConfig


@dataclass(frozen=True)
class ARDMConfig:
    """`shape` is (rows, columns, channels) of the variables, (1, length, 1) for text and sound, in raster order.

    `branching` at least `levels` makes an order-agnostic ARDM, less an Upscale ARDM. `output`: a softmax over what a
    stage reveals, or a mixture of discretised logistics. The retention and softmax networks take tokens of `patch`
    (rows, columns) variables; `widths` and `blocks` shape the U-Net. `scales` are the standard deviations, in
    variables, and `rounds` the rounds of sparse recovery of `adr_models.any_order.interpolation`. `alphabet` spells the
    symbols of text ("" for raw bytes); `colour` names the transform of pixels that `adr_runtime.any_order.variables`
    undoes.
    """

    kind: Literal["image", "text", "sound"] = "image"
    shape: tuple[int, ...] = (8, 8, 1)
    levels: int = 256
    branching: int = 256
    alphabet: str = ""
    colour: Literal["none", "subtract_green"] = "none"
    sample_rate: int = 0
    output: Literal["softmax", "logistics"] = "softmax"
    components: int = 8
    network: Literal["retention", "softmax", "unet"] = "retention"
    patch: tuple[int, ...] = (1, 1)
    layers: int = 6
    stem: int = 0
    feedforward: int = 512
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    widths: tuple[int, ...] = (64, 128)
    blocks: int = 2
    dropout: float = 0.0
    scales: tuple[float, ...] = ()
    rounds: int = 0
    steps: Literal["uniform", "antithetic"] = "antithetic"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ARDMConfig":
        """Strict: an unknown field raises ValueError that names it."""
        return build(cls, values, "model")

    @property
    def dimensions(self) -> int:
        return math.prod(self.shape)


class ARDM(nn.Module):
    """The network with its inputs and outputs, and the objective. `step_loss` float32 (stages, D) holds the measured
    loss in bits of a variable when t are known, from which budgets are planned; zeros until it is measured."""

    inverse_permutation: Tensor
    widths: Tensor
    offsets: Tensor
    step_loss: Tensor

    def __init__(self, config: ARDMConfig):
        super().__init__()
        rows, columns, channels = config.shape
        self.config, self.upscaling = config, Upscaling(config.levels, config.branching)
        unet = config.network == "unet"
        tall, wide = (1, 1) if unet else config.patch
        if rows % tall or columns % wide:
            raise ValueError(f"patches of {config.patch} do not divide {config.shape}")
        self.patch, self.grid = (tall, wide), (rows // tall, columns // wide)
        width = config.widths[0] if unet else config.retention.width
        each = tall * wide * channels
        # At each variable its index where tokens are listed in raster order and variables inside each token.
        token_order = self.to_tokens(torch.arange(config.dimensions).reshape(1, *config.shape)).flatten()
        self.register_buffer("inverse_permutation", token_order.argsort(), persistent=False)
        self.register_buffer("widths", self.upscaling.widths(), persistent=False)
        self.register_buffer("step_loss", torch.zeros(self.upscaling.stages, config.dimensions))
        self.interpolation = None
        if config.scales:
            self.interpolation = Interpolation(config.shape, config.scales, config.rounds, self.upscaling.stages)
        extra = self.interpolation.features if self.interpolation else 0
        inputs = each * 2 + tall * wide * extra
        self.token = nn.Linear(inputs, width)
        self.embedding: nn.Embedding | None = None
        if config.output == "softmax":
            # One row for every block of every stage: what is known of a variable.
            blocks = sum(config.branching**s for s in range(self.upscaling.stages + 1))
            self.embedding = nn.Embedding(each * blocks, width)
            offsets = torch.tensor(
                [sum(config.branching**r for r in range(s)) for s in range(self.upscaling.stages + 1)]
            )
            self.register_buffer("offsets", offsets, persistent=False)
            self.blocks = blocks
        self.stage = nn.Embedding(self.upscaling.stages, width)
        self.network: BidirectionalNetwork | UNet
        if unet:
            self.network = UNet(width, config.widths, config.blocks, config.dropout)
        else:
            line = self.grid[0] == 1
            self.network = BidirectionalNetwork(
                config.retention, config.network, config.layers, config.feedforward, config.dropout,  # type: ignore[arg-type]
                config.stem, self.grid[1:] if line else self.grid,
            )  # fmt: skip
        # Means are sought around guesses; where a variable's block is known, its middle is one.
        candidates = self.interpolation.candidates if self.interpolation else int(self.upscaling.stages > 1)
        self.each = config.branching if config.output == "softmax" else 3 * config.components + candidates
        # Every stage has an output layer of its own: the first moves means by many levels, the last by parts of one.
        self.out = nn.Linear(width, self.upscaling.stages * each * self.each)
        if not unet:
            self.apply(initialise)
        if config.output == "logistics":
            nn.init.normal_(self.out.weight, std=0.01)
            with torch.no_grad():
                bias = self.out.bias.view(self.upscaling.stages, -1, self.each)
                bias.zero_()
                components = config.components
                mean_range = self.widths[:-1, None, None] / config.levels
                mean_range = mean_range.clamp(max=0.05 if self.interpolation else 1.0)
                bias[..., components : 2 * components] = mean_range * torch.linspace(-1, 1, components)
                bias[..., 2 * components : 3 * components] = -3.0

    def to_tokens(self, x: Tensor) -> Tensor:
        """(batch, rows, columns, features) -> (batch, tokens, features of all the variables of a token)."""
        batch, (tall, wide), (down, across) = x.shape[0], self.patch, self.grid
        x = x.reshape(batch, down, tall, across, wide, -1).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, down * across, -1)

    def hidden(self, low: Tensor, known: Tensor, stage: Tensor) -> tuple[Tensor, Tensor | None]:
        """Parameters of every variable's distribution (batch, D, each), and the interpolation's candidates.

        low int64 (batch, D): the first value of the block that each variable is known to lie in; known bool (batch, D):
        whether this stage has revealed it; stage int64 (batch,).
        """
        config = self.config
        batch, picture = low.shape[0], (low.shape[0], *config.shape)
        wide, narrow = self.widths[stage][:, None], self.widths[stage + 1][:, None]
        size = torch.where(known, narrow, wide)
        high = (low + size - 1).clamp(max=config.levels - 1)
        dtype = self.out.weight.dtype
        # The least and the greatest value that a variable may have, on the scale from -1 to 1.
        start, end = ((2 * x.to(dtype) / (config.levels - 1) - 1).reshape(picture) for x in (low, high))
        mask = known.to(dtype).reshape(picture)
        inputs, candidates = [(start + end) / 2, mask], None
        if self.interpolation is not None:
            # Sums over the picture keep float32's digits under autocast.
            with torch.autocast(low.device.type, enabled=False):
                candidates, features = self.interpolation(start, end, mask, stage)
            inputs += [features.to(dtype)]
        elif config.output == "logistics" and self.upscaling.stages > 1:
            candidates = ((start + end) / 2).reshape(batch, -1, 1)
        x = self.token(self.to_tokens(torch.cat(inputs, -1)))
        if self.embedding is not None:
            row = self.offsets[stage[:, None] + known.long()] + torch.div(low, size, rounding_mode="floor")
            row = self.to_tokens(row.reshape(picture))
            x = x + self.embedding(row + torch.arange(row.shape[-1], device=row.device) * self.blocks).sum(-2)
        x = x + self.stage(stage)[:, None]
        if isinstance(self.network, UNet):
            x = x.transpose(1, 2).reshape(batch, -1, *self.grid)
            x = self.network(x).flatten(2).transpose(1, 2)
        else:
            x = self.network(x)
        out = self.read_out(x, stage).reshape(batch, config.dimensions, self.each)
        out = out[:, self.inverse_permutation]
        return out.float() if dtype == torch.float32 else out, candidates

    def read_out(self, x: Tensor, stage: Tensor) -> Tensor:
        """(batch, tokens, width) -> (batch, tokens, parameters of all the variables of a token)."""
        stages = self.upscaling.stages
        if stages == 1:
            return self.out(x)
        weight, bias = (p.unflatten(0, (stages, -1))[stage] for p in (self.out.weight, self.out.bias))
        return x @ weight.transpose(1, 2) + bias[:, None]

    def mixture(self, out: Tensor, candidates: Tensor | None, wide: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """logits, means and log scales (..., components) of parameters (..., each), candidates (..., count) and the
        width int64 (...) of the block that each variable is known to lie in."""
        m = self.config.components
        logits, mean, log_scale = out[..., :m], out[..., m : 2 * m], out[..., 2 * m : 3 * m]
        if candidates is not None:
            base = (out[..., 3 * m :].softmax(-1) * candidates).sum(-1, keepdim=True)
            mean = base + mean
        return logits, mean, bound_log_scale(log_scale, self.config.levels, wide[..., None])

    def log_likelihood(self, values: Tensor, known: Tensor, stage: Tensor) -> Tensor:
        """values int64 (batch, D), known bool (batch, D), stage int64 (batch,) -> log of the probability of what the
        stage reveals of each variable, in nats, float (batch, D); 0 of those that are known."""
        wide, narrow = self.widths[stage][:, None], self.widths[stage + 1][:, None]
        coarse = values.div(wide, rounding_mode="floor") * wide
        fine = values.div(narrow, rounding_mode="floor") * narrow
        out, candidates = self.hidden(torch.where(known, fine, coarse), known, stage)
        unknown, levels = ~known, self.config.levels
        parts = (out, coarse, fine, narrow.expand_as(fine), wide.expand_as(fine))
        out, coarse, fine, narrow, wide = (x[unknown] for x in parts)
        if self.config.output == "softmax":
            digit = (fine - coarse).div(narrow, rounding_mode="floor")
            inside = -F.cross_entropy(self.mask_impossible(out, coarse, narrow), digit, reduction="none")
        else:
            mixture = self.mixture(out, None if candidates is None else candidates[unknown], wide)
            inside = logistic_interval(*mixture, edges(fine, levels), edges(fine + narrow, levels))
            if self.upscaling.stages > 1:
                inside = inside - logistic_interval(*mixture, edges(coarse, levels), edges(coarse + wide, levels))
        return torch.zeros(values.shape, dtype=inside.dtype, device=inside.device).masked_scatter(unknown, inside)

    def mask_impossible(self, logits: Tensor, low: Tensor, narrow: Tensor) -> Tensor:
        """Rule out blocks that begin beyond the last level: logits (..., branching) for blocks from `low` (...) on."""
        first = low[..., None] + narrow[..., None] * torch.arange(self.config.branching, device=low.device)
        return torch.where(first < self.config.levels, logits, -1e4)

    def forward(self, low: Tensor, known: Tensor, stage: Tensor, index: Tensor) -> Tensor:
        """What the network says of some variables: index int64 (batch, count) -> log-probabilities of the `branching`
        blocks inside each one's block, float (batch, count, branching). low, known and stage as in `hidden`."""
        out, candidates = self.hidden(low, known, stage)
        pick = lambda x: torch.gather(x, 1, index[..., None].expand(-1, -1, x.shape[-1]))  # noqa: E731
        out, start, narrow = pick(out), torch.gather(low, 1, index), self.widths[stage + 1][:, None]
        if self.config.output == "softmax":
            return F.log_softmax(self.mask_impossible(out, start, narrow), -1)
        wide = self.widths[stage][:, None].expand_as(index)
        parts = self.mixture(out, None if candidates is None else pick(candidates), wide)
        blocks = torch.arange(self.config.branching + 1, device=low.device)
        first = start[..., None] + narrow[..., None] * blocks
        inside = logistic_bins(*parts, edges(first, self.config.levels)).clamp(min=1e-12).log()
        return F.log_softmax(torch.where(first[..., :-1] < self.config.levels, inside, -1e4), -1)

    def loss(self, values: Tensor, draws: "ARDMDraws") -> Tensor:
        """Bits that the bound charges for values int64 (batch, D), summed over the batch: each row at one random stage
        and step, weighted with stages * D / (D - t) (equation 3, and section 4 for stages)."""
        known, stage, weight = self.masks(draws)
        bits = -self.log_likelihood(values, known, stage) / math.log(2)
        return (torch.where(known, 0.0, bits).sum(1) * weight).sum()

    def masks(self, draws: "ARDMDraws") -> tuple[Tensor, Tensor, Tensor]:
        """known bool (batch, D), stage int64 (batch,), weight float (batch,) of the rows of `draws`."""
        dimensions, stages = self.config.dimensions, self.upscaling.stages
        step = (draws.time * stages * dimensions).long().clamp(max=stages * dimensions - 1)
        stage, t = step // dimensions, step % dimensions
        rank = draws.order.argsort(1).argsort(1)
        weight = stages * dimensions / (dimensions - t).to(draws.time.dtype)
        return rank < t[:, None], stage, weight

    def draw(self, rows: int, length: int, generator: torch.Generator) -> "ARDMDraws":
        """Orders and steps for one loss. Antithetic steps are evenly spaced from one random offset on (Kingma et al.
        2021, arXiv 2107.00630, section 4), which takes most of the variance out of the loss."""
        options: dict[str, Any] = {"generator": generator, "device": generator.device}
        if self.config.steps == "uniform":
            time = torch.rand(rows, **options)
        else:
            time = (torch.rand(1, **options) + torch.arange(rows, device=generator.device) / rows) % 1
        return ARDMDraws(time, torch.rand(rows, length, **options))


@dataclass(frozen=True)
class ARDMDraws:
    """time in [0, 1) chooses stage and step of each row; the ranks of `order` (rows, D) are its order."""

    time: Tensor
    order: Tensor

    @classmethod
    def join(cls, parts: "list[ARDMDraws]") -> "ARDMDraws":
        return cls(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)))
