"""Depth upscaling of integers, and distributions over what one stage reveals of them.

Upscale ARDM (Hoogeboom et al. 2022, arXiv 2110.02037, section 4) writes a variable in base b, most significant digit
first, and generates digit by digit: stage s knows the block of b^(S - s) values that a variable lies in and picks one
of the b blocks inside it. With b at least the number of levels there is one stage, and that is the order-agnostic ARDM.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Stands for infinity as the edge of an interval: true infinities times a zero gradient would make NaN.
FAR = 1e3


@dataclass(frozen=True)
class Upscaling:
    """Integers from 0 to levels - 1 in base `branching`, as many digits ("stages") as that takes."""

    levels: int
    branching: int

    def __post_init__(self) -> None:
        if not self.branching >= 2 or not self.levels >= 2:
            raise ValueError(f"levels {self.levels} and branching {self.branching} must be at least 2")

    @property
    def stages(self) -> int:
        stages = 1
        while self.branching**stages < self.levels:
            stages += 1
        return stages

    def width(self, stage: int) -> int:
        """Values in a block that stage `stage` starts from."""
        return math.prod([self.branching] * (self.stages - stage))

    def widths(self) -> Tensor:
        """int64 (stages + 1,): `width` of every stage, and 1 for what the last one leaves."""
        return torch.tensor([self.width(s) for s in range(self.stages + 1)])


def logistic_interval(logits: Tensor, mean: Tensor, log_scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """log of the probability that a mixture of logistics puts on [low, high): Salimans et al. 2017 (PixelCNN++).

    logits, mean, log_scale (..., components); low < high (...), with -FAR and FAR for infinity. With a and b the
    distances of the edges from the mean in scales and w = a + b, a component puts sigmoid(a) sigmoid(b) (1 - exp(-w))
    between them. What may underflow in that is kept as an exponent and 1 - exp(-w) is a series in narrow bins: where
    digits get lost, far from the mean or at wide scales, a model learns to hide in the error.
    """
    inverse = (-log_scale).exp()
    a, b = (high[..., None] - mean) * inverse, (mean - low[..., None]) * inverse
    width = (high - low)[..., None] * inverse
    inside = torch.where(width < 0.05, width * (1 - width * (0.5 - width / 6)), 1 - torch.exp(-width))
    inside = inside / ((1 + torch.exp(-a.abs())) * (1 + torch.exp(-b.abs())))
    exponent = logits - F.relu(-a) - F.relu(-b)
    # One logarithm a variable: those of every component would be most of the cost of training.
    most, top = (x.detach().amax(-1, keepdim=True) for x in (exponent, logits))
    total = ((exponent - most).exp() * inside).sum(-1).log() + most[..., 0]
    return total - (logits - top).exp().sum(-1).log() - top[..., 0]


def logistic_bins(logits: Tensor, mean: Tensor, log_scale: Tensor, edge: Tensor) -> Tensor:
    """Probabilities of neighbouring bins between edges (..., bins + 1), float (..., bins): the same mixture with one
    exponential an edge, for the graph that predicts every bin. All bins are equally wide but those that reach to
    infinity. Sigmoids come from the exponential, because ONNX Runtime's own loses its digits in the tails."""
    inverse = (-log_scale).exp()
    z = (edge[..., None] - mean[..., None, :]) * inverse[..., None, :]
    inner = edge[..., 1:] - edge[..., :-1]
    open_ended = inner > 0.5 * FAR
    width = torch.where(open_ended, 0.0, inner).amax(-1, keepdim=True) * inverse
    narrow = torch.where(width < 0.05, width - width.square() / 2 + width**3 / 6, 1 - torch.exp(-width))
    factor = torch.where(open_ended[..., None], 1.0, narrow[..., None, :])
    e = torch.exp(-z.abs())
    more, less = 1 / (1 + e), e / (1 + e)
    below, above = torch.where(z > 0, more, less), torch.where(z > 0, less, more)
    inside = below[..., 1:, :] * above[..., :-1, :] * factor
    return (inside * logits.softmax(-1)[..., None, :]).sum(-1)


def bound_log_scale(log_scale: Tensor, levels: int, wide: Tensor | int) -> Tensor:
    """Scales from a ninth of a level to six times the block of `wide` values that is known, beyond which all inside
    it is equally likely. A gradient that leads back inside passes the bounds: what once went too far must find back."""
    widest = torch.log(torch.as_tensor(wide, device=log_scale.device) / (levels / 12)).to(log_scale.dtype)
    narrowest = torch.full_like(widest, -math.log(levels) - 1.5)
    if not torch.is_grad_enabled():
        return torch.minimum(torch.maximum(log_scale, narrowest), widest)
    bounded: Tensor = InwardClamp.apply(log_scale, narrowest, widest)
    return bounded


class InwardClamp(torch.autograd.Function):
    """clamp(x, low, high) whose gradient vanishes outside only where following it would lead further out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        ctx.save_for_backward(x, low, high)
        return torch.minimum(torch.maximum(x, low), high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, low, high = ctx.saved_tensors
        outwards = ((x > high) & (gradient < 0)) | ((x < low) & (gradient > 0))
        return torch.where(outwards, 0.0, gradient), None, None


def edges(value: Tensor, levels: int) -> Tensor:
    """The lower edge of each integer's bin on the scale where 0 is -1 and levels - 1 is 1; -FAR and FAR at the ends."""
    edge = (2 * value.to(torch.get_default_dtype()) - levels) / (levels - 1)
    edge = torch.where(value <= 0, -FAR, edge)
    return torch.where(value >= levels, FAR, edge)
