"""Schedules, the forward process and the losses against closed forms in float64 NumPy."""

import math

import numpy as np
import pytest
import torch
from adr_models.causal.schedule import Schedule, ScheduleConfig, make_betas


def test_linear_is_ddpms():
    betas = make_betas("linear", 1000)
    assert betas[0].item() == pytest.approx(1e-4) and betas[-1].item() == pytest.approx(0.02)
    assert torch.cumprod(1 - betas, 0)[-1].item() == pytest.approx(4.036e-5, rel=1e-3)


def test_cosine_is_improved_ddpms():
    alpha_bar = torch.cumprod(1 - make_betas("cosine", 1000), 0).numpy()

    def f(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    for i in (0, 10, 499, 900):
        assert alpha_bar[i] == pytest.approx(f((i + 1) / 1000) / f(0), rel=1e-9)
    assert make_betas("cosine", 1000).max() == 0.999


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="linear nor cosine"):
        make_betas("square", 10)
    with pytest.raises(ValueError, match="epsilon nor velocity"):
        Schedule(ScheduleConfig(prediction="x0"))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_forward_process_composes(kind):
    """q_sample's variance and mean equal those of T single steps x -> sqrt(1 - beta) x + sqrt(beta) eps."""
    schedule = Schedule(ScheduleConfig(kind=kind, timesteps=50))
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(schedule.betas.tolist()):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        at = torch.tensor([t])
        assert schedule.q_sample(torch.ones(1, 1), at, torch.zeros(1, 1)).item() == pytest.approx(mean, rel=1e-5)
        assert schedule.q_sample(torch.zeros(1, 1), at, torch.ones(1, 1)).item() ** 2 == pytest.approx(
            variance, rel=1e-5
        )


@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
def test_target_and_x0_are_inverse(prediction):
    schedule = Schedule(ScheduleConfig(kind="linear", prediction=prediction))
    t = torch.tensor([0, 10, 500, 800])
    x0, epsilon = torch.randn(4, 3), torch.randn(4, 3)
    xt = schedule.q_sample(x0, t, epsilon)
    torch.testing.assert_close(schedule.predict_x0(xt, t, schedule.target(x0, t, epsilon)), x0, rtol=0, atol=2e-4)


def test_perfect_prediction_has_no_loss_and_the_bound_is_a_kl():
    config = ScheduleConfig(kind="linear", prediction="epsilon", learned_variance=True)
    schedule = Schedule(config)
    t, x0, epsilon = torch.tensor([5, 400]), torch.randn(2, 3), torch.randn(2, 3)
    xt = schedule.q_sample(x0, t, epsilon)
    # v = -1 is the fraction 0: the posterior's own variance, so the divergence vanishes with the error.
    exact = torch.cat([epsilon, -torch.ones(2, 3)], -1)
    assert schedule.loss(exact, x0, xt, t, epsilon).abs().max() < 1e-4
    wrong = torch.cat([epsilon + 0.5, torch.full((2, 3), 0.3)], -1)
    found = schedule.loss(wrong, x0, xt, t, epsilon).double().numpy()
    betas = schedule.betas.numpy()
    alpha_bar = np.cumprod(1 - betas)
    for i, step in enumerate(t.tolist()):
        before = alpha_bar[step - 1]
        low = betas[step] * (1 - before) / (1 - alpha_bar[step])
        variance = np.exp(0.65 * np.log(betas[step]) + 0.35 * np.log(low))
        # A wrong epsilon moves the posterior mean by -beta / sqrt(1 - alpha_bar) / sqrt(1 - beta) times the error.
        shift = 0.5 * betas[step] / np.sqrt(1 - alpha_bar[step]) / np.sqrt(1 - betas[step])
        kl = 0.5 * (np.log(variance / low) + low / variance + shift**2 / variance - 1)
        assert found[i] == pytest.approx(0.25 + 0.001 * 1000 * kl, rel=2e-3)


def test_variance_term_leaves_the_prediction_alone():
    schedule = Schedule(ScheduleConfig(learned_variance=True, prediction="epsilon"))
    output = torch.randn(4, 6, requires_grad=True)
    t, x0, epsilon = torch.tensor([0, 1, 500, 999]), torch.randn(4, 3), torch.randn(4, 3)
    xt = schedule.q_sample(x0, t, epsilon)
    whole = torch.autograd.grad(schedule.loss(output, x0, xt, t, epsilon).sum(), output)[0]
    simple = torch.autograd.grad((output[:, :3] - epsilon).square().mean(-1).sum(), output)[0]
    torch.testing.assert_close(whole[:, :3], simple[:, :3])
    assert whole[:, 3:].abs().min() > 0
