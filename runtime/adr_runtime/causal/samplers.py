"""Samplers as tables: one row of coefficients for each denoising step.

Every sampler here is linear once the network has spoken, so that the head graph runs all of them:

    x0 = clamp(P x + Q prediction)
    x  = A x + B x0 + C x0_before + S exp(R f) noise       columns P, Q, A, B, C, S, R; f is the learned variance

- `ddpm`   ancestral sampling, Ho et al. 2020 (arXiv 2006.11239, algorithm 2), on a respaced schedule as in Nichol and
           Dhariwal 2021 (arXiv 2102.09672); where the model learned its variance, log variance = log beta_tilde +
           f (log beta - log beta_tilde)
- `ddim`   Song et al. 2021 (arXiv 2010.02502, equation 12) with eta = 0
- `dpm++`  DPM-Solver++(2M), Lu et al. 2022 (arXiv 2211.01095, algorithm 2), the first and the last step first-order

All arithmetic is float64. `alpha_bar` is that of the K respaced timesteps, in the order of sampling: noisiest first.
"""

from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from adr_runtime.errors import InputError

Array = NDArray[np.float64]
TINY = 1e-20


class Column(IntEnum):
    """The columns of a table, in the order of the letters above: what each coefficient multiplies, or is."""

    X0_FROM_X, X0_FROM_PREDICTION, X, X0, X0_BEFORE, NOISE, LOG_DEVIATION_RANGE = range(7)


def respace(timesteps: int, steps: int, spacing: float = 1.0) -> NDArray[np.int64]:
    """K of the T timesteps, T (i / K)^spacing for i = K to 1: the noisiest first, evenly where the power is 1
    ("trailing", Lin et al. 2024, arXiv 2305.08891). The last step thus has some of the way left: with both ends among
    the K it would have nothing to do. A power above 1 crowds them at the clean end, where fine details are decided.
    """
    if not 1 <= steps <= timesteps:
        raise InputError(f"steps must be from 1 to {timesteps}, not {steps}")
    left = steps - np.arange(steps)
    if spacing == 1:
        # Ties are rounded to even numbers, so that old bundles make what they always made.
        return np.round(timesteps - np.arange(steps) * (timesteps / steps)).astype(np.int64) - 1
    # No two are the same, so the last ones are at least 1 apart.
    spaced = np.floor(np.round(timesteps * (left / steps) ** spacing, 6) + 0.5)
    return np.maximum(spaced.astype(np.int64), left) - 1


def coefficients(
    betas: Array,
    prediction: str,
    learned_variance: bool,
    sampler: str,
    steps: int,
    temperature: float,
    spacing: float = 1.0,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Timesteps int64 (K,) and the table float32 (K, 7).

    The temperature scales the noise of ddpm's steps, as in MAR; the others add none, and their caller scales the
    initial noise by it (see `initial_scale`).
    """
    if sampler not in SAMPLERS:
        raise InputError(f"unknown sampler {sampler!r}; there are {', '.join(SAMPLERS)}")
    timestep = respace(len(betas), steps, spacing)
    alpha_bar = np.cumprod(1 - np.asarray(betas, np.float64), dtype=np.float64)[timestep]
    signal, noise = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
    if prediction == "epsilon":
        to_x0 = np.stack([1 / signal, -noise / signal], -1)
    else:
        to_x0 = np.stack([signal, -noise], -1)
    update = SAMPLERS[sampler](alpha_bar)
    update[:, 3] *= temperature
    if not learned_variance:
        update[:, 4] = 0
    return timestep, np.concatenate([to_x0, update], -1).astype(np.float32)


def initial_scale(sampler: str, temperature: float) -> float:
    """What the initial noise is multiplied by: a sampler without noise of its own takes its temperature there."""
    return 1.0 if sampler == "ddpm" else temperature


def ddpm(alpha_bar: Array) -> Array:
    """Rows (A, B, C, S, R): the posterior's mean and standard deviation; nothing but x0 in the last."""
    before = np.append(alpha_bar[1:], 1.0)
    beta = np.clip(1 - alpha_bar / before, 0, 1)
    left = np.maximum(1 - alpha_bar, TINY)
    a = np.sqrt(1 - beta) * (1 - before) / left
    b = np.sqrt(before) * beta / left
    variance = beta * (1 - before) / left
    ratio = 0.5 * np.log(np.maximum(beta, TINY) / np.maximum(variance, TINY))
    table = np.stack([a, b, np.zeros_like(a), np.sqrt(variance), ratio], -1)
    table[-1] = [0, 1, 0, 0, 0]
    return table


def ddim(alpha_bar: Array) -> Array:
    """x' = sqrt(before) x0 + sqrt(1 - before) epsilon, epsilon = (x - sqrt(alpha_bar) x0) / sqrt(1 - alpha_bar)."""
    before = np.append(alpha_bar[1:], 1.0)
    a = np.sqrt((1 - before) / np.maximum(1 - alpha_bar, TINY))
    b = np.sqrt(before) - a * np.sqrt(alpha_bar)
    return pad(a, b, np.zeros_like(a))


def dpmpp(alpha_bar: Array) -> Array:
    """x' = (sigma'/sigma) x - alpha' (e^-h - 1) D, D = (1 + r) x0 - r x0_before with r = h / (2 h_before)."""
    before = np.append(alpha_bar[1:], 1.0)
    half_log = 0.5 * (np.log(np.maximum(alpha_bar, TINY)) - np.log(np.maximum(1 - alpha_bar, TINY)))
    target = 0.5 * (np.log(np.maximum(before, TINY)) - np.log(np.maximum(1 - before, TINY)))
    h = target - half_log
    a = np.sqrt((1 - before) / np.maximum(1 - alpha_bar, TINY))
    gain = np.sqrt(before) - a * np.sqrt(alpha_bar)
    r = np.zeros_like(h)
    r[1:-1] = h[1:-1] / (2 * h[:-2])
    return pad(a, gain * (1 + r), -gain * r)


def pad(a: Array, b: Array, c: Array) -> Array:
    """Rows (A, B, C, S, R) of a sampler that adds no noise."""
    return np.stack([a, b, c, np.zeros_like(a), np.zeros_like(a)], -1)


SAMPLERS: dict[str, Callable[[Array], Array]] = {"ddpm": ddpm, "ddim": ddim, "dpm++": dpmpp}
