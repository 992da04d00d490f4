"""The diffusion head's Gaussian part against the linear regression that it must equal."""

import numpy as np
import pytest
import torch
from adr_models.causal.head import DiffusionHead, HeadConfig
from adr_models.causal.schedule import Schedule, ScheduleConfig

DEVIATIONS = np.array([0.05, 0.6, 1.0, 3.0])


def knowing_head(prediction: str, learned_variance: bool = False) -> DiffusionHead:
    """A head that has learned nothing but the variances of its four channels."""
    schedule = Schedule(ScheduleConfig(kind="cosine", timesteps=200, prediction=prediction,
                                       learned_variance=learned_variance))  # fmt: skip
    head = DiffusionHead(HeadConfig(width=8, blocks=1, frequencies=4, gaussian=True), 4, 6, schedule)
    # log s^2 goes through 10 tanh(. / 10).
    raw = 10 * np.arctanh(np.log(DEVIATIONS**2) / 10)
    with torch.no_grad():
        head.condition[-1].bias[-4:] = torch.from_numpy(raw).float()
    return head


@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
def test_it_is_the_least_squares_prediction_of_gaussian_data(prediction):
    """E[target | x_t] = cov(target, x_t) / var(x_t) x_t, the covariances from the definition of x_t in float64."""
    head = knowing_head(prediction)
    schedule = head_schedule(prediction)
    alpha_bar = np.cumprod(1 - schedule.betas.double().numpy())
    x = np.random.default_rng(0).normal(size=(5, 4))
    for t in (0, 1, 20, 100, 180, 199):
        a, b = np.sqrt(alpha_bar[t]), np.sqrt(1 - alpha_bar[t])
        # x_t = a x0 + b epsilon; the velocity is a epsilon - b x0.
        covariance = b if prediction == "epsilon" else a * b - a * b * DEVIATIONS**2
        expected = covariance / (a * a * DEVIATIONS**2 + b * b) * x
        time = head.time_modulation(torch.tensor([t]))[0]
        with torch.no_grad():
            found = head(torch.from_numpy(x).float(), time, head.condition_modulation(torch.zeros(6)))
        np.testing.assert_allclose(found.numpy(), expected, rtol=2e-4, atol=1e-5)


def head_schedule(prediction: str) -> Schedule:
    return Schedule(ScheduleConfig(kind="cosine", timesteps=200, prediction=prediction))


def test_the_learned_variance_passes_through():
    head = knowing_head("velocity", learned_variance=True)
    with torch.no_grad():
        head.output.bias[4:] = 0.5
    x = torch.randn(3, 4)
    time, condition = head.time_modulation(torch.tensor([50]))[0], head.condition_modulation(torch.zeros(6))
    assert head(x, time, condition).shape == (3, 8)
    torch.testing.assert_close(head(x, time, condition)[:, 4:], torch.full((3, 4), 0.5))
    plain = knowing_head("velocity")
    torch.testing.assert_close(head(x, time, condition)[:, :4], plain(x, time, condition))


def test_extreme_variances_stay_finite():
    head = knowing_head("velocity")
    for raw in (-1e4, 1e4):
        with torch.no_grad():
            head.condition[-1].bias[-4:] = raw
        condition = head.condition_modulation(torch.zeros(6))
        for t in (0, 199):
            assert (
                head(torch.full((1, 4), 50.0), head.time_modulation(torch.tensor([t]))[0], condition).isfinite().all()
            )
