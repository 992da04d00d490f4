"""Tokens of noise bands: sums beside NumPy's, sounds that are known beforehand, chunks, causality."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from adr_models.tokens.mdct import mdct_basis, pad_to
from adr_models.tokens.noise_bands import NOISE_FRAMES, SILENCE, NoiseBandsConfig, NoiseBandTokens

SMALL = NoiseBandsConfig(8000, hop=32, stride=2, tonal=8, bands=6, channels=28)


def fitted(config=SMALL, clips=None):
    """Tokens in float64, with axes of noise that grows and fades unless there are clips."""
    tokens = NoiseBandTokens(config).double()
    if clips is None:
        random = np.random.default_rng(0)
        clips = [torch.from_numpy(random.standard_normal(64 * 20) * np.linspace(0, 0.5, 64 * 20)) for _ in range(4)]
    tokens.fit(clips)
    return tokens


def decoded(tokens, samples):
    """What comes back of samples (n * hop,), as long as they are."""
    padded = torch.cat([samples, samples.new_zeros(tokens.hop)])
    signal, _ = tokens.decode(tokens.encode(padded[None]), tokens.initial_state(1))
    return signal[0, tokens.delay : tokens.delay + len(samples)]


def test_the_quadrature_is_the_textbook_sum_of_sines():
    hop = SMALL.hop
    n, k = np.arange(2 * hop)[:, None], np.arange(hop)
    window = np.sin(np.pi / (2 * hop) * (n + 0.5))
    sines = math.sqrt(2 / hop) * window * np.sin(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))
    own = NoiseBandTokens(SMALL).quadrature.double().numpy()
    # Of one sign or the other for all bins: only squares are taken.
    np.testing.assert_allclose(own * np.sign((own * sines).sum()), sines, atol=1e-6)


def test_values_of_a_frame_are_roots_and_logarithms():
    tokens = NoiseBandTokens(SMALL)
    samples = torch.randn(1, SMALL.hop * 2, generator=torch.Generator().manual_seed(1))
    values = tokens.measured(samples)[0].reshape(2, -1)[1].numpy()
    block, basis = samples[0].numpy().astype(np.float64), mdct_basis(SMALL.hop).numpy()
    low = (block @ basis)[: SMALL.tonal]
    np.testing.assert_allclose(values[: SMALL.tonal], np.sign(low) * np.sqrt(np.abs(low)), atol=1e-4)
    power = ((block @ basis) ** 2 + (block @ tokens.quadrature.double().numpy()) ** 2) / 2
    edges = SMALL.edges
    assert edges[0] == SMALL.tonal and edges[-1] == SMALL.hop and len(edges) == SMALL.bands + 1
    bands = [np.log(np.sqrt(power[a:b].mean()) + SILENCE) for a, b in pairwise(edges)]
    np.testing.assert_allclose(values[SMALL.tonal :], bands, atol=1e-4)


def test_what_is_low_comes_back_as_it_was():
    """A tone in the middle of the tonal bins, faded in and out, all of whose axes are kept."""
    time = torch.arange(64 * 30).double()
    tone = 0.5 * torch.sin(2 * math.pi * 500 / 8000 * time) * torch.sin(math.pi * time / len(time)) ** 2
    back = decoded(fitted(), tone)
    assert (back - tone).square().mean() < 1e-4 * tone.square().mean()


def test_noise_comes_back_as_loud_as_it_was_when_it_was_and_silence_as_silence():
    random, edge = np.random.default_rng(2), 64 * 40
    burst = torch.from_numpy(np.concatenate([np.zeros(edge), 0.2 * random.standard_normal(edge), np.zeros(edge)]))
    back = decoded(fitted(), burst)
    before, within, after = (part.square().mean().sqrt().item() for part in back.split(edge))
    assert within == pytest.approx(0.2, rel=0.1)
    # Half a window of it lies before and behind.
    assert before < 0.03 and after < 0.03
    assert back[: edge - SMALL.hop].abs().max() < 1e-6 and back[edge * 2 + SMALL.hop :].abs().max() < 1e-6


def test_decoding_in_chunks_is_decoding_at_once_beyond_all_the_noise_there_is():
    tokens = fitted()
    samples = 0.3 * torch.randn(2, tokens.hop * (NOISE_FRAMES + 9), dtype=torch.float64)
    encoded = tokens.encode(samples)
    whole, last = tokens.decode(encoded, tokens.initial_state(2))
    state, parts = tokens.initial_state(2), []
    for part in encoded.split([1, 7, NOISE_FRAMES, 1], 1):
        signal, state = tokens.decode(part, state)
        parts.append(signal)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)
    assert torch.equal(state["noise"], last["noise"])
    torch.testing.assert_close(state["overlap"], last["overlap"], rtol=0, atol=1e-12)


def test_a_model_that_goes_astray_makes_no_bang():
    tokens = fitted()
    values = torch.zeros(SMALL.stride, tokens.values, dtype=torch.float64)
    values[:, SMALL.tonal :] = 20.0
    loud = tokens.axes.turn(values.reshape(1, 1, -1) * tokens.weight).expand(-1, 40, -1)
    signal, _ = tokens.decode(loud, tokens.initial_state(1))
    # Noise at full scale in three quarters of the bins.
    assert signal.square().mean().sqrt() < 1.0


def test_a_token_sees_nothing_of_what_follows_it():
    tokens = fitted()
    samples = torch.randn(1, tokens.hop * 6, dtype=torch.float64)
    changed = samples.clone()
    changed[:, tokens.hop * 4 :] = 0
    a, b = tokens.encode(samples), tokens.encode(changed)
    assert torch.equal(a[:, :4], b[:, :4]) and not torch.equal(a[:, 4], b[:, 4])


def test_axes_are_those_of_what_was_measured():
    """The first of them carries the most: fewer channels lose what varies least."""
    random = np.random.default_rng(3)
    clips = [torch.from_numpy(random.standard_normal(64 * 30) * gain) for gain in (0.01, 0.1, 0.5)]
    tokens = fitted(clips=clips)
    # The silence behind a clip is measured too.
    weighted = torch.cat([tokens.measured(pad_to(clip, tokens.hop)[None])[0] for clip in clips]) * tokens.weight
    falling = np.linalg.eigvalsh(np.cov(weighted.numpy().T, bias=True))[::-1]
    coordinates = tokens.axes.turn(weighted) * tokens.axes.scale
    found = np.cov(coordinates.numpy().T, bias=True)
    np.testing.assert_allclose(found, np.diag(falling), atol=1e-9 * falling[0])
    kept = torch.cat([tokens.encode(pad_to(clip, tokens.hop)[None])[0] for clip in clips])
    back = tokens.axes.turn_back(torch.nn.functional.pad(kept, (0, len(falling) - SMALL.channels)))
    lost = (back - weighted).square().mean(0).sum().item()
    assert lost == pytest.approx(falling[SMALL.channels :].sum(), rel=1e-6) and lost < 0.1 * falling.sum()


def test_what_no_tokens_can_be():
    for wrong, says in (
        ({"hop": 0}, "1 or more"), ({"tonal": 8, "hop": 12, "bands": 8}, "do not fit"), ({"channels": 193}, "1 to 192"),
        ({"tonal": 128}, "do not fit"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            NoiseBandsConfig(**wrong)
