"""Token geometries: exact reconstruction, causality, streaming, orthonormality of the MDCT."""

import math

import numpy as np
import pytest
import torch
from adr_models.tokens.mdct import MDCTConfig, MDCTTokens, mdct_basis
from adr_models.tokens.patches import ImageConfig, ImageTokens, WaveConfig, WaveTokens


def test_mdct_is_the_textbook_sum():
    hop = 8
    block = np.random.default_rng(0).standard_normal(2 * hop)
    window = np.sin(np.pi / (2 * hop) * (np.arange(2 * hop) + 0.5))
    expected = [
        math.sqrt(2 / hop)
        * sum(window[n] * block[n] * math.cos(math.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5)) for n in range(2 * hop))
        for k in range(hop)
    ]
    np.testing.assert_allclose(block @ mdct_basis(hop).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_sound_comes_back_one_hop_late_and_streams(power):
    codec = MDCTTokens(MDCTConfig(hop=16, power=power)).double()
    codec.basis = mdct_basis(16)
    samples = 0.3 * torch.randn(2, 16 * 12).double()
    codec.fit(list(samples))
    tokens = codec.encode(samples)
    assert tokens.square().mean().item() == pytest.approx(1.0, rel=0.2)
    whole, _ = codec.decode(tokens, codec.initial_state(2))
    torch.testing.assert_close(whole[:, 16:], samples[:, :-16], rtol=0, atol=1e-10)
    state, parts = codec.initial_state(2), []
    for part in tokens.split([1, 4, 2, 5], 1):
        signal, state = codec.decode(part, state)
        parts.append(signal)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)


def test_mdct_tokens_see_no_later_segment():
    codec = MDCTTokens(MDCTConfig(hop=16))
    samples = torch.randn(1, 16 * 6)
    changed = samples.clone()
    changed[:, 16 * 4 :] = 0
    a, b = codec.encode(samples), codec.encode(changed)
    assert torch.equal(a[:, :4], b[:, :4]) and not torch.equal(a[:, 4], b[:, 4])


def test_silent_bins_do_not_explode():
    codec = MDCTTokens(MDCTConfig(hop=16))
    n = torch.arange(16 * 20)
    codec.fit([torch.sin(n * math.pi / 16 * 2.5)])
    assert codec.encode(torch.randn(1, 160) * 0.1).abs().max() < 1e3


def test_picture_comes_back_and_rows_can_be_given_alone():
    codec = ImageTokens(ImageConfig(height=8, width=12, channels=3, patch=4))
    pixels = torch.rand(5, 8, 12, 3)
    codec.fit(pixels)
    tokens = codec.encode(pixels)
    assert tokens.shape == (5, 6, 48)
    torch.testing.assert_close(codec.decode(tokens, {})[0], pixels)
    torch.testing.assert_close(codec.encode(pixels[:, :4]), tokens[:, :3])
    # Raster order: the second token is the patch to the right of the first.
    second = (pixels[0, :4, 4:8] - codec.mean) / codec.std
    torch.testing.assert_close(tokens[0, 1], second.reshape(-1))


def test_raw_waveform_comes_back():
    codec = WaveTokens(WaveConfig(hop=10))
    samples = torch.randn(2, 70)
    codec.fit(list(samples))
    torch.testing.assert_close(codec.decode(codec.encode(samples), {})[0], samples)


def test_patch_must_divide_the_picture():
    with pytest.raises(ValueError, match="do not divide"):
        ImageTokens(ImageConfig(height=9, width=8, patch=2))
