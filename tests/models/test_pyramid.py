"""Pyramids of pictures: orthonormal transforms, tokens that come back, neighbours that are earlier ones, masks."""

import numpy as np
import pytest
import torch
from adr_models.causal.backbone import Backbone, BackboneConfig
from adr_models.mixers.retention import RetentionConfig
from adr_models.tokens.haar import colour_axes, haar_join, haar_split
from adr_models.tokens.neighbours import pyramid_neighbours, raster_neighbours
from adr_models.tokens.patches import ImageConfig, ImageTokens
from adr_models.tokens.pyramid import PyramidConfig, PyramidTokens
from random_models import PYRAMID, random_model
from scipy.linalg import hadamard


def test_haar_is_the_hadamard_matrix_of_every_square():
    x = np.random.default_rng(0).standard_normal((2, 6, 8, 3))
    half, details = (y.numpy() for y in haar_split(torch.from_numpy(x)))
    for row, column in np.ndindex(3, 4):
        square = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(2, 4, 3)
        expected = np.einsum("ij,bjc->bic", hadamard(4) / 2, square)
        found = np.concatenate([half[:, row, column, None], details[:, row, column]], 1)
        np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_allclose(haar_join(*haar_split(torch.from_numpy(x))).numpy(), x, atol=1e-14)


def test_colours_turn_without_stretching_and_grey_is_luma():
    axes = colour_axes(3)
    torch.testing.assert_close(axes @ axes.T, torch.eye(3))
    assert torch.allclose(axes @ torch.ones(3), torch.tensor([3**0.5, 0, 0]), atol=1e-6)
    assert torch.equal(colour_axes(1), torch.eye(1))


def pictures(count=64, height=16, width=24, channels=3):
    """Smooth pictures: sums of random walks."""
    x = torch.randn(count, height, width, channels, generator=torch.Generator().manual_seed(0))
    x = x.cumsum(1).cumsum(2)
    return (x - x.amin((1, 2, 3), True)) / (x.amax((1, 2, 3), True) - x.amin((1, 2, 3), True))


@pytest.mark.parametrize(("channels", "levels", "region"), [(3, 3, 8), (1, 2, 4), (2, 2, 8), (3, 4, 8)])
def test_pictures_come_back_where_no_chroma_is_dropped(channels, levels, region):
    config = PyramidConfig(16, 24, channels, region, levels, fine_chroma=True)
    tokens, pixels = PyramidTokens(config), pictures(channels=channels)
    tokens.fit(pixels)
    encoded = tokens.encode(pixels)
    assert encoded.shape == (64, tokens.length, tokens.channels)
    torch.testing.assert_close(tokens.decode(encoded, {})[0], pixels, rtol=0, atol=2e-5)


def test_what_is_lost_is_the_finest_chroma():
    tokens, pixels = PyramidTokens(PyramidConfig(16, 24)), pictures()
    tokens.fit(pixels)
    back = tokens.decode(tokens.encode(pixels), {})[0]
    luma, chroma = colour_axes(3)[:1], colour_axes(3)[1:]
    torch.testing.assert_close(back @ luma.T, pixels @ luma.T, rtol=0, atol=2e-5)
    halved = [haar_split(x @ chroma.T)[0] for x in (back, pixels)]
    torch.testing.assert_close(*halved, rtol=0, atol=2e-5)
    assert not torch.allclose(back, pixels, atol=1e-3)


def test_levels_are_half_whitened_and_of_one_size():
    tokens, pixels = PyramidTokens(PyramidConfig(16, 24)), pictures(512)
    tokens.fit(pixels)
    encoded = tokens.encode(pixels).double()
    for level, width in enumerate(tokens.widths):
        part = encoded[:, level * 6 : level * 6 + 6]
        assert not part[..., width:].any()
        values = part[..., :width].flatten(0, 1)
        assert values.square().mean().item() == pytest.approx(1, rel=1e-4)
        covariance = (values.T @ values / len(values)).numpy()
        np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
        # The variance of an axis is in proportion to the deviation of what it was made of.
        raw = tokens.split(pixels)[level].flatten(0, 1).double() @ tokens.axes[level].basis.double()
        ratio = np.diag(covariance) / raw.std(0, correction=0).numpy()
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)


def test_the_first_level_alone_is_the_thumbnail():
    tokens, pixels = PyramidTokens(PyramidConfig(16, 24)), pictures()
    tokens.fit(pixels)
    encoded = tokens.encode(pixels)
    for level in (1, 2):
        # Details at their mean, which is nearly nothing.
        axes = tokens.axes[level]
        encoded[:, 6 * level : 6 * level + 6, : tokens.widths[level]] = axes.turn(torch.zeros(tokens.widths[level]))
    blocks = pixels.reshape(64, 4, 4, 6, 4, 3).mean((2, 4))
    found = tokens.decode(encoded, {})[0]
    torch.testing.assert_close(found, blocks.repeat_interleave(4, 1).repeat_interleave(4, 2), rtol=0, atol=1e-4)


def test_sizes_that_do_not_divide_are_refused():
    for wrong in (PyramidConfig(30, 32), PyramidConfig(32, 32, region=2)):
        with pytest.raises(ValueError, match="do not divide"):
            PyramidTokens(wrong)
    for levels in (-1, 0, 1, 9):
        with pytest.raises(ValueError, match="from 2 to 8 levels"):
            PyramidTokens(PyramidConfig(32, 32, levels=levels))


@pytest.mark.parametrize("table", [raster_neighbours((3, 4)), pyramid_neighbours((3, 4), 3)])
def test_neighbours_are_earlier_tokens(table):
    assert (table < torch.arange(len(table))[:, None]).all() and (table >= -1).all()


def test_neighbours_of_a_place_in_the_middle():
    table = pyramid_neighbours((3, 4), 3)
    # Region (1, 1) is number 5 of each level of 12.
    assert raster_neighbours((3, 4))[5].tolist() == [4, 1, 2, 0]
    assert table[5].tolist() == [4, 1, 2, 0, -1, -1, -1, -1, -1, -1]
    assert table[17].tolist() == [16, 13, 14, 12, 5, 4, 1, 6, 9, -1]
    assert table[29].tolist() == [28, 25, 26, 24, 17, 16, 13, 18, 21, 5]
    assert table[12].tolist() == [-1, -1, -1, -1, 0, -1, -1, 1, 4, -1]


def backbone():
    torch.manual_seed(0)
    tokens = PyramidTokens(PyramidConfig(8, 8, 3, 4, 3))
    config = BackboneConfig(tokens.channels, 3, layers=2, feedforward=24, retention=RetentionConfig(16, 2, chunk=5))
    return Backbone(config, tokens.neighbours, tokens.mask).double().eval(), tokens


def test_any_cut_gives_the_same_conditions_with_neighbours():
    network, tokens = backbone()
    x, label = torch.randn(2, 12, tokens.channels).double(), torch.tensor([0, 3])
    whole, _ = network(x, label)
    for cut in (1, 4, 7, 11):
        first, state = network(x[:, :cut], label, network.initial_state(2), "parallel")
        second, state = network(x[:, cut:], label, state, "recurrent")
        torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-9, atol=1e-11)
    state = network.initial_state(2)
    for n in range(12):
        condition, state = network.step(x[:, n], label, state)
        torch.testing.assert_close(condition, whole[:, n], rtol=1e-9, atol=1e-11)


def test_neighbours_and_nothing_later_reach_a_condition():
    """With retention's memory shut, a condition depends on its own neighbours and on no other token."""
    network, tokens = backbone()
    for block in network.stack:
        torch.nn.init.zeros_(block.mixer.output.weight)
    x, label = torch.randn(1, 12, tokens.channels).double(), torch.tensor([1])
    whole, _ = network(x, label)
    for n in range(11):
        other = x.clone()
        other[:, n + 1] += 1.0
        # Input n + 1 is token n.
        changed = (network(other, label)[0] - whole).abs().amax((0, 2)) > 1e-9
        assert changed.nonzero().flatten().tolist() == (tokens.neighbours == n).any(1).nonzero().flatten().tolist()


def test_channels_behind_the_mask_count_for_nothing():
    model = random_model(PYRAMID)
    tokens, mask = torch.randn(2, 12, model.tokens.channels), model.tokens.mask
    noisy = tokens + 5 * torch.randn_like(tokens) * (1 - torch.roll(mask, 1, 0))
    label = torch.tensor([0, 1])
    conditions, _ = model.backbone(tokens, label)
    torch.testing.assert_close(model.backbone(noisy, label)[0], conditions, rtol=0, atol=0)
    torch.testing.assert_close(conditions[..., -model.tokens.channels :], mask.expand(2, -1, -1))
    x, time = torch.randn(2, 12, model.tokens.channels), model.head.time_modulation(torch.tensor([7]))[0]
    of_condition = model.head.condition_modulation(conditions)
    output = model.head(x, time, of_condition)
    torch.testing.assert_close(model.head(x * mask, time, of_condition), output, rtol=0, atol=0)
    assert not (output * (1 - mask)).any() and (output * mask).any()


def test_the_loss_is_the_mean_over_a_tokens_own_channels():
    model = random_model(PYRAMID)
    tokens, label = torch.randn(2, 12, model.tokens.channels) * model.tokens.mask, torch.tensor([0, 1])
    draws = model.draw(2, 12, torch.Generator().manual_seed(1))
    whole = torch.ones(2, 12, dtype=torch.bool)
    found = model.loss(tokens, label, whole, draws)
    label = torch.where(draws.drop < 0.1, 2, label)
    conditions, _ = model.backbone(torch.cat([tokens[:, :1] * 0, tokens[:, :-1]], 1), label)
    expected = 0.0
    for row, n in np.ndindex(2, 12):
        own = model.tokens.mask[n].bool()
        for d in range(draws.t.shape[-1]):
            t = draws.t[row, n, d]
            signal, noise = model.schedule.signal[t], model.schedule.noise[t]
            epsilon = draws.epsilon[row, n, d] * own
            of_condition = model.head.condition_modulation(conditions[row, n])
            time = model.head.time_modulation(t[None])[0]
            output = model.head(signal * tokens[row, n] + noise * epsilon, time, of_condition)
            error = output - (signal * epsilon - noise * tokens[row, n])
            expected += error[own].square().mean() / draws.t.shape[-1]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_patches_may_have_neighbours_too():
    tokens = ImageTokens(ImageConfig(8, 12, 3, 4, neighbours=True))
    assert tokens.neighbours.tolist() == raster_neighbours((2, 3)).tolist() and tokens.mask is None
    model = random_model({**PYRAMID, "pyramid": None, "image": {"height": 8, "width": 8, "channels": 3,
                                                                "patch": 4, "neighbours": True}})  # fmt: skip
    assert model.backbone.initial_state(1)["tokens"].shape == (1, 4, 48)


def test_timesteps_follow_their_distribution():
    """Stratified draws share the distribution evenly; log SNR is normal, up to where the schedule ends."""
    changes = {"loss": {"draws": 4, "stratified": True, "log_snr": [0.8, 2.0]}}
    model = random_model(PYRAMID | changes, schedule={"kind": "cosine", "timesteps": 1000})
    t = model.draw_timesteps((40, 25, 4), torch.Generator().manual_seed(0))
    ratio = 2 * (model.schedule.signal.log() - model.schedule.noise.log())[t]
    assert ratio.mean().item() == pytest.approx(0.8, abs=0.05) and ratio.std().item() == pytest.approx(2, abs=0.05)
    quarter = torch.quantile(ratio.flatten(), torch.tensor([0.25, 0.5, 0.75]))
    for draw, (low, high) in enumerate([(2, 3), (1, 2), (0, 1), (-1, 0)]):
        edges = [-torch.inf, *quarter.tolist(), torch.inf]
        part = ratio[..., draw]
        assert ((part >= edges[low + 1] - 0.2) & (part <= edges[high + 1] + 0.2)).all()
    uniform = random_model(PYRAMID | {"loss": {"draws": 4, "stratified": True}}, schedule={"timesteps": 1000})
    t = uniform.draw_timesteps((40, 25, 4), torch.Generator().manual_seed(0))
    assert torch.equal(t // 250, torch.arange(4).expand_as(t))
