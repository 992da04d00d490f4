"""What a vocoder says of recordings, changed until they sound like it: against the spectra of the recordings."""

import numpy as np
import pytest
import torch
from adr_models import ADRConfig, ADRModel
from adr_models.tokens.vocoder import VocoderConfig, VocoderTokens
from adr_runtime.media.spectrogram import mel_spectrogram
from adr_train.data.types import AudioClips, Images
from adr_train.errors import TrainError
from adr_train.recipes.configs import TrainConfig
from adr_train.tasks import by_synthesis as module
from adr_train.tasks.batches import Batches, encodable
from adr_train.tasks.by_synthesis import by_synthesis
from adr_train.tasks.spoken_batches import spoken_batches
from vowels import vowel

CONFIG = VocoderConfig(channels=24)


@pytest.fixture(scope="module")
def taken_apart():
    """Vowels in noise, their frames, a silent one, and axes that were measured of them."""
    noise = np.random.default_rng(0)
    clips = [
        vowel(hertz, seconds) + (0.01 * noise.standard_normal(int(seconds * 16000))).astype(np.float32)
        for hertz, seconds in ((110, 0.4), (190, 0.27), (150, 0.33))
    ]
    tokens = VocoderTokens(CONFIG)
    data = AudioClips(clips, np.zeros(3, np.int64), ("a",), 16000, ("ann",) * 3)
    frames, silent = encodable(data, tokens)
    whole = torch.cat(frames)
    tokens.fit(whole[: len(whole) // 4 * 4])
    return clips, frames, silent, tokens


def distance(clip, frames, silent, tokens, before):
    """Decibels of mel bands from a clip to what tokens, which begin so many frames before it, make of it."""
    count = before + len(frames)
    rows = torch.cat([silent.expand(before, -1), frames, silent.expand(-count % 4, -1)])
    with torch.no_grad():
        made, _ = tokens.decode(tokens.encode(rows[None]), tokens.initial_state(1))
    both = (clip, made[0, before * CONFIG.hop :][: len(clip)].numpy())
    a, b = (np.maximum(mel_spectrogram(x, 16000, len(clip) // 160, 40), -60) for x in both)
    return np.abs(a - b).mean()


def test_every_clip_sounds_more_like_itself_wherever_its_tokens_begin(taken_apart, tmp_path):
    clips, frames, silent, tokens = taken_apart
    changed = by_synthesis(clips, frames, silent, tokens, 32, tmp_path)
    assert [rows.shape for rows in changed] == [rows.shape for rows in frames]
    was, now = (
        np.array([[distance(clip, rows[i], silent, tokens, k) for k in range(4)] for i, clip in enumerate(clips)])
        for rows in (frames, changed)
    )
    assert (now < was).all() and now.mean() < 0.92 * was.mean()


def test_a_clip_is_changed_alone_as_beside_another_of_its_length(taken_apart, tmp_path):
    clips, frames, silent, tokens = taken_apart
    clips, frames = [clip[:4096] for clip in clips[:2]], [rows[:32] for rows in frames[:2]]
    alone, together = (by_synthesis(clips[:n], frames[:n], silent, tokens, 4, tmp_path)[0] - frames[0] for n in (1, 2))
    assert (together * alone).sum() > 0.95 * together.norm() * alone.norm()


def test_what_is_found_is_kept_part_by_part(taken_apart, tmp_path, monkeypatch):
    clips, frames, silent, tokens = taken_apart
    monkeypatch.setattr(module, "TOGETHER", 2)
    descend, calls = module.descend, []

    def stopped(*arguments):
        calls.append(len(arguments[0]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return descend(*arguments)

    monkeypatch.setattr(module, "descend", stopped)
    with pytest.raises(KeyboardInterrupt):
        by_synthesis(clips, frames, silent, tokens, 2, tmp_path)
    first = by_synthesis(clips, frames, silent, tokens, 2, tmp_path)
    # The shortest two were there already.
    assert calls == [2, 1, 1]
    again = by_synthesis(clips, frames, silent, tokens, 2, tmp_path)
    assert calls == [2, 1, 1] and all(map(torch.equal, first, again))
    by_synthesis(clips, frames, silent, tokens, 3, tmp_path)
    by_synthesis([2 * clip for clip in clips], frames, silent, tokens, 2, tmp_path)
    assert calls == [2, 1, 1, 2, 1, 2, 1] and len(list(tmp_path.iterdir())) == 3


def test_batches_hold_what_was_changed(taken_apart, tmp_path, monkeypatch):
    clips, frames, _, tokens = taken_apart
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = AudioClips(clips, np.zeros(3, np.int64), ("a",), 16000, ("ann",) * 3)
    plain, changed = (Batches(data, tokens, 3, 0, 8, by_synthesis=steps) for steps in (0, 2))
    for batches in (plain, changed):
        batches.prepare()
    assert all(map(torch.equal, plain.clips, frames)) and not any(map(torch.equal, changed.clips, frames))
    assert not torch.equal(plain.at(0).tokens, changed.at(0).tokens)


def test_other_data_than_clips_of_a_vocoder_is_refused():
    pictures = Images(np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, np.int64), ("a",))
    with pytest.raises(TrainError, match="by_synthesis is for clips"):
        Batches(pictures, VocoderTokens(CONFIG), 2, 0, by_synthesis=1)
    model = ADRModel(ADRConfig(vocoder=CONFIG))
    with pytest.raises(TrainError, match="by_synthesis is for clips, not for sentences"):
        spoken_batches(model, None, None, TrainConfig(steps=1, by_synthesis=1), torch.device("cpu"))
