"""Distributions over what one stage reveals, against float64 and their own sums."""

import math

import numpy as np
import pytest
import torch
from adr_models.any_order.discrete import Upscaling, bound_log_scale, edges, logistic_interval
from hypothesis import given, settings
from hypothesis import strategies as st


@given(
    st.lists(st.floats(-3, 3), min_size=2, max_size=4), st.floats(-6, 2), st.integers(0, 254), st.integers(1, 64),
    st.randoms(),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_logistic_intervals_agree_with_float64(means, log_scale, value, width, random):
    """sigmoid(a) - sigmoid(b), summed over the mixture, wherever that difference has digits in float64."""
    weight = np.array([random.random() + 0.1 for _ in means])
    low, high = edges(torch.tensor([value, min(value + width, 255)], dtype=torch.int64), 256).double().tolist()
    scale = math.exp(log_scale)
    sigmoid = lambda x: 1 / (1 + np.exp(-np.clip(x, -700, 700)))  # noqa: E731
    m = np.array(means)
    p = float((weight / weight.sum() * (sigmoid((high - m) / scale) - sigmoid((low - m) / scale))).sum())
    args = (torch.from_numpy(np.log(weight)), torch.from_numpy(m), torch.full((len(means),), log_scale))
    found = logistic_interval(*(x.double() for x in args), torch.tensor(low).double(), torch.tensor(high).double())
    if p > 1e-9:
        assert float(found) == pytest.approx(math.log(p), abs=1e-4)


def test_logistic_bins_cover_everything_and_tails_keep_their_digits():
    value = torch.arange(256)
    for mean, log_scale in ((0.0, -3.0), (5.0, -7.0), (-0.99, 0.5), (0.3, 3.0), (-40.0, 3.0)):
        parts = torch.zeros(256, 1), torch.full((256, 1), mean), torch.full((256, 1), log_scale, requires_grad=True)
        found = logistic_interval(*parts, edges(value, 256), edges(value + 1, 256))
        assert float(found.detach().double().exp().sum()) == pytest.approx(1, abs=1e-4)
        assert torch.isfinite(found).all()
        found.sum().backward()
        assert torch.isfinite(parts[2].grad).all()


@pytest.mark.parametrize(("raw", "place", "back"), [(30.0, 129.2, 1), (-30.0, 129.9, -1), (30.0, 131.5, 0)])
def test_scales_stay_inside_their_bounds_and_find_back(raw, place, back):
    """129 in a block of 4 values, a mean at `place`, and a scale far too large, far too small, and too large where a
    larger one would be better still: a gradient leads back from both ends, and none leads further out."""
    raw = torch.tensor([raw], requires_grad=True)
    bounded = bound_log_scale(raw, 256, 4)
    assert bounded.item() == pytest.approx(math.log(4 * 12 / 256) if raw > 0 else -math.log(256) - 1.5)
    assert torch.equal(bound_log_scale(raw.detach(), 256, 4), bounded)
    with torch.no_grad():
        assert torch.equal(bound_log_scale(raw, 256, 4), bounded)
    edge = lambda value: edges(torch.tensor([value]), 256)  # noqa: E731
    mean = (2 * torch.tensor([[place]]) - 255) / 255
    parts = torch.zeros(1, 1), mean, bounded[:, None]
    inside = logistic_interval(*parts, edge(129), edge(130)) - logistic_interval(*parts, edge(128), edge(132))
    (-inside.sum()).backward()
    assert torch.sign(raw.grad).item() == back


@given(st.integers(2, 300), st.integers(2, 300))
def test_stages_are_as_many_as_it_takes(levels, branching):
    up = Upscaling(levels, branching)
    assert up.width(up.stages) == 1 and up.width(0) >= levels > up.width(0) // branching * (up.stages > 1)
    assert up.widths().tolist() == [up.width(s) for s in range(up.stages + 1)]
