"""Filling in with PyTorch: the reference for the exported graphs, and the samples that training logs."""

import torch
from torch import Tensor

from adr_models.causal.generate import denoise
from adr_models.masked.model import MaskedADR


@torch.no_grad()
def fill(
    model: MaskedADR, tokens: Tensor, known: Tensor, label: Tensor | None, order: Tensor, counts: list[int],
    timestep: Tensor, coefficients: Tensor, guidance: float, sample_range: float, initial: Tensor,
) -> Tensor:  # fmt: skip
    """tokens (rows, length, C) of which some are known, bool (rows, length), with all others made: those of `order`
    int64 (rows, n), `counts` of them at a time, by a sampler that adds no noise to `initial` (rows, length, C).
    label int64 (rows,) or None; guidance 1 is none."""
    guides = 2 if label is not None and guidance != 1 else 1
    if label is not None and guides == 2:
        label = torch.cat([label, torch.full_like(label, len(model.config.labels))])
    mix = torch.tensor([[guidance], [1 - guidance]] if guides == 2 else [[1.0]], device=tokens.device)
    modulation, bound = model.head.time_modulation(timestep), torch.tensor(sample_range, device=tokens.device)
    tokens, known = tokens.clone(), known.clone()
    for index in torch.split(order, counts, 1):
        conditions = model(tokens.repeat(guides, 1, 1), known.repeat(guides, 1), label)
        row = torch.arange(len(tokens), device=tokens.device).repeat_interleave(index.shape[1])
        token = index.flatten()
        condition = conditions.unflatten(0, (guides, -1))[:, row, token]
        noise = torch.zeros(len(timestep), len(row), tokens.shape[-1], device=tokens.device)
        tokens[row, token] = denoise(
            model.head, condition, mix.expand(-1, len(row)), modulation, coefficients, initial[row, token], noise, bound
        )
        known[row, token] = True
    return tokens
