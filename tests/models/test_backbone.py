"""The backbone: causality, state across cuts, start token, labels, the softmax mixer, 2-D positions."""

import dataclasses

import numpy as np
import pytest
import torch
from adr_models.causal.backbone import Backbone, BackboneConfig, grid_features
from adr_models.mixers.retention import RetentionConfig
from adr_models.mixers.softmax import SoftmaxAttention

CONFIG = BackboneConfig(
    channels=6, labels=3, layers=2, feedforward=24, retention=RetentionConfig(width=16, heads=2, chunk=5)
)


def build(**changes):
    torch.manual_seed(0)
    return Backbone(dataclasses.replace(CONFIG, **changes)).double().eval()


@pytest.mark.parametrize("mixer", ["retention", "softmax"])
@pytest.mark.parametrize("grid", [(), (4, 4)])
def test_any_cut_and_any_form_gives_the_same_conditions(mixer, grid):
    backbone = build(mixer=mixer, grid=grid)
    tokens, label = torch.randn(2, 16, 6).double(), torch.tensor([0, 3])
    whole, _ = backbone(tokens, label)
    for cut in (1, 7, 15):
        for form in ("parallel", "recurrent", "chunkwise"):
            first, state = backbone(tokens[:, :cut], label, backbone.initial_state(2), form)
            second, state = backbone(tokens[:, cut:], label, state, form)
            torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-9, atol=1e-11)
            assert state["position"].tolist() == [16, 16]
    state = backbone.initial_state(2)
    for n in range(16):
        condition, state = backbone.step(tokens[:, n], label, state)
        torch.testing.assert_close(condition, whole[:, n], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mixer", ["retention", "softmax"])
def test_conditions_do_not_see_later_tokens(mixer):
    backbone = build(mixer=mixer)
    tokens, label = torch.randn(1, 12, 6).double(), torch.tensor([1])
    other = tokens.clone()
    other[:, 8:] = torch.randn(1, 4, 6).double()
    a, b = backbone(tokens, label)[0], backbone(other, label)[0]
    torch.testing.assert_close(a[:, :8], b[:, :8], rtol=0, atol=0)
    assert (a[:, 8:] - b[:, 8:]).abs().min(dim=-1).values.max() > 1e-6


def test_first_token_input_is_ignored_and_label_counts():
    backbone = build()
    tokens = torch.randn(1, 3, 6).double()
    other = tokens.clone()
    other[:, 0] = 100.0
    label = torch.tensor([1])
    torch.testing.assert_close(backbone(tokens, label)[0], backbone(other, label)[0], rtol=0, atol=0)
    assert not torch.allclose(backbone(tokens, label)[0], backbone(tokens, torch.tensor([3]))[0])


def test_softmax_is_the_printed_equation():
    """softmax(Q K^T / sqrt(d) + M) V in float64 NumPy, with rotation by angle 0."""
    torch.manual_seed(0)
    module = SoftmaxAttention(RetentionConfig(width=8, heads=2)).double()
    x = torch.randn(1, 7, 8).double()
    angles = torch.cat([torch.ones(1, 7, 2), torch.zeros(1, 7, 2)], -1).double()
    found, _ = module(x, angles, None, "parallel")
    q, k, v = np.split(x[0].numpy() @ module.query_key_value.weight.detach().numpy().T, 3, -1)
    mixed = np.zeros((7, 8))
    for h in range(2):
        part = slice(4 * h, 4 * h + 4)
        scores = q[:, part] @ k[:, part].T / 2 + np.triu(np.full((7, 7), -np.inf), 1)
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        mixed[:, part] = weights @ v[:, part]
    expected = mixed @ module.output.weight.detach().numpy().T
    np.testing.assert_allclose(found[0].detach().numpy(), expected, rtol=1e-10, atol=1e-12)


def test_every_position_of_a_grid_has_its_own_features():
    features = grid_features(4, 8)
    assert features.shape == (32, 16)
    assert torch.cdist(features, features).fill_diagonal_(1).min() > 0.05


def test_unknown_mixer_is_refused():
    with pytest.raises(ValueError, match="neither retention nor softmax"):
        Backbone(dataclasses.replace(CONFIG, mixer="convolution"))
