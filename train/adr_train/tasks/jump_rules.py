"""Rules by which a head learns jumps from any noise level to any lower one: what is off about the velocity that it
predicts for one.

A jump rotates by that velocity (`adr_train.tasks.distil_loss`). The flow's own is off by nothing under each rule, but
for what a difference of one level makes of a derivative.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def rotate(x: Tensor, velocity: Tensor, angle: Tensor) -> Tensor:
    return angle.cos() * x - angle.sin() * velocity


@dataclass(frozen=True)
class Jump:
    """Jumps from x (tokens, draws, C) at `level` to `end`, int64 (tokens, draws), by the velocity that the student
    predicts; where each is halved, uniform; and the phase of every level."""

    x: Tensor
    level: Tensor
    end: Tensor
    prediction: Tensor
    middle: Tensor
    phases: Tensor

    def angle(self, level: Tensor, end: Tensor) -> Tensor:
        return (self.phases[level] - self.phases[end])[..., None]


# Velocity of x (tokens, draws, C) from a level to an end, with or without gradient; and what is off about a jump's, of
# the same shape: 0 for the flow's own, and its square is the loss.
Velocity = Callable[[Tensor, Tensor, Tensor, bool], Tensor]
Rule = Callable[[Jump, Velocity], Tensor]
# What is off by much more than this counts as 1: so are derivatives of a head that knows no jumps yet.
BOUND = 1.0


def halves(jump: Jump, velocity: Velocity) -> Tensor:
    """Against where two jumps land, without gradient."""
    middle = jump.end + 1 + ((jump.level - jump.end - 1).clamp(min=0) * jump.middle).long()
    middle = torch.minimum(middle, jump.level)
    with torch.no_grad():
        halfway = rotate(jump.x, velocity(jump.x, jump.level, middle, False), jump.angle(jump.level, middle))
        landed = rotate(halfway, velocity(halfway, middle, jump.end, False), jump.angle(middle, jump.end))
        length = jump.angle(jump.level, jump.end)
        mean = (length.cos() * jump.x - landed) / length.sin().clamp(min=1e-4)
    return jump.prediction - mean


def lagrangian(jump: Jump, velocity: Velocity) -> Tensor:
    """Where a jump lands moves with its end as the flow does there (Boffi, Albergo, Vanden-Eijnden 2025, arXiv
    2505.18825): a difference of one level against the student's own slope, which has no gradient."""
    before = jump.end + 1
    near = rotate(jump.x, velocity(jump.x, jump.level, before, True), jump.angle(jump.level, before))
    landed = rotate(jump.x, jump.prediction, jump.angle(jump.level, jump.end))
    # Nothing is drawn at level 0, where slopes are not learned.
    there = jump.end.clamp(min=1)
    with torch.no_grad():
        slope = velocity(landed, there, there, False)
    return (near - landed) / jump.angle(before, jump.end) - slope


def mean_flow(jump: Jump, velocity: Velocity) -> Tensor:
    """Where a jump lands is the same from all along the way (Geng et al. 2025, arXiv 2505.13447; on the rotation, and
    bounded, as in sCM): a difference of one level, without gradient."""
    behind, length = jump.level - 1, jump.angle(jump.level, jump.end)
    with torch.no_grad():
        slope = velocity(jump.x, jump.level, jump.level, False)
        step = jump.angle(jump.level, behind)
        moved = velocity(rotate(jump.x, slope, step), behind, jump.end, False)
        change = (jump.prediction - moved) / step
        off = length.cos() * (jump.prediction - slope) + length.sin() * (jump.x + change)
        target = jump.prediction - off / (off.square().mean(-1, keepdim=True).sqrt() + BOUND)
    return jump.prediction - target


RULES: dict[str, Rule] = {"halves": halves, "lagrangian": lagrangian, "mean-flow": mean_flow}
# Those that take a difference of one level.
DIFFERENCES = {"lagrangian", "mean-flow"}
