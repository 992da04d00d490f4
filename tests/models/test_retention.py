"""The three forms of retention against a float64 NumPy loop of the RetNet paper's equations, and each other."""

import numpy as np
import pytest
import torch
from adr_models.mixers.retention import (
    MultiScaleRetention,
    RetentionConfig,
    decay_mask,
    decay_rates,
    retention_chunkwise,
    retention_parallel,
    retention_recurrent,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def reference(q, k, v, gamma, state):
    """o_n = sum over m <= n of gamma^(n-m) (q_n . k_m) v_m, plus gamma^(n+1) q_n S: the definition, in float64."""
    q, k, v, gamma, state = (x.double().numpy() for x in (q, k, v, gamma, state))
    rows, heads, length, _ = q.shape
    output = np.zeros((rows, heads, length, v.shape[-1]))
    for b in range(rows):
        for h in range(heads):
            for n in range(length):
                output[b, h, n] = gamma[h] ** (n + 1) * (q[b, h, n] @ state[b, h])
                for m in range(n + 1):
                    output[b, h, n] += gamma[h] ** (n - m) * (q[b, h, n] @ k[b, h, m]) * v[b, h, m]
    return output


def draw(seed, rows, heads, length, dk, dv):
    generator = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(rows, heads, length, dk, generator=generator, dtype=torch.float64) for _ in "qk")
    v = torch.randn(rows, heads, length, dv, generator=generator, dtype=torch.float64)
    state = torch.randn(rows, heads, dk, dv, generator=generator, dtype=torch.float64)
    return q, k, v, decay_rates(heads, 2.0), state


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000), rows=st.integers(1, 2), heads=st.integers(1, 3), length=st.integers(1, 17),
    dk=st.integers(1, 4), dv=st.integers(1, 4), chunk=st.integers(1, 20),
)  # fmt: skip
def test_forms_equal_the_definition(seed, rows, heads, length, dk, dv, chunk):
    q, k, v, gamma, state = draw(seed, rows, heads, length, dk, dv)
    expected = reference(q, k, v, gamma, state)
    parallel, after = retention_parallel(q, k, v, gamma, state)
    recurrent, after_recurrent = retention_recurrent(q, k, v, gamma, state)
    chunkwise, after_chunkwise = retention_chunkwise(q, k, v, gamma, state, chunk)
    for output in (parallel, recurrent, chunkwise):
        np.testing.assert_allclose(output.numpy(), expected, rtol=1e-10, atol=1e-12)
    for other in (after_recurrent, after_chunkwise):
        torch.testing.assert_close(other, after, rtol=1e-10, atol=1e-12)


def test_rates_are_the_papers():
    assert decay_rates(3, 5.0).tolist() == [1 - 1 / 32, 1 - 1 / 64, 1 - 1 / 128]


def test_mask_is_finite_where_the_bare_power_overflows():
    gamma = decay_rates(1, 5.0).float()
    length = 3000
    n = torch.arange(length)
    bare = gamma ** (n[:, None] - n[None, :]).float()
    assert torch.isinf(bare).any()
    mask = decay_mask(length, gamma)[0]
    assert torch.isfinite(mask).all() and (mask.triu(1) == 0).all() and (mask.diagonal() == 1).all()


@pytest.mark.parametrize("form", ["recurrent", "chunkwise"])
def test_module_forms_agree_over_4096_tokens_in_float32(form):
    torch.manual_seed(0)
    module = MultiScaleRetention(RetentionConfig(width=32, heads=2, chunk=100))
    x, angles = torch.randn(1, 4096, 32), torch.cat([torch.ones(1, 4096, 8), torch.zeros(1, 4096, 8)], -1)
    zero = {"retention": torch.zeros(1, 2, 16, 16)}
    with torch.no_grad():
        whole, state = module.double()(
            x.double(), angles.double(), {"retention": zero["retention"].double()}, "parallel"
        )
        part, other = module.float()(x, angles, zero, form)
    assert (part - whole).abs().max() / whole.abs().max() < 2e-5
    assert (other["retention"] - state["retention"]).abs().max() / state["retention"].abs().max() < 2e-5


def test_output_is_not_zero_with_one_head():
    """One group a channel, as in the first published code, normalises every value away."""
    module = MultiScaleRetention(RetentionConfig(width=16, heads=1))
    angles = torch.cat([torch.ones(1, 5, 8), torch.zeros(1, 5, 8)], -1)
    output, _ = module(torch.randn(1, 5, 16), angles, None, "parallel")
    assert output.abs().max() > 1e-3


def test_width_must_divide():
    with pytest.raises(ValueError, match="not a multiple"):
        MultiScaleRetention(RetentionConfig(width=30, heads=4))
