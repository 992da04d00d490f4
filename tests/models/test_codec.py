"""The codec: chunks equal the whole, causality, the shapes and sizes that the recipe promises."""

import pytest
import torch
from adr_models import ADRConfig, ADRModel
from adr_models.tokens.codec import CodecConfig, CodecTokens
from hypothesis import given, settings
from hypothesis import strategies as st

SMALL = CodecConfig(800, hop=4, stride=2, channels=5, width=16, hidden=24, kernel=3, coarse=1, fine=2)


def codec(config=SMALL):
    torch.manual_seed(0)
    made = CodecTokens(config).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    made.fit([torch.randn(400), torch.randn(800)])
    return made.double()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_chunks_of_any_size_decode_to_the_whole(sizes):
    model = codec()
    with torch.no_grad():
        tokens = torch.randn(2, sum(sizes), 5, dtype=torch.float64)
        whole, last = model.decode(tokens, model.initial_state(2))
        state, parts = model.initial_state(2), []
        for piece in tokens.split(sizes, 1):
            samples, state = model.decode(piece, state)
            parts.append(samples)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-12, atol=1e-12)
    assert whole.shape == (2, 8 * sum(sizes))
    for name, value in last.items():
        torch.testing.assert_close(state[name], value, rtol=1e-12, atol=1e-12)


def test_no_token_hears_the_future_and_no_sample_waits_for_it():
    model = codec()
    with torch.no_grad():
        samples = torch.randn(1, 80, dtype=torch.float64)
        later = torch.cat([samples[:, :40], torch.randn(1, 40, dtype=torch.float64)], 1)
        a, b = model.encode(samples), model.encode(later)
        assert torch.equal(a[:, :5], b[:, :5]) and not torch.equal(a[:, 5:6], b[:, 5:6])
        x, y = (model.decode(t, model.initial_state(1))[0] for t in (a, b))
        assert torch.equal(x[:, :40], y[:, :40]) and not torch.equal(x[:, 40:48], y[:, 40:48])


def test_latents_are_normalised_over_the_training_data():
    model = codec()
    clips = [torch.randn(400, dtype=torch.float64), torch.randn(803, dtype=torch.float64)]
    model.fit(clips)
    padded = [torch.nn.functional.pad(c, (0, -len(c) % 8)) for c in clips]
    with torch.no_grad():
        tokens = torch.cat([model.encode(c[None])[0] for c in padded])
    torch.testing.assert_close(tokens.mean(0), torch.zeros(5).double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(tokens.std(0), torch.ones(5).double(), rtol=1e-5, atol=1e-5)


def test_recipe_sizes():
    """Latents of 16 to 32 channels at 25 to 50 Hz, at most 2 M weights in the decoder."""
    config = CodecConfig()
    rate = config.sample_rate / (config.hop * config.stride)
    weights = sum(p.numel() for p in CodecTokens(config).decoder.parameters())
    assert 16 <= config.channels <= 32 and 25 <= rate <= 50 and weights <= 2_000_000


def test_model_of_latents_takes_speakers_and_tells_the_end():
    values = {
        "labels": ["a", "b"], "speakers": ["x", "y"],
        "codec": {"hop": 4, "stride": 2, "channels": 5, "width": 16, "hidden": 24, "kernel": 3, "coarse": 1, "fine": 1},
        "backbone": {"layers": 1, "feedforward": 16, "ends": True, "retention": {"width": 16, "heads": 2}},
        "head": {"width": 12, "blocks": 1, "frequencies": 8},
        "schedule": {"timesteps": 40},
    }  # fmt: skip
    torch.manual_seed(0)
    model = ADRModel(ADRConfig.from_dict(values))
    tokens, label, speaker = torch.randn(3, 6, 5), torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2])
    mask, ended = torch.ones(3, 6, dtype=torch.bool), torch.arange(6).expand(3, 6) > 3
    draws = model.draw(3, 6, torch.Generator().manual_seed(1))
    without = model.loss(tokens, label, mask, draws, speaker)
    told = model.loss(tokens, label, mask, draws, speaker, ended)
    told.backward()
    assert model.backbone.end.weight.grad.any() and model.backbone.speaker.weight.grad.any()
    torch.testing.assert_close(told - without, torch.tensor(0.1 * 18 * 0.693), rtol=0.2, atol=0.0)
    with pytest.raises(ValueError, match="exactly one"):
        ADRModel(ADRConfig.from_dict({**values, "wave": {"hop": 4}}))
