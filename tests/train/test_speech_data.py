"""Speech of several voices and rates, resampled sound, and the rows that a codec learns from."""

import numpy as np
import pytest
import soundfile
import torch
from adr_train.data.aligned import split_of
from adr_train.data.datasets import load_dataset
from adr_train.data.resample import resampled
from adr_train.data.types import AudioClips
from adr_train.tasks.codec_batches import PIECES, CodecBatches
from data_files import refuse, tone, write_fsdd

SENTENCES = [f"This is sentence {number}." for number in range(60)]


def write_voice(folder, ending, rate):
    """A folder in LJSpeech's layout, whose recordings are 100 samples and one more for each before it."""
    (folder / "wavs").mkdir(parents=True)
    for number in range(len(SENTENCES)):
        soundfile.write(folder / "wavs" / f"s{number}{ending}", tone(100 + number)[0], rate)
    (folder / "metadata.csv").write_text("".join(f"s{i}|{text}|{text}\n" for i, text in enumerate(SENTENCES)))


def test_speech_of_several_voices(tmp_path):
    write_fsdd(tmp_path / "digits" / "recordings")
    write_voice(tmp_path / "eve", ".wav", 16000)
    write_voice(tmp_path / "tom", ".flac", 8000)
    (tmp_path / "papers").mkdir()
    counts = {}
    for split, digits in (("train", 40), ("validation", 100), ("test", 100)):
        data = load_dataset("speech", tmp_path, split)
        here = [i for i, sentence in enumerate(SENTENCES) if split_of(sentence) == split]
        assert data.sample_rate == 16000 and data.names == ("speech",) and not data.labels.any()
        lengths = {name: [len(c) for c, s in zip(data.clips, data.speakers, strict=True) if s == name]
                   for name in data.speakers}  # fmt: skip
        assert lengths.get("eve", []) == [100 + i for i in here]
        assert lengths.get("tom", []) == [200 + 2 * i for i in here]
        assert len(data.clips) == digits + 2 * len(here) and len(lengths["ann"]) >= digits // 2
        counts[split] = len(here)
    assert sum(counts.values()) == len(SENTENCES) and counts["train"] > 40
    alone = load_dataset("speech", tmp_path / "tom", "train")
    assert alone.sample_rate == 8000 and set(alone.speakers) == {"tom"}
    assert len(load_dataset("speech", tmp_path / "digits", "test").clips) == 100


def test_speech_broken(tmp_path):
    refuse("no speech: neither it nor a folder in it", "speech", tmp_path)
    refuse("give --data DIR", "speech", None)
    write_voice(tmp_path / "eve", ".wav", 16000)
    (tmp_path / "eve" / "wavs" / "s3.wav").unlink()
    refuse("wavs/s3: neither .wav nor .flac is there", "speech", tmp_path)
    (tmp_path / "eve" / "metadata.csv").write_text("s1\n")
    refuse("not a list of sentences", "speech", tmp_path)
    (tmp_path / "eve" / "metadata.csv").write_text("")
    refuse("not a list of sentences", "speech", tmp_path)


@pytest.mark.parametrize("rates", [(8000, 16000), (22050, 16000), (16000, 8000)])
def test_resampled_sound_is_the_same_sound(rates):
    """A tone at the one rate is the tone at the other, away from its ends."""
    before, after = (0.5 * np.sin(2 * np.pi * 1234 * np.arange(rate) / rate).astype(np.float32) for rate in rates)
    data = resampled(AudioClips([before], np.zeros(1, np.int64), ("tone",), rates[0], ("eve",)), rates[1])
    assert data.sample_rate == rates[1] and len(data.clips[0]) == rates[1]
    np.testing.assert_allclose(data.clips[0][500:-500], after[500:-500], atol=2e-3)
    assert resampled(data, rates[1]) is data


def test_rows_are_clips_behind_pauses():
    """As put together piece by piece; the same for the same step, another for another."""
    random = np.random.default_rng(0)
    clips = [random.standard_normal(length).astype(np.float32) for length in (40, 130, 75, 900)]
    data = AudioClips(clips, np.zeros(4, np.int64), ("speech",), 400, ("eve",) * 4)
    batches, sound = CodecBatches(data, 300, 16, 7, torch.device("cpu")), np.concatenate(clips)
    for step in (0, 3):
        expected = np.zeros((16, 300), np.float32)
        places = batches.pieces(step)
        assert places.shape == (3, 16, PIECES)
        for row in range(16):
            for begin, source, length in places[:, row].T:
                room = expected[row, begin : begin + length]
                assert not room.any()
                room[:] = sound[source : source + length][: len(room)]
        assert torch.equal(batches.at(step).tokens, torch.from_numpy(expected))
        assert (places[0, :, 0] < 60).all() and (np.diff(places[0], axis=1) >= places[2, :, :-1]).all()
    starts = np.cumsum([0, 40, 130, 75])
    taken = np.stack([batches.pieces(step) for step in range(20)])
    for source, length in zip(taken[:, 1].ravel(), taken[:, 2].ravel(), strict=True):
        clip = np.searchsorted(starts, source, side="right") - 1
        assert source + length <= starts[clip] + len(clips[clip]) and length in (40, 130, 75, 300)
    assert not torch.equal(batches.at(0).tokens, batches.at(3).tokens)
