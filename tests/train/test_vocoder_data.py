"""What the vocoder says of sounds whose pitch, loudness and kind are known, and what it makes of them again."""

import sys

import numpy as np
import pytest
import torch
from adr_models.tokens.source_filter import PITCH
from adr_models.tokens.vocoder import PITCH_WEIGHT, VocoderConfig, VocoderTokens
from adr_runtime.media.spectrogram import mel_spectrogram
from adr_train.data.types import AudioClips
from adr_train.data.vocoder import LEAST, QUIETEST, carried_on, frame_values
from adr_train.errors import TrainError
from adr_train.tasks.batches import Batches, encodable
from vowels import vowel

CONFIG = VocoderConfig(channels=340)
INSIDE = slice(15, -15)


def parts(values):
    """Hz; log amplitudes of the envelope's first coefficient; those of pulses and of noise."""
    c = CONFIG.cepstrum
    pulses, noise = values[:, 1 + c], values[:, 1 + c + CONFIG.balance]
    return PITCH * 2 ** (values[:, 0] / PITCH_WEIGHT), values[:, 1], pulses, noise


@pytest.mark.parametrize("hertz", [90, 150, 280])
def test_a_vowel_has_its_pitch_and_little_noise(hertz):
    values = frame_values(vowel(hertz), CONFIG)
    assert values.shape == (125, 85) and values.dtype == np.float32
    pitch, _, pulses, noise = (part[INSIDE] for part in parts(values))
    np.testing.assert_allclose(pitch, hertz, rtol=0.01)
    assert pulses.min() > -0.2 and noise.max() < -1


def test_noise_is_as_loud_as_it_is_and_no_voice():
    clip = (0.05 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    _, envelope, pulses, noise = (part[INSIDE] for part in parts(frame_values(clip, CONFIG)))
    np.testing.assert_allclose(envelope.mean(), np.log(0.05), atol=0.35)
    assert (noise == 0).mean() > 0.9 and (pulses == LEAST).mean() > 0.9


def test_silence_is_as_quiet_as_it_gets():
    values = frame_values(np.zeros(1000, np.float32), CONFIG)
    assert values.shape == (7, 85) and np.isfinite(values).all()
    np.testing.assert_allclose(values[:, 1], QUIETEST, atol=1e-3)
    assert len(frame_values(np.zeros(10, np.float32), CONFIG)) == 0


@pytest.mark.parametrize(
    ("rate", "hop"), [(16000, 128), (22050, 128), (24000, 160), (44100, 441), (48000, 80), (8000, 64)]
)
def test_there_is_a_frame_for_every_hop(rate, hop):
    config = VocoderConfig(rate, hop, channels=8, cepstrum=20)
    for count in (1, 7, 13, 50):
        assert len(frame_values(np.zeros(count * hop, np.float32), config)) == count
        assert len(frame_values(np.zeros(count * hop + hop - 1, np.float32), config)) == count


def test_without_world_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(TrainError, match=r"pip install '\.\[voices\]'"):
        frame_values(np.zeros(1000, np.float32), CONFIG)


def test_pitch_goes_on_in_gaps_and_a_little_beside_them():
    everywhere, near = carried_on(np.array([0.0, 0, 100, 0, 0, 0, 0, 180, 0]), 1)
    assert everywhere.tolist() == [100, 100, 100, 116, 132, 148, 164, 180, 180]
    assert near.tolist() == [False, True, True, True, False, False, True, True, True]
    silent, none = carried_on(np.zeros(4), 1)
    assert silent.tolist() == [PITCH] * 4 and not none.any()


def test_batches_lay_frames_behind_silence():
    clips = [vowel(120, 0.2), vowel(200, 0.31)]
    data = AudioClips(clips, np.array([0, 1]), ("a", "b"), 16000, ("eve", "tom"))
    tokens = VocoderTokens(CONFIG)
    frames, silent = encodable(data, tokens)
    assert [len(part) for part in frames] == [25, 39] and silent.shape == (85,)
    torch.testing.assert_close(silent[1], torch.tensor(QUIETEST), atol=1e-3, rtol=0)
    tokens.fit(torch.cat([*frames, silent.expand(4 - (25 + 39) % 4, -1)]))
    batch = Batches(data, tokens, 2, 0, 8, speakers=("eve", "tom")).at(0)
    values = (batch.tokens * tokens.scale @ tokens.basis.T + tokens.mean).reshape(2, -1, 85)
    for row, label in enumerate(batch.label):
        said = frames[label]
        places = [i for i in range(4) if torch.allclose(values[row, i : i + len(said)], said, atol=1e-3)]
        assert len(places) == 1
        rest = torch.cat([values[row, : places[0]], values[row, places[0] + len(said) :]])
        torch.testing.assert_close(rest, silent.expand(len(rest), -1), atol=1e-3, rtol=0)
        over = -(-(places[0] + len(said)) // 4)
        assert batch.ended[row].tolist() == [i >= over for i in range(values.shape[1] // 4)]


def test_a_vowel_comes_back_as_loud_at_its_harmonics():
    """A pitch that glides, through tokens of all axes: mel spectra differ by 2 dB in the mean."""
    clip = np.concatenate([vowel(hertz, 0.256) for hertz in (140, 145, 150)])
    tokens = VocoderTokens(CONFIG)
    values = torch.from_numpy(frame_values(clip, CONFIG))
    tokens.fit(values)
    sound, _ = tokens.decode(tokens.encode(values[None]), tokens.initial_state(1))
    made = sound[0].numpy()
    assert len(made) == len(clip)
    a, b = (np.maximum(mel_spectrogram(x, 16000, 75, 40), -60)[:, 5:-5] for x in (clip, made))
    assert np.abs(a - b).mean() < 2.5
    np.testing.assert_allclose(made.std(), clip.std(), rtol=0.15)
