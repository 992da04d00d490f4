"""What ARDMs mix with and are measured by: bidirectional retention against brute force, the causal baseline's sums."""

import itertools
import math

import numpy as np
import pytest
import torch
from adr_models.any_order.baseline import Causal, CausalConfig
from adr_models.any_order.bidirectional import BidirectionalRetention, distance_decay
from adr_models.mixers.retention import RetentionConfig


@pytest.mark.parametrize("grid", [(7,), (3, 4)])
def test_bidirectional_retention_against_brute_force(grid):
    torch.manual_seed(0)
    config = RetentionConfig(width=16, heads=2, first_exponent=1)
    mixer = BidirectionalRetention(config).double()
    tokens = math.prod(grid)
    positions = torch.stack([p.flatten() for p in torch.meshgrid(*map(torch.arange, grid), indexing="ij")], -1)
    decay = distance_decay(positions.double(), mixer.gamma.double())
    x, angles = torch.randn(2, tokens, 16).double(), torch.cat([torch.ones(tokens, 4), torch.zeros(tokens, 4)], -1)
    with torch.no_grad():
        found = mixer(x, angles.double(), decay)
        q, k, v, gate = (y.numpy() for y in mixer.project(x, angles.double()))
    mixed = np.zeros_like(v)
    for n, m, h in itertools.product(range(tokens), range(tokens), range(2)):
        distance = sum(abs(a - b) for a, b in zip(positions[n].tolist(), positions[m].tolist(), strict=True))
        gamma = 1 - 2.0 ** -(1 + h)
        mixed[:, n, h] += gamma**distance * (q[:, n, h] * k[:, m, h]).sum(-1, keepdims=True) * v[:, m, h]
    with torch.no_grad():
        expected = mixer.finish(torch.from_numpy(mixed), torch.from_numpy(gate))
    assert torch.allclose(found, expected, atol=1e-9)


CAUSAL = {"backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}}}


@pytest.mark.parametrize("config", [
    {"kind": "text", "shape": [1, 4, 1], "levels": 3, **CAUSAL},
    {"shape": [2, 2, 3], "levels": 4, "output": "logistics", "components": 2, **CAUSAL},
])  # fmt: skip
def test_the_causal_baseline_is_a_normalised_model_of_what_came_before(config):
    torch.manual_seed(0)
    model = Causal(CausalConfig.from_dict(config)).double().eval()
    levels, dimensions = config["levels"], math.prod(config["shape"])
    random = np.random.default_rng(0)
    values = torch.from_numpy(random.integers(levels, size=(1, dimensions)))
    with torch.no_grad():
        base = model.log_likelihood(values)
        for at in (0, dimensions // 2, dimensions - 1):
            every = values.repeat(levels, 1)
            every[:, at] = torch.arange(levels)
            found = model.log_likelihood(every)
            assert float(found[:, at].exp().sum()) == pytest.approx(1, abs=1e-5)
            assert torch.allclose(found[:, :at], base[:, :at].expand(levels, -1), atol=1e-9)
