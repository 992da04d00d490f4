"""Aligned speech of several voices, as latents and controls."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from adr_runtime.spoken_text.controls import CONTROLS, token_controls
from adr_train.data import aligned
from adr_train.errors import TrainError
from adr_train.tasks.latents import added, sentence_latents, sentence_samples, sentence_seconds
from adr_train.tasks.spoken_batches import SpokenBatches
from aligned_voices import RATE, SENTENCES
from safetensors.torch import load_file, save

TOKEN = 0.032


def test_voices_are_sub_folders_and_share_no_sentence_between_splits(voices):
    parts = {split: aligned.read(voices, split) for split in ("train", "validation", "test")}
    for split, part in parts.items():
        said = {v: {t for t, s in zip(part.texts, part.speakers, strict=True) if s == v} for v in ("ann", "bob")}
        assert said["ann"] == said["bob"] == {text for text in SENTENCES if aligned.split_of(text) == split}
    assert sum(len(part.texts) for part in parts.values()) == 240
    alone = aligned.read(voices / "bob", "train")
    assert set(alone.speakers) == {"bob"} and all(f.suffix == ".flac" and f.is_file() for f in alone.files)
    with pytest.raises(TrainError, match=r"no alignments\.jsonl, neither in it nor in a sub-folder"):
        aligned.read(voices / "notes", "train")


def test_latents_are_those_of_each_sentence_alone_and_need_no_recordings_afterwards(voices, codec):
    data = aligned.read(voices, "validation")
    found = sentence_latents(data, codec, 0.05)
    for number, latents in enumerate(found):
        clip, (before, after) = sentence_samples(data, number, 0.05), added(data, number)
        spoken = np.repeat([0, 1, 1, 1, 1, 0], np.diff(data.ends[number], prepend=0)) == 1
        assert np.sqrt(np.square(clip[spoken]).mean()) == pytest.approx(0.05, rel=1e-4)
        samples = np.pad(clip, (before, after))
        assert sentence_seconds(data, number).sum() == pytest.approx(len(samples) / RATE)
        padded = torch.from_numpy(np.pad(samples, (0, -len(samples) % codec.hop)))
        with torch.no_grad():
            alone = codec.encode(padded[None])[0]
        assert latents.shape == alone.shape and latents.dtype == torch.float16
        torch.testing.assert_close(latents.float(), alone, atol=2e-3, rtol=2e-3)
    kept = list(voices.glob("latents-*.safetensors"))
    assert len(kept) == 1
    for file in data.files:
        file.unlink()
    assert all(torch.equal(a, b) for a, b in zip(sentence_latents(data, codec, 0.05), found, strict=True))
    with pytest.raises(TrainError, match="not a readable sound file"):
        sentence_latents(data, codec, 0.06)
    codec.encoder.frame.weight.data += 1
    with pytest.raises(TrainError, match="not a readable sound file"):
        sentence_latents(data, codec, 0.05)


def test_latents_grow_by_the_sentences_that_are_new_and_those_of_others_are_refused(voices, codec):
    held_out = sentence_latents(aligned.read(voices, "validation"), codec, None)
    sentence_latents(aligned.read(voices, "test"), codec, None)
    data = aligned.read(voices, "validation")
    assert all(torch.equal(a, b) for a, b in zip(sentence_latents(data, codec, None), held_out, strict=True))
    longer = replace(data, ends=tuple(ends + np.arange(1, 7) * 300 for ends in data.ends))
    with pytest.raises(TrainError, match=r"latents-\w+\.safetensors: its ann/s\d+ is of other recordings"):
        sentence_latents(longer, codec, None)
    with pytest.raises(TrainError, match="but the alignment ends at"):
        sentence_samples(longer, 0, None)


def test_latents_of_other_recordings_of_the_same_length_are_refused(voices, codec):
    data = aligned.read(voices, "validation")
    sentence_latents(data, codec, 0.05)
    (kept,) = voices.glob("latents-*.safetensors")
    louder = data.ends[0].copy()
    louder[1:-1] -= 9
    with pytest.raises(TrainError, match=r"its ann/s\d+ is of other recordings; delete the file"):
        sentence_latents(replace(data, ends=(louder, *data.ends[1:])), codec, 0.05)
    other = sentence_samples(data, 3, None)[::-1]
    soundfile.write(data.files[3], other, RATE, "PCM_16")
    with pytest.raises(TrainError, match=r"its \w+/s\d+ is of other recordings; delete the file"):
        sentence_latents(data, codec, 0.05)
    # Files that do not say what they are of, as they were, go by lengths.
    kept.write_bytes(save(load_file(kept)))
    sentence_latents(data, codec, 0.05)


def test_some_pauses_are_longer_and_always_the_same_ones(voices):
    data = aligned.read(voices, "train")
    more = np.array([added(data, number) for number in range(len(data.texts))])
    assert ((more > 0).mean(0) > 0.1).all() and ((more > 0).mean(0) < 0.3).all() and more.max() <= RATE
    unpaused = replace(data, symbols=tuple(("HH", *symbols[1:]) for symbols in data.symbols))
    assert not any(added(unpaused, number)[0] for number in range(len(data.texts)))


@pytest.fixture
def batches(voices):
    """Batches whose first channel tells the sentence and whose second one the token."""
    data = aligned.read(voices, "train")
    counts = [len(token_controls(data.symbols[n], data.places[n], sentence_seconds(data, n), TOKEN))
              for n in range(len(data.texts))]  # fmt: skip
    latents = [torch.stack([torch.full((c,), float(n)), torch.arange(c)], -1).half() for n, c in enumerate(counts)]
    names = ("ann", "carl")
    return data, SpokenBatches(data, latents, TOKEN, 64, (0.5, 2.0), 7, names, torch.device("cpu"))


def test_rows_are_sentences_of_one_voice_with_their_controls(batches):
    data, source = batches
    begun, followed, lengths = 0, 0, set()
    for step in range(5):
        batch = source.at(step)
        lengths.add(batch.tokens.shape[1])
        assert batch.mask.all() and not batch.ended.any() and batch.controls.shape == (*batch.mask.shape, len(CONTROLS))
        for tokens, controls, speaker in zip(batch.tokens.long(), batch.controls, batch.speaker, strict=True):
            # Of names that the training data has not, the null speaker.
            assert {data.speakers[n] for n in tokens[:, 0].tolist()} == {"ann" if speaker == 0 else "bob"}
            assert speaker in (0, 2)
            begun += int(tokens[0, 1] == 0)
            for (n, place), (m, behind) in zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True):
                whole = place + 1 == source.counts[n]
                assert (behind == 0) if whole else (m, behind) == (n, place + 1)
                followed += whole
            n, place = tokens[len(tokens) // 2].tolist()
            expected = token_controls(data.symbols[n], data.places[n], sentence_seconds(data, n), TOKEN)[place]
            assert controls[len(tokens) // 2].tolist() == expected.tolist()
    assert 0.4 < begun / 320 < 0.7 and followed > 320 and len(lengths) > 2
    assert min(lengths) >= round(0.5 / TOKEN) and max(lengths) <= round(2.0 / TOKEN)


def test_a_batch_is_a_function_of_seed_and_step(batches):
    _, source = batches
    first = source.at(3)
    source.at(9)
    again = source.at(3)
    assert torch.equal(first.tokens, again.tokens) and torch.equal(first.controls, again.controls)
    assert source.at(4).tokens.shape != first.tokens.shape or not torch.equal(source.at(4).tokens, first.tokens)
