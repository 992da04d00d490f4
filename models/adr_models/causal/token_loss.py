"""The loss of each token by the diffusion head (Li et al. 2024, arXiv 2406.11838), whatever gave its condition."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adr_models.causal.head import DiffusionHead
from adr_models.causal.schedule import Schedule


def token_losses(
    head: DiffusionHead, schedule: Schedule, conditions: Tensor, tokens: Tensor, own: Tensor, t: Tensor,
    epsilon: Tensor,
) -> Tensor:  # fmt: skip
    """The mean over draws and channels for each token, float (n,), of conditions (n, D), tokens (n, C), timesteps int64
    (n, draws) and noise (n, draws, C). `own` (n, 1, C) or (n, 1, 1) is 1 for the channels that a token has."""
    x0, epsilon = tokens[:, None].expand(-1, t.shape[1], -1), epsilon * own
    xt = schedule.q_sample(x0, t, epsilon)
    output = head(xt, time_modulation(head, len(schedule.signal), t), head.condition_modulation(conditions)[:, None])
    return (schedule.loss(output.float(), x0, xt, t, epsilon) / own.mean(-1)).mean(-1)


def time_modulation(head: DiffusionHead, timesteps: int, t: Tensor) -> Tensor:
    """The head's timestep modulation for t int64 (...), through a table of all timesteps where t repeats."""
    if t.numel() < timesteps:
        return head.time_modulation(t.flatten()).reshape(*t.shape, -1)
    return F.embedding(t, head.time_modulation(torch.arange(timesteps, device=t.device)))
