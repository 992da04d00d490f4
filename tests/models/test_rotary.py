"""Rotary angles against float64, near and far; relative positions only."""

import numpy as np
import pytest
import torch
from adr_models.mixers.rotary import RotaryAngles, rotate

POSITIONS = [0, 1, 255, 256, 65_535, 999_999, 1_000_000, 16_777_217, 2**31 - 1, 2**32 - 1]


@pytest.mark.parametrize("position", POSITIONS)
def test_angles_are_exact_at_any_position(position):
    dim = 16
    found = RotaryAngles(dim)(torch.tensor([position]))[0].numpy()
    theta = 10_000.0 ** (-np.arange(0, dim, 2, dtype=np.longdouble) / dim)
    # The reference's own rounding, theta in float64 as the table has it, grows with the position.
    angle = np.longdouble(position) * np.float64(theta)
    expected = np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float64)
    slack = 1e-6 + position * 1e-15
    np.testing.assert_allclose(found, expected, atol=slack)


def test_a_float32_product_would_not_do():
    theta = 10_000.0 ** (-2 / 16)
    naive = np.cos(np.float32(1_000_000) * np.float32(theta))
    assert abs(naive - np.cos(1_000_000 * theta)) > 1e-3


def test_scores_depend_on_distance_alone():
    torch.manual_seed(0)
    angles = RotaryAngles(8)
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(n, m):
        a, b = angles(torch.tensor([[n]])), angles(torch.tensor([[m]]))
        return (rotate(q, a) * rotate(k, b)).sum().item()

    assert score(1_000_007, 1_000_000) == pytest.approx(score(7, 0), abs=1e-5)
    assert score(9, 0) != pytest.approx(score(7, 0), abs=1e-3)


def test_odd_width_is_refused():
    with pytest.raises(ValueError, match="even"):
        RotaryAngles(7)
