"""The forward diffusion process and the per-token losses.

q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I) and its closed form (Ho et al. 2020, arXiv 2006.11239,
equation 4); velocity (Salimans and Ho 2022, arXiv 2202.00512); cosine schedule, learned variance and the hybrid
loss (Nichol and Dhariwal 2021, arXiv 2102.09672); the loss per token is that of Li et al. 2024 (arXiv 2406.11838).
Timesteps here are 0 to T - 1; step 0 is the last one to be undone.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ScheduleConfig:
    """`prediction`: what the head emits. `learned_variance` doubles its output and adds the hybrid loss."""

    kind: Literal["linear", "cosine"] = "cosine"
    timesteps: int = 1000
    prediction: Literal["epsilon", "velocity"] = "velocity"
    learned_variance: bool = False
    variance_weight: float = 0.001


def make_betas(kind: str, timesteps: int) -> Tensor:
    """beta_t, float64 (timesteps,). Linear scales DDPM's 1e-4..0.02 to the length; cosine has s = 0.008, cap 0.999."""
    if kind == "linear":
        scale = 1000 / timesteps
        return torch.linspace(scale * 1e-4, min(scale * 0.02, 0.999), timesteps, dtype=torch.float64)
    if kind == "cosine":
        t = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
        alpha_bar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=0.999)
    raise ValueError(f"schedule {kind!r} is neither linear nor cosine")


class Schedule(nn.Module):
    """alpha_bar and the posterior's coefficients, computed in float64 and kept in float32 buffers of length T."""

    signal: Tensor
    noise: Tensor
    log_beta: Tensor
    log_posterior_variance: Tensor
    mean_x0: Tensor
    mean_xt: Tensor

    def __init__(self, config: ScheduleConfig):
        super().__init__()
        if config.prediction not in ("epsilon", "velocity"):
            raise ValueError(f"prediction {config.prediction!r} is neither epsilon nor velocity")
        self.config = config
        self.betas = make_betas(config.kind, config.timesteps)
        alpha_bar = torch.cumprod(1 - self.betas, 0)
        before = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
        variance = self.betas * (1 - before) / (1 - alpha_bar)
        # The posterior variance is 0 at step 0; its logarithm takes the value of step 1, as in Improved DDPM.
        variance = torch.cat([variance[1:2], variance[1:]])
        for name, value in {
            "signal": alpha_bar.sqrt(),
            "noise": (1 - alpha_bar).sqrt(),
            "log_beta": self.betas.log(),
            "log_posterior_variance": variance.log(),
            "mean_x0": self.betas * before.sqrt() / (1 - alpha_bar),
            "mean_xt": (1 - before) * (1 - self.betas).sqrt() / (1 - alpha_bar),
        }.items():
            self.register_buffer(name, value.float(), persistent=False)

    def q_sample(self, x0: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) epsilon; x0 (..., C), t int64 (...)."""
        return self.signal[t][..., None] * x0 + self.noise[t][..., None] * epsilon

    def target(self, x0: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        """What the head should emit: epsilon, or v = sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x0."""
        if self.config.prediction == "epsilon":
            return epsilon
        return self.signal[t][..., None] * epsilon - self.noise[t][..., None] * x0

    def predict_x0(self, xt: Tensor, t: Tensor, prediction: Tensor) -> Tensor:
        signal, noise = self.signal[t][..., None], self.noise[t][..., None]
        if self.config.prediction == "epsilon":
            return (xt - noise * prediction) / signal
        return signal * xt - noise * prediction

    def loss(self, output: Tensor, x0: Tensor, xt: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        """Loss of each token, shape (...), averaged over channels.

        ||target - prediction||^2, plus variance_weight * T * L_vlb where the variance is learned. The second term
        sees the prediction without its gradient, so that it trains the variance alone.
        """
        if not self.config.learned_variance:
            return (output - self.target(x0, t, epsilon)).square().mean(-1)
        prediction, fraction = output.chunk(2, -1)
        simple = (prediction - self.target(x0, t, epsilon)).square().mean(-1)
        bound = self.variational_bound(prediction.detach(), (fraction + 1) / 2, x0, xt, t)
        return simple + self.config.variance_weight * self.config.timesteps * bound

    def variational_bound(self, prediction: Tensor, f: Tensor, x0: Tensor, xt: Tensor, t: Tensor) -> Tensor:
        """L_vlb's term t in nats a channel: a KL for t > 0, the Gaussian's negative log-likelihood for t = 0."""
        low, high = self.log_posterior_variance[t][..., None], self.log_beta[t][..., None]
        log_variance = f * high + (1 - f) * low
        scale_x0, scale_xt = self.mean_x0[t][..., None], self.mean_xt[t][..., None]
        mean = scale_x0 * self.predict_x0(xt, t, prediction) + scale_xt * xt
        true_mean = scale_x0 * x0 + scale_xt * xt
        error = (true_mean - mean).square()
        kl = 0.5 * (log_variance - low + (low - log_variance).exp() + error * (-log_variance).exp() - 1)
        nll = 0.5 * (math.log(2 * math.pi) + log_variance + (x0 - mean).square() * (-log_variance).exp())
        return torch.where((t == 0)[..., None], nll, kl).mean(-1)
