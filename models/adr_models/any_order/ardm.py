"""Autoregressive diffusion of discrete variables in any order (Hoogeboom et al. 2022, arXiv 2110.02037).

A random order of the variables and a number t of known ones are drawn; one network sees the known values, and zeros
or coarser blocks in place of the others, and predicts all others at once. Weighted with D / (D - t), the loss is an
unbiased estimate of a bound on the log-likelihood (equation 3); over the stages of depth upscaling it adds up.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adr_models.any_order.discrete import bound_log_scale, edges, logistic_bins, logistic_interval
from adr_models.any_order.network import ARDMConfig, ARDMNetwork
from adr_models.training import RowTensors


class ARDM(ARDMNetwork):
    """The network and the objective. `step_loss` float32 (stages, D) holds the measured loss in bits of a variable when
    t are known, from which budgets are planned; zeros until it is measured."""

    step_loss: Tensor

    def __init__(self, config: ARDMConfig):
        super().__init__(config)
        self.register_buffer("step_loss", torch.zeros(self.upscaling.stages, config.dimensions))

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
        out, start, narrow = pick(out, index), torch.gather(low, 1, index), self.widths[stage + 1][:, None]
        if self.config.output == "softmax":
            return F.log_softmax(self.mask_impossible(out, start, narrow), -1)
        wide = self.widths[stage][:, None].expand_as(index)
        parts = self.mixture(out, None if candidates is None else pick(candidates, index), wide)
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
        device = generator.device
        if self.config.steps == "uniform":
            time = torch.rand(rows, generator=generator, device=device)
        else:
            offset = torch.rand(1, generator=generator, device=device)
            time = (offset + torch.arange(rows, device=device) / rows) % 1
        return ARDMDraws(time, torch.rand(rows, length, generator=generator, device=device))


def pick(x: Tensor, index: Tensor) -> Tensor:
    """What x (batch, D, each) has for some variables, index int64 (batch, count) -> (batch, count, each)."""
    return torch.gather(x, 1, index[..., None].expand(-1, -1, x.shape[-1]))


@dataclass(frozen=True)
class ARDMDraws(RowTensors):
    """time in [0, 1) chooses stage and step of each row; the ranks of `order` (rows, D) are its order."""

    time: Tensor
    order: Tensor
