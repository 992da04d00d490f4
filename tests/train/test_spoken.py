"""Aligned speech of several voices, as latents and controls, and a model that learns them by the installed command."""

import json
from dataclasses import asdict, replace

import adr_runtime
import numpy as np
import pytest
import soundfile
import torch
from adr_models.checkpoint import CheckpointConfig, latest_checkpoint
from adr_models.tokens.codec import CodecConfig, CodecTokens
from adr_runtime.spoken_text.controls import CONTROLS, token_controls
from adr_train.checkpoint import save_checkpoint
from adr_train.data import aligned
from adr_train.errors import TrainError
from adr_train.tasks.latents import added, sentence_latents, sentence_samples, sentence_seconds
from adr_train.tasks.spoken import SpokenBatches
from random_models import export_spoken_text
from safetensors.torch import load_file, save_file

RATE, TOKEN = 8000, 0.032
CODEC = CodecConfig(channels=4, width=16, hidden=24, kernel=3, coarse=1, fine=1)
RECIPE = """
dataset: aligned-speech
tokens: small-codec
description: for tests
licence: CC0-1.0
source: none
model:
  schedule: {timesteps: 50}
  loss: {draws: 2}
  backbone: {layers: 1, feedforward: 16, retention: {width: 16, heads: 2}}
  head: {width: 16, blocks: 1, frequencies: 8}
train: {batch: 4, steps: 4, loudness: 0.05, speakers: true, window: [0.5, 1.0]}
defaults: {steps: 4, sampler: dpm++, guidance: 2.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""


def make_voice(folder, sentences, seed, form="wav"):
    """A voice whose phones are noises of lengths that are drawn."""
    random = np.random.default_rng(seed)
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, text in enumerate(sentences):
        symbols = ("pau", "HH", "AH0", "L", "OW1", ".")
        ends = np.cumsum(random.integers(200, 1500, len(symbols)))
        samples = random.normal(size=ends[-1]) * np.repeat([0, 0.1, 0.3, 0.1, 0.3, 0], np.diff(ends, prepend=0))
        soundfile.write(folder / "wavs" / f"s{number}.{form}", samples.clip(-1, 1), RATE, "PCM_16")
        row = aligned.Alignment(
            f"s{number}", text, text.lower(), RATE, symbols, (0, 1, 2, 1, 2, 0), tuple(map(int, ends))
        )
        lines.append(row.line())
    (folder / "alignments.jsonl").write_text("".join(lines))


SENTENCES = [f"Hello number {n}." for n in range(120)]


@pytest.fixture
def voices(tmp_path):
    folder = tmp_path / "voices"
    make_voice(folder / "ann", SENTENCES, 1)
    make_voice(folder / "bob", SENTENCES[::-1], 2, "flac")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def codec():
    torch.manual_seed(0)
    tokens = CodecTokens(CODEC)
    tokens.fit([torch.randn(8000) * 0.1])
    return tokens


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


def test_a_vocoder_needs_neither_codec_nor_recordings_once_they_are_taken_apart(command, refused, voices, tmp_path):
    vocoder = "vocoder: {sample_rate: 8000, hop: 64, stride: 4, channels: 12, cepstrum: 20, balance: 4}"
    recipe = RECIPE.replace("tokens: small-codec\n", "").replace("  schedule:", f"  {vocoder}\n  schedule:")
    (tmp_path / "speaking.yaml").write_text(recipe)
    (tmp_path / "both.yaml").write_text(f"tokens: small-codec\n{recipe}")
    options = ("--data", voices, "--size", "cpu", "--device", "cpu", "--threads", "1", "--json")
    whole = command("adr-train", "speaking.yaml", *options, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    assert sorted(path.name.split("-")[0] for path in voices.glob("*.safetensors")) == ["axes", "latents"]
    for file in voices.glob("*/wavs/*"):
        file.unlink()
    assert command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "2").returncode == 0
    half = command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "4", "--resume")
    assert [json.loads(line)["step"] for line in half.stdout.splitlines()] == [3, 4], half.stderr
    refused("adr-train", "both.yaml", *options, "--out", "both", says=("has a vocoder, or its codec's name",))
    # Axes of the run that a run began from, and of none other, also where it goes on.
    (axes,) = voices.glob("axes-*.safetensors")
    others = load_file(axes)
    save_file({**others, "mean": others["mean"] + 1}, axes)
    assert (
        command("adr-train", "speaking.yaml", *options, "--out", "more", "--from", "run", "--steps", "1").returncode
        == 0
    )
    on = command("adr-train", "speaking.yaml", *options, "--out", "more", "--steps", "2", "--resume")
    assert on.returncode == 0, on.stderr
    tokens = {
        k: v for k, v in load_file(latest_checkpoint(tmp_path / "run") / "model.safetensors").items() if "tokens" in k
    }
    last = load_file(latest_checkpoint(tmp_path / "more") / "model.safetensors")
    assert tokens and all(torch.equal(last[name], value) for name, value in tokens.items())
    assert len(list(voices.glob("latents-*.safetensors"))) == 1
    save_file({"mean": others["mean"]}, axes)
    refused("adr-train", "speaking.yaml", *options, "--out", "odd", says=("axes of another vocoder; delete the file",))
    export_spoken_text(tmp_path / "front-end")
    done = command("adr-export", "run", "bundle", "--text", "front-end")
    assert done.returncode == 0, done.stderr
    spoken = command(
        "adr-run", "audio", "--model", "bundle", "--text", "The cat sat.", "--voice", "ann", "--out", "a.wav"
    )
    assert spoken.returncode == 0 and soundfile.info(tmp_path / "a.wav").duration > 0.3, spoken.stderr
    assert "encode" not in adr_runtime.load(tmp_path / "bundle").manifest.graphs
    prompted = ("adr-run", "audio", "--model", "bundle", "--prompt", "a.wav", "--out", "b.wav")
    refused(*prompted, says=("makes sound and takes none",))


def test_from_sentences_to_a_bundle_by_the_installed_commands(command, refused, voices, codec, tmp_path):
    about = {"minutes": 0.0, "steps": 0, "commit": "none", "device": "none"}
    saved = CheckpointConfig("small-codec", "cpu", asdict(CODEC), {}, {}, {}, 1.0, 0, 0.0, about, "codec")
    save_checkpoint(tmp_path / "codec", saved, codec.state_dict(), {})
    (tmp_path / "speaking.yaml").write_text(RECIPE)
    (tmp_path / "told.yaml").write_text(RECIPE.replace("  loss:", "  controls: {phone: 3}\n  loss:"))
    options = ("--data", voices, "--codec", "codec", "--size", "cpu", "--device", "cpu", "--threads", "1", "--json")
    whole = command("adr-train", "speaking.yaml", *options, "--out", "whole", "--look-minutes", "0")
    assert whole.returncode == 0, whole.stderr
    # Latents are there now.
    for file in voices.glob("*/wavs/*"):
        file.unlink()
    assert command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "2").returncode == 0
    half = command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "4", "--resume")
    assert [json.loads(line)["step"] for line in half.stdout.splitlines()] == [3, 4], half.stderr
    begun = command("adr-train", "speaking.yaml", *options, "--out", "more", "--from", "run", "--steps", "1")
    assert begun.returncode == 0, begun.stderr
    refused("adr-train", "told.yaml", *options, "--out", "told", says=("no controls",))
    export_spoken_text(tmp_path / "front-end")
    export_spoken_text(tmp_path / "untimed", durations=False)
    refused("adr-export", "run", "bundle", "--text", "run", says=("run: no manifest.json here",))
    refused("adr-export", "run", "bundle", "--text", "untimed", says=("untimed has no durations", "--durations"))
    done = command("adr-export", "run", "bundle", "--text", "front-end")
    assert done.returncode == 0, done.stderr
    spoken = command(
        "adr-run", "audio", "--model", "bundle", "--text", "The cat sat.", "--voice", "ann", "--out", "a.wav"
    )
    assert spoken.returncode == 0 and soundfile.info(tmp_path / "a.wav").duration > 0.3, spoken.stderr
    manifest = adr_runtime.load(tmp_path / "bundle").manifest
    assert manifest.speakers == ("ann", "bob") and not manifest.labels
    assert {control.name: control.classes for control in manifest.controls} == CONTROLS
