"""What an aligner hears: bands against torchaudio and NumPy in float64, and what must make no difference."""

import numpy as np
import pytest
import torch
import torchaudio
from adr_models.spoken_text.aligner import (
    FLOOR,
    LOWEST,
    MELS,
    WINDOW,
    AlignerConfig,
    AlignerModel,
    LogMel,
    mel_bands,
    warped,
)
from adr_runtime.spoken_text.aligner import HOP, RATE, SOUND_OF, SOUNDS


@pytest.fixture
def sound():
    random = np.random.default_rng(0)
    time = np.arange(4 * RATE // 10 + 77) / RATE
    tones = sum(np.sin(2 * np.pi * f * time * (1 + time)) / (1 + f / 500) for f in (120, 240, 700, 2300, 5100))
    return (0.1 * tones + 0.003 * random.normal(size=len(time))) * np.linspace(0.1, 1, len(time))


def test_bands_are_those_of_torchaudio():
    expected = torchaudio.functional.melscale_fbanks(WINDOW // 2 + 1, LOWEST, RATE / 2, MELS, RATE)
    torch.testing.assert_close(mel_bands(), expected, atol=1e-5, rtol=1e-4)
    assert (mel_bands() > 0).any(0).all()


def test_frames_are_those_of_torchaudio_and_of_a_spectrum_in_float64(sound):
    level = sound / np.sqrt(np.mean(sound**2))
    edge = (WINDOW - HOP) // 2
    padded = np.pad(level, edge)
    frames = np.stack([padded[n * HOP : n * HOP + WINDOW] for n in range(len(sound) // HOP)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    expected = np.log(power @ mel_bands().double().numpy() + FLOOR)
    actual = LogMel()(torch.from_numpy(sound).float()[None])[0]
    np.testing.assert_allclose(actual.numpy(), expected, atol=2e-3)
    other = torchaudio.transforms.MelSpectrogram(
        RATE, WINDOW, hop_length=HOP, f_min=LOWEST, n_mels=MELS, center=False
    )  # fmt: skip
    theirs = (other(torch.from_numpy(padded).float()).T + FLOOR).log()
    torch.testing.assert_close(actual, theirs, atol=2e-3, rtol=1e-3)


def test_neither_loudness_nor_a_row_beside_makes_a_difference(sound):
    torch.manual_seed(0)
    model = AlignerModel(AlignerConfig(16, dilations=(1, 2))).eval()
    samples = torch.from_numpy(sound).float()[None]
    with torch.no_grad():
        heard = model(samples)
        assert heard.shape == (1, len(sound) // HOP, len(SOUNDS))
        torch.testing.assert_close(model(samples * 0.05), heard, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(model(torch.cat([samples, samples.flip(1)]))[:1], heard, atol=1e-4, rtol=1e-3)
        assert torch.isfinite(model(torch.zeros(1, RATE))).all()


def test_warped_bands_are_read_on_straight_lines():
    bands = torch.randn(2, 3, MELS)
    warp = torch.tensor([1.07, 0.93])
    for row in range(2):
        places = np.minimum(np.arange(MELS) * warp[row].item(), MELS - 1)
        for frame in range(3):
            expected = np.interp(places, np.arange(MELS), bands[row, frame].numpy())
            np.testing.assert_allclose(warped(bands, warp)[row, frame].numpy(), expected, atol=1e-5)


def test_sounds_have_no_stress():
    assert SOUND_OF["AH0"] == SOUND_OF["AH1"] == SOUND_OF["AH2"] and SOUND_OF["pau"] == SOUND_OF["."] == 0
    assert len(SOUNDS) == 40 and sorted(set(SOUND_OF.values())) == list(range(40))
