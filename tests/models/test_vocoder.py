"""Tokens of a vocoder: principal axes beside NumPy's, chunks, and what the frames' numbers become."""

import numpy as np
import pytest
import torch
from adr_models.tokens.source_filter import SILENCE
from adr_models.tokens.vocoder import FINER, PITCH_WEIGHT, VocoderConfig, VocoderTokens
from hypothesis import given, settings
from hypothesis import strategies as st

SMALL = VocoderConfig(800, hop=4, stride=2, channels=7, cepstrum=5, balance=2)


def vocoder(config=SMALL):
    """Fitted to frames whose numbers go together."""
    random = np.random.default_rng(0)
    width = config.stride * config.values
    values = random.normal(size=(300, width)) @ random.normal(size=(width, width)) * 0.1 + 0.5
    made = VocoderTokens(config).double()
    made.fit(torch.from_numpy(values).reshape(-1, config.values))
    return made, values


def test_axes_are_those_of_a_singular_value_decomposition():
    model, values = vocoder()
    tokens = model.encode(torch.from_numpy(values).reshape(1, -1, SMALL.values))[0].numpy()
    centred = values - values.mean(0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    deviations = sizes[:7] / np.sqrt(len(values))
    expected = centred @ axes[:7].T / np.sqrt(deviations * deviations.mean())
    np.testing.assert_allclose(np.abs(tokens), np.abs(expected), atol=1e-5)
    np.testing.assert_allclose(np.square(tokens).mean(), 1, atol=1e-6)
    assert (np.diff(tokens.std(0)) < 0).all()


def test_all_axes_lose_nothing():
    """Frames become the controls of pulses and noise; the envelope is in both, its fine part larger than it was at the
    same power, the balance in its own."""
    config = VocoderConfig(800, hop=4, stride=2, channels=2 * SMALL.values, cepstrum=5, balance=2)
    model, values = vocoder(config)
    seen = []
    model.source.forward = lambda controls, state: (seen.append(controls), state)
    model.decode(model.encode(torch.from_numpy(values).reshape(1, -1, config.values)), {})
    (controls,) = seen
    frames = values.reshape(-1, config.values)
    expected = np.zeros((len(frames), 11))
    expected[:, 0] = frames[:, 0] / PITCH_WEIGHT
    finer = frames[:, 1:6] * [1, 1, FINER, FINER, FINER]
    cosines = np.cos(np.outer(np.arange(5), np.linspace(0, np.pi, 10)))
    before, after = (np.exp(2 * envelope @ cosines).sum(-1) for envelope in (frames[:, 1:6], finer))
    finer[:, 0] -= np.log(after / before) / 2
    expected[:, 1:6] = expected[:, 6:] = finer
    expected[:, 1:3] += frames[:, 6:8]
    expected[:, 6:8] += frames[:, 8:10]
    expected[:, [1, 6]] -= SILENCE
    np.testing.assert_allclose(controls[0].numpy(), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_chunks_of_any_size_decode_to_the_whole(sizes):
    model, _ = vocoder()
    tokens = torch.randn(2, sum(sizes), 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    whole, last = model.decode(tokens, model.initial_state(2))
    state, parts = model.initial_state(2), []
    for piece in tokens.split(sizes, 1):
        samples, state = model.decode(piece, state)
        parts.append(samples)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-10, atol=1e-10)
    assert whole.shape == (2, 8 * sum(sizes))
    for name, value in last.items():
        torch.testing.assert_close(state[name], value, rtol=1e-10, atol=1e-10)


def test_what_no_vocoder_can_be():
    for wrong in ({"cepstrum": 5, "balance": 6}, {"cepstrum": 257}):
        with pytest.raises(ValueError, match="to two hops"):
            VocoderConfig(**wrong)
    for wrong in ({"balance": 0}, {"stride": 0}, {"hop": 0}, {"sample_rate": -1}):
        with pytest.raises(ValueError, match="are 1 or more"):
            VocoderConfig(**wrong)
    with pytest.raises(ValueError, match="channels is 1 to 340"):
        VocoderConfig(channels=341)


def test_what_lies_beyond_all_that_was_measured_is_cut_off():
    model, values = vocoder()
    tokens = model.encode(torch.from_numpy(values).reshape(1, -1, SMALL.values))
    torch.testing.assert_close(model.bounds, 1.1 * tokens[0].abs().amax(0), rtol=1e-6, atol=0)
    far = 1000 * torch.randn(1, 20, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    made, _ = model.decode(far, model.initial_state(1))
    expected, _ = model.decode(far.clamp(-model.bounds, model.bounds), model.initial_state(1))
    assert torch.equal(made, expected) and float(made.abs().max()) < 1000


@pytest.mark.parametrize("far", [1, -1, 1000, -1000])
def test_what_is_far_beyond_speech_is_cut_off_and_stays_finite(far):
    """Logarithms of loudness of which float32 has no exponential: the spectrum's own bound holds."""
    for config in (SMALL, VocoderConfig(channels=48)):
        model = VocoderTokens(config)
        samples, state = model.decode(torch.full((2, 5, config.channels), far * 10.0), model.initial_state(2))
        assert samples.isfinite().all() and all(value.isfinite().all() for value in state.values())
