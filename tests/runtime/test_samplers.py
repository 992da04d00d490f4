"""The tables against the samplers as their papers write them, and against closed forms on Gaussian data."""

import numpy as np
import pytest
from adr_runtime import InputError
from adr_runtime.causal.samplers import coefficients, initial_scale, respace
from hypothesis import given
from hypothesis import strategies as st

LINEAR = np.linspace(1e-4, 0.02, 1000)
_t = np.arange(1001) / 1000
_bar = np.cos((_t + 0.008) / 1.008 * np.pi / 2) ** 2
COSINE = np.minimum(1 - _bar[1:] / _bar[:-1], 0.999)


def run_table(betas, prediction, sampler, steps, network, x, noise, learned=False, fraction=0.0):
    """What the head graph does, in float64."""
    timestep, table = coefficients(betas, prediction, learned, sampler, steps, 1.0)
    before = np.zeros_like(x)
    for t, (p, q, a, b, c, s, r), e in zip(timestep, table.astype(np.float64), noise, strict=True):
        x0 = p * x + q * network(x, t)
        x, before = a * x + b * x0 + c * before + s * np.exp(r * fraction) * e, x0
    return x


def gaussian_network(betas, prediction, mean, std):
    """The perfect prediction for data N(mean, std^2): E[x0 | x_t] has a closed form."""
    bar = np.cumprod(1 - betas)

    def network(x, t):
        gain = np.sqrt(bar[t]) * std**2 / (bar[t] * std**2 + 1 - bar[t])
        x0 = mean + gain * (x - np.sqrt(bar[t]) * mean)
        epsilon = (x - np.sqrt(bar[t]) * x0) / np.sqrt(1 - bar[t])
        return epsilon if prediction == "epsilon" else np.sqrt(bar[t]) * epsilon - np.sqrt(1 - bar[t]) * x0

    return network


def textbook_ddpm(betas, network, x, noise):
    """Ho et al. 2020, algorithm 2, with sigma^2 the posterior variance (their beta tilde), for all T steps."""
    alpha, bar = 1 - betas, np.cumprod(1 - betas)
    for i, t in enumerate(range(len(betas) - 1, -1, -1)):
        epsilon = network(x, t)
        x = (x - betas[t] / np.sqrt(1 - bar[t]) * epsilon) / np.sqrt(alpha[t])
        if t:
            x = x + np.sqrt(betas[t] * (1 - bar[t - 1]) / (1 - bar[t])) * noise[i]
    return x


def textbook_ddim(betas, network, x, timesteps):
    """Song et al. 2021, equation 12 with sigma = 0."""
    bar = np.cumprod(1 - betas)
    for i, t in enumerate(timesteps):
        before = bar[timesteps[i + 1]] if i + 1 < len(timesteps) else 1.0
        epsilon = network(x, t)
        x0 = (x - np.sqrt(1 - bar[t]) * epsilon) / np.sqrt(bar[t])
        x = np.sqrt(before) * x0 + np.sqrt(1 - before) * epsilon
    return x


def textbook_dpmpp(betas, network, x, timesteps):
    """Lu et al. 2022, algorithm 2 (2M), first order at both ends."""
    bar = np.cumprod(1 - betas)
    alpha, sigma = np.sqrt(bar[timesteps]), np.sqrt(1 - bar[timesteps])
    half_log = np.log(alpha / sigma)
    last = None
    for i, t in enumerate(timesteps):
        x0 = (x - sigma[i] * network(x, t)) / alpha[i]
        if i + 1 == len(timesteps):
            return x0
        h = half_log[i + 1] - half_log[i]
        d = x0
        if i > 0:
            r = (half_log[i] - half_log[i - 1]) / h
            d = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * last
        x, last = sigma[i + 1] / sigma[i] * x - alpha[i + 1] * (np.exp(-h) - 1) * d, x0
    return x


@pytest.mark.parametrize("betas", [LINEAR, COSINE], ids=["linear", "cosine"])
def test_textbook_loops(betas):
    random = np.random.default_rng(0)
    x, noise = random.normal(size=64), random.normal(size=(1000, 64))
    network = gaussian_network(betas, "epsilon", 0.7, 0.4)
    # The table is float32; 1,000 rows of 1 / sqrt(alpha_bar) amplify its rounding.
    found = run_table(betas, "epsilon", "ddpm", 1000, network, x, noise)
    np.testing.assert_allclose(found, textbook_ddpm(betas, network, x, noise), atol=2e-3)
    for steps in (1, 2, 5, 25):
        timesteps = respace(1000, steps)
        silent = np.zeros((steps, 64))
        # Dividing by a tiny sqrt(alpha_bar) is badly conditioned for epsilon at the cosine schedule's end.
        tolerance = 1e-3 if betas is LINEAR else 2e-2
        for sampler, textbook in (("ddim", textbook_ddim), ("dpm++", textbook_dpmpp)):
            found = run_table(betas, "epsilon", sampler, steps, network, x, silent)
            np.testing.assert_allclose(found, textbook(betas, network, x, timesteps), atol=tolerance)


@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_a_perfect_network_gives_the_data_distribution(sampler, prediction):
    """Gaussian data N(0.7, 0.4^2): mean and deviation of 20,000 samples in 250 steps; 1,000 of ddpm, whose variance
    of the posterior is the lower bound and shrinks the deviation by 4% in 250."""
    random = np.random.default_rng(1)
    steps = 1000 if sampler == "ddpm" else 250
    x, noise = random.normal(size=20_000), random.normal(size=(steps, 20_000))
    network = gaussian_network(LINEAR, prediction, 0.7, 0.4)
    made = run_table(LINEAR, prediction, sampler, steps, network, x, noise)
    np.testing.assert_allclose([made.mean(), made.std()], [0.7, 0.4], atol=0.012)


def test_predictions_are_interchangeable():
    x, silent = np.random.default_rng(2).normal(size=100), np.zeros((20, 100))
    made = [
        run_table(LINEAR, kind, "ddim", 20, gaussian_network(LINEAR, kind, -0.2, 1.5), x, silent)
        for kind in ("epsilon", "velocity")
    ]
    np.testing.assert_allclose(*made, atol=1e-3)


def test_learned_variance_moves_between_its_two_bounds():
    """exp(R f) S is sqrt(beta tilde) at f = 0 and sqrt(beta) at f = 1."""
    _, table = coefficients(LINEAR, "epsilon", True, "ddpm", 1000, 1.0)
    bar = np.cumprod(1 - LINEAR)
    t = np.arange(999, 0, -1)
    s, r = table[:-1, 5].astype(np.float64), table[:-1, 6].astype(np.float64)
    np.testing.assert_allclose(s**2, LINEAR[t] * (1 - bar[t - 1]) / (1 - bar[t]), rtol=1e-4)
    np.testing.assert_allclose((s * np.exp(r)) ** 2, LINEAR[t], rtol=1e-4)
    assert not coefficients(LINEAR, "epsilon", False, "ddpm", 10, 1.0)[1][:, 6].any()


@given(st.integers(1, 300).flatmap(lambda t: st.tuples(st.just(t), st.integers(1, t))))
def test_respacing_is_even_and_leaves_every_step_its_share(sizes):
    timesteps, steps = sizes
    chosen = respace(timesteps, steps)
    assert len(chosen) == steps == len(set(chosen.tolist()))
    # The boundaries T, T - T/K, ..., T/K, one below each.
    np.testing.assert_allclose(chosen + 1, np.linspace(timesteps, timesteps / steps, steps), atol=0.5)
    assert (np.diff(chosen) < 0).all()


@given(st.integers(1, 1000), st.sampled_from(["ddpm", "ddim", "dpm++"]), st.booleans())
def test_every_table_is_finite_and_ends_at_x0(steps, sampler, cosine):
    _, table = coefficients(COSINE if cosine else LINEAR, "velocity", False, sampler, steps, 1.0)
    assert np.isfinite(table).all()
    np.testing.assert_allclose(table[-1, 2:6], [0, 1, 0, 0], atol=1e-6)


def test_temperature():
    hot = coefficients(LINEAR, "epsilon", False, "ddpm", 10, 0.5)[1]
    cold = coefficients(LINEAR, "epsilon", False, "ddpm", 10, 1.0)[1]
    np.testing.assert_allclose(hot[:, 5], cold[:, 5] / 2)
    assert initial_scale("ddpm", 0.5) == 1.0 and initial_scale("ddim", 0.5) == initial_scale("dpm++", 0.5) == 0.5


def test_refusals():
    for steps in (0, 1001):
        with pytest.raises(InputError, match="steps must be from 1 to 1000"):
            respace(1000, steps)
    with pytest.raises(InputError, match=r"unknown sampler 'euler'; there are ddpm, ddim, dpm\+\+"):
        coefficients(LINEAR, "epsilon", False, "euler", 10, 1.0)


@pytest.mark.parametrize(
    ("sampler", "steps", "spacing", "expected"),
    [
        ("ddim", 50, 1.0, (0.86, 0.72, 0.42)),
        ("dpm++", 25, 1.0, (0.80, 0.55, 0.26)),
        ("dpm++", 25, 1.5, (1.00, 0.92, 0.66)),
        ("dpm++", 25, 2.0, (1.02, 1.01, 0.90)),
    ],
)
def test_even_spacing_blurs_fine_details_even_with_a_perfect_denoiser(sampler, steps, spacing, expected):
    """Sampled over true deviation of data of deviation 0.1, 0.05 and 0.02: the sampler is linear in its noise."""
    bar = np.cumprod(1 - COSINE)
    for std, ratio in zip((0.1, 0.05, 0.02), expected, strict=True):
        timestep, table = coefficients(COSINE, "velocity", False, sampler, steps, 1.0, spacing)
        x, before = 1.0, 0.0
        for t, (p, q, a, b, c, _, _) in zip(timestep, table.astype(np.float64), strict=True):
            signal, noise = np.sqrt(bar[t]), np.sqrt(1 - bar[t])
            clean = signal * std**2 * x / (bar[t] * std**2 + noise**2)
            x0 = p * x + q * (signal * x - clean) / noise
            x, before = a * x + b * x0 + c * before, x0
        assert abs(x) / std == pytest.approx(ratio, abs=0.01)


@given(st.integers(1, 400), st.floats(1, 4), st.data())
def test_spaced_timesteps_fall_from_the_noisiest_and_none_comes_twice(steps, spacing, data):
    timesteps = data.draw(st.integers(steps, 1000))
    found = respace(timesteps, steps, spacing)
    assert found[0] == timesteps - 1 and found[-1] >= 0 and (np.diff(found) < 0).all()
    even = np.maximum((timesteps * ((steps - np.arange(steps)) / steps) ** spacing), steps - np.arange(steps)) - 1
    assert np.abs(found - even).max() <= 0.5 + 1e-9
