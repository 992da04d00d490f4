"""Generation in PyTorch: the reference for the exported graphs, and the samples that training logs.

Every sampler (DDPM, DDIM, DPM-Solver++) is linear given the prediction, so one loop runs them all from a table with
one row a step; see `adr_runtime.causal.samplers` for the tables.
"""

import torch
from torch import Tensor

from adr_models.causal.head import DiffusionHead
from adr_models.causal.model import ADRModel


def guided_prediction(
    head: DiffusionHead, x: Tensor, time: Tensor, condition: Tensor, mix: Tensor
) -> tuple[Tensor, Tensor]:
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): sum over guides of mix * prediction.

    x (batch, C), time (M,), condition modulation (guides, batch, M'), mix (guides, batch)
    -> prediction (batch, C) and the learned variance's fraction in [0, 1] of the first guide (0 without one).
    """
    output = head(x.expand(condition.shape[0], *x.shape), time, condition)
    prediction = (mix[..., None] * output[..., : head.channels]).sum(0)
    if output.shape[-1] == head.channels:
        return prediction, torch.zeros_like(prediction)
    return prediction, (output[0, :, head.channels :] + 1) / 2


def denoise_step(
    head: DiffusionHead, x: Tensor, before: Tensor, row: Tensor, noise: Tensor, time: Tensor,
    condition: Tensor, mix: Tensor, sample_range: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One row (P, Q, A, B, C, S, R) of a sampler's table: x and the last x0 (batch, C) -> the next of both."""
    prediction, fraction = guided_prediction(head, x, time, condition, mix)
    x0 = torch.minimum(torch.maximum(row[0] * x + row[1] * prediction, -sample_range), sample_range)
    std = row[5] * torch.exp(row[6] * fraction)
    return row[2] * x + row[3] * x0 + row[4] * before + std * noise, x0


def denoise(
    head: DiffusionHead, condition: Tensor, mix: Tensor, modulation: Tensor, coefficients: Tensor,
    initial: Tensor, noise: Tensor, sample_range: Tensor,
) -> Tensor:  # fmt: skip
    """A token (batch, C) from condition (guides, batch, D), mix (guides, batch), modulation (steps, M),
    coefficients (steps, 7), initial noise (batch, C), step noise (steps, batch, C) and sample_range (),
    the largest magnitude that an x0 may have."""
    of_condition = head.condition_modulation(condition)
    x, before = initial, torch.zeros_like(initial)
    for row, time, step_noise in zip(coefficients, modulation, noise, strict=True):
        x, before = denoise_step(head, x, before, row, step_noise, time, of_condition, mix, sample_range)
    return x


@torch.no_grad()
def generate(
    model: ADRModel, label: Tensor | None, rows: int, length: int, timestep: Tensor, coefficients: Tensor,
    guidance: float, sample_range: float, generator: torch.Generator, controls: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """tokens (rows, length, C) for label int64 (rows,) or None, controls int64 (rows, length, K) or the null ones, and
    the null speaker, by the step form; guidance 1 is none."""
    told = label is not None or controls is not None
    guides, device = 2 if told and guidance != 1 else 1, model.backbone.start.device
    if model.config.controls:
        null = model.null_controls().expand(rows, length, -1)
        controls = torch.cat([null if controls is None else controls, null])[: guides * rows]
    if label is not None and guides == 2:
        label = torch.cat([label, torch.full_like(label, len(model.config.labels))])
    mix = torch.tensor([[guidance], [1 - guidance]] if guides == 2 else [[1.0]], device=device)
    null_speaker = torch.full((guides * rows,), len(model.config.speakers), device=device)
    speaker = null_speaker if model.config.speakers else None
    state = model.backbone.initial_state(guides * rows)
    token = torch.zeros(rows, model.tokens.channels, device=device)
    modulation = model.head.time_modulation(timestep)
    bound = torch.tensor(sample_range, device=device)
    tokens = []
    for n in range(length):
        of_token = None if controls is None else controls[:, n]
        condition, state = model.backbone.step(token.repeat(guides, 1), label, state, "recurrent", speaker, of_token)
        condition = condition.reshape(guides, rows, -1)
        initial = torch.randn(token.shape, generator=generator, device=device)
        noise = torch.randn(len(timestep), *token.shape, generator=generator, device=device)
        token = denoise(model.head, condition, mix.expand(-1, rows), modulation, coefficients, initial, noise, bound)
        tokens.append(token)
    return torch.stack(tokens, 1)
