"""One's own recordings, from a folder with faults to a voice that speaks, by the installed commands."""

import json
import os
import sys

import adr_runtime
import numpy as np
import pytest
import soundfile
import torch
from adr_export.spoken_text import write_spoken_text
from adr_models.checkpoint import latest_checkpoint, read_config
from adr_models.mixers.retention import RetentionConfig
from adr_models.spoken_text.durations import DurationsConfig, DurationsModel
from adr_models.spoken_text.encoder import EncoderConfig
from adr_models.spoken_text.letters import LettersConfig, LettersModel
from adr_runtime.spoken_text.aligner import HOP, RATE, SOUND_OF
from adr_runtime.spoken_text.phones import FIRST, INSIDE, LAST
from adr_train.data import align, aligned
from adr_train.data.align import Voice, aligned_folder, fingerprint, measured_paces, unaligned
from adr_train.data.ljspeech import read_recording
from adr_train.errors import TrainError
from adr_train.recipes.recipe import read_recipe
from adr_train.tasks.aligner import FRAMES, FrameBatches, echo, filtered
from adr_train.tasks.own_speech import of_own_recordings, speech_folder
from aligned_voices import FEW

# Words of two phones, each a rustle around a frequency of its own.
TONES = {"K": 400, "AA1": 700, "M": 1100, "IY1": 1700, "S": 2600, "UW1": 3900}
WORDS = {"kah": ("K", "AA1"), "mee": ("M", "IY1"), "soo": ("S", "UW1"), "see": ("S", "IY1"), "ma": ("M", "AA1")}
ALIGNER = """
kind: aligner
dataset: aligned-speech
description: Tones
licence: CC0-1.0
source: made up
model: {width: 32, kernel: 3, dilations: [1, 2], dropout: 0.0, altered: 0.0}
sizes: {cpu: {train: {steps: 100, batch: 4, learning_rate: 1.0e-2}}}
"""
SPEAKING = """
dataset: aligned-speech
description: for tests
licence: CC0-1.0
source: none
model:
  vocoder: {sample_rate: 16000, hop: 128, stride: 4, channels: 12, cepstrum: 20, balance: 4}
  schedule: {timesteps: 50}
  loss: {draws: 2}
  backbone: {layers: 1, feedforward: 16, retention: {width: 16, heads: 2}}
  head: {width: 16, blocks: 1, frequencies: 8}
train: {batch: 4, steps: 2, loudness: 0.05, speakers: true, window: [0.5, 1.0]}
from: {learning_rate: 1.25e-4}
defaults: {steps: 4, sampler: dpm++, guidance: 2.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""


def rustle(tone, count, random):
    """Noise within a fifth of a frequency, of a mean power of 1."""
    spectrum = np.fft.rfft(random.normal(size=count))
    spectrum[np.abs(np.log(np.arange(1, len(spectrum) + 1) * RATE / count / tone)) > 0.2] = 0
    samples = np.fft.irfft(spectrum, count)
    return samples / np.sqrt(np.mean(samples**2))


def say(words, random):
    """The samples of some words and their alignment: symbols, places and ends, a pause before and after."""
    symbols, places = ["pau"], [INSIDE]
    for word in words:
        symbols += WORDS[word]
        places += [FIRST, LAST]
    counts = random.integers(1500, 3000, len(symbols) + 1)
    parts = [np.zeros(counts[0])]
    for symbol, count in zip(symbols[1:], counts[1:-1], strict=True):
        parts.append(0.1 * rustle(TONES[symbol], count, random))
    samples = np.concatenate([*parts, np.zeros(counts[-1])]) + 0.001 * random.normal(size=counts.sum())
    return samples, (*symbols, "."), (*places, INSIDE), np.cumsum(counts)


def sentences(count, seed):
    random = np.random.default_rng(seed)
    drawn = {" ".join(random.choice(list(WORDS), random.integers(3, 7))) for _ in range(3 * count)}
    return sorted(drawn)[:count]


@pytest.fixture(scope="module")
def toned(tmp_path_factory, warm):
    """A folder of aligned tones, and a bundle of text to phones whose aligner has learned them. Read only."""
    folder = tmp_path_factory.mktemp("toned")
    random, lines = np.random.default_rng(3), []
    (folder / "speech" / "wavs").mkdir(parents=True)
    for number, text in enumerate(sentences(120, 1)):
        samples, symbols, places, ends = say(text.split(), random)
        soundfile.write(folder / "speech" / "wavs" / f"s{number}.wav", samples, RATE, "PCM_16")
        row = aligned.Alignment(f"s{number}", text, text, RATE, symbols, places, tuple(map(int, ends)))
        lines.append(row.line())
    (folder / "speech" / "alignments.jsonl").write_text("".join(lines))
    (folder / "tones.yaml").write_text(ALIGNER)
    options = ("--data", "speech", "--size", "cpu", "--device", "cpu", "--out", "run")
    done = warm.run("adr-train", "tones.yaml", *options, folder=folder)
    assert done.returncode == 0, done.stderr
    dictionary = "".join(f"{word} {' '.join(phones)}\n" for word, phones in WORDS.items())
    (folder / "words.dict").write_text(dictionary)
    small = EncoderConfig(RetentionConfig(16, 2, 1.0), layers=1, feedforward=16, stem=3, dropout=0.0)
    torch.manual_seed(0)
    about = {"name": "t", "description": "t", "licence": "CC0-1.0", "source": "-", "defaults": {}, "training": {}}
    from adr_export.checkpoint import load_checkpoint

    aligner, config = load_checkpoint(latest_checkpoint(folder / "run"))
    write_spoken_text(
        LettersModel(LettersConfig(small)), (DurationsModel(DurationsConfig(small)), {}), (aligner, config.training),
        folder / "words.dict", about, folder / "front-end", "linear-attention", True, False,
    )  # fmt: skip
    return folder


def record(folder, texts, seed, rate=RATE, channels=1):
    """A voice's recordings without alignments. -> where the phones of each really end, in seconds."""
    random, ends, lines = np.random.default_rng(seed), {}, []
    (folder / "wavs").mkdir(parents=True)
    for number, text in enumerate(texts):
        samples, symbols, _, edges = say(text.split(), random)
        times = np.arange(round(len(samples) * rate / RATE)) * RATE / rate
        sound = np.interp(times, np.arange(len(samples)), samples)
        soundfile.write(folder / "wavs" / f"r{number}.wav", np.stack([sound] * channels, 1), rate, "PCM_16")
        lines.append(f"r{number}|{text}\n")
        ends[f"r{number}"] = (symbols, edges / RATE)
    (folder / "metadata.csv").write_text("".join(lines))
    return ends


def test_ends_are_found_to_a_frame_at_another_rate_and_in_stereo(toned, tmp_path):
    ends, told = record(tmp_path / "ann", sentences(12, 7), 8, rate=22050, channels=2), []
    out = aligned_folder(tmp_path, toned / "front-end", False, told.append)
    assert out == tmp_path / "aligned" and told == ["ann: 12 of 12 recordings, 0.3 minutes"], told
    errors = []
    for row in aligned.read_alignments(out / "ann" / "alignments.jsonl"):
        symbols, real = ends[row.id]
        if row.symbols == symbols:
            errors.append(np.array(row.ends[:-1]) / RATE - real[:-1])
        assert row.rate == RATE and len(read_recording(out / "ann" / "wavs" / f"{row.id}.flac")) == row.ends[-1]
    # A pause where there is none is a mistake that an aligner may make.
    assert len(errors) >= 6
    late = np.abs(np.concatenate(errors))
    assert np.median(late) < 0.006 and np.percentile(late, 95) < 0.03
    data = aligned.read(out, "train")
    assert set(data.speakers) == {"ann"} and len(data.texts) + len(aligned.read(out, "validation").texts) in (11, 12)


def test_what_is_there_is_used_until_a_recording_changes(toned, tmp_path):
    record(tmp_path / "ann", sentences(4, 7), 8)
    assert unaligned(tmp_path) == [tmp_path / "ann"] and unaligned(tmp_path / "ann") == [tmp_path / "ann"]
    out, told = aligned_folder(tmp_path, toned / "front-end", False, lambda line: None), []
    before = (out / "ann" / "alignments.jsonl").stat().st_mtime_ns
    assert aligned_folder(tmp_path, "no such bundle", False, told.append) == out and not told
    assert aligned_folder(tmp_path, toned / "front-end", True, told.append) == out and not told
    assert (out / "ann" / "alignments.jsonl").stat().st_mtime_ns == before
    os.utime(tmp_path / "ann" / "wavs" / "r1.wav", ns=(1, 1))
    aligned_folder(tmp_path, toned / "front-end", False, told.append)
    assert told == ["ann: 4 of 4 recordings, 0.1 minutes"]
    record(tmp_path / "bob", sentences(3, 9), 9)
    aligned_folder(tmp_path, toned / "front-end", False, told.append)
    assert sorted(path.name for path in out.iterdir()) == ["ann", "bob", "made-of.json"]
    assert not list(tmp_path.glob(".*")) and fingerprint([Voice.of(path) for path in unaligned(tmp_path)], {})
    assert unaligned(out) == [] and set(measured_paces(out)) == {"pace of ann", "pace of bob", "paces beside"}
    (out / "carl").mkdir()
    (out / "carl" / "metadata.csv").write_text("x|kah\n")
    with pytest.raises(TrainError, match=r"carl has no alignments\.jsonl, and ann has; align it alone"):
        unaligned(out)
    recipe = read_recipe("speech-text", "cpu")
    assert of_own_recordings(recipe, tmp_path / "ann") is recipe
    own = of_own_recordings(recipe, out)
    assert "one's own" in own.source and "CMU" not in str(own)
    # What the folder says of its recordings goes into cards.
    (tmp_path / "about.json").write_text('{"licence": "CC0-1.0", "source": "Ann and Bob"}')
    aligned_folder(tmp_path, toned / "front-end", False, told.append)
    said = of_own_recordings(recipe, out)
    assert (said.licence, said.source, said.description) == ("CC0-1.0", "Ann and Bob", own.description)
    for wrong in ("[]", '{"licence": 1}', '{"speaker": "Ann"}', "{"):
        (tmp_path / "about.json").write_text(wrong)
        with pytest.raises(TrainError, match=r"about\.json: (expected|cannot be read)"):
            aligned_folder(tmp_path, toned / "front-end", False, told.append)


def test_several_processes_do_not_align(toned, tmp_path, monkeypatch):
    record(tmp_path / "ann", sentences(3, 7), 8)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        TrainError, match=r"align it before several processes train, and give .*aligned: python -m adr_train"
    ):
        speech_folder("aligned-speech", tmp_path, toned / "front-end", None, print)


def test_faults_of_a_folder_are_named_and_the_rest_goes_on(toned, refused, warm, front_ends, tmp_path, monkeypatch):
    # The aligner of tones is never as wrong as one of speech.
    monkeypatch.setattr(align, "WORST", -1.0)
    folder = tmp_path / "mine"
    record(folder, sentences(3, 7), 8)
    good, rate = soundfile.read(folder / "wavs" / "r0.wav")
    for name, samples in (
        ("short", good[:3000]), ("long", np.tile(good, 40)), ("silent", good * 0), ("other", good), ("greek", good),
        ("hurried", good[2000:8000]), ("nothing", good),
    ):  # fmt: skip
        soundfile.write(folder / "wavs" / f"{name}.wav", samples, rate)
    soundfile.write(folder / "wavs" / "nan.wav", np.full(9000, np.nan, np.float32), rate, "FLOAT")
    (folder / "wavs" / "broken.wav").write_bytes(b"RIFF, more or less")
    text = (folder / "metadata.csv").read_text().splitlines()[0].partition("|")[2]
    lines = [
        "", "r0|again", "gone|kah mee", "alone", "kah mee soo " * 30 + "|r0", "a|b|c|d", "bare||",
        "short|kah", "long|kah", "silent|kah", "nan|kah",
        "broken|kah", "greek|αβγ", "nothing|...", f"hurried|{' '.join([text] * 9)}",
        "other|see soo see soo see soo", "wavs/r1.wav|numbers|mee",
    ]  # fmt: skip
    with (folder / "metadata.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    told = []
    out = aligned_folder(folder, toned / "front-end", False, told.append)
    for says in (
        "metadata.csv:4: an empty line", "metadata.csv:5: a second line of r0", "no recording wavs/gone.wav",
        "metadata.csv:7: expected id|text", "metadata.csv:8: no recording of", "metadata.csv:9: expected id|text",
        "metadata.csv:10: no text of bare",
        "0.2 s long", "mine, long:", "is silent", "mine, nan:", "not a readable sound file", "mine, greek:",
        "nothing to say", "mine, hurried: the recording is too short", "mine, other: does not sound like its text",
    ):  # fmt: skip
        assert sum(says in line for line in told) == 1, (says, told)
    assert all("\n" not in line for line in told) and sum(line.endswith("left out") for line in told) >= 15
    names = {row.id for row in aligned.read_alignments(out / "mine" / "alignments.jsonl")}
    assert {"r0", "r1", "r2"} <= names <= {"r0", "r1", "r2", "wavs-r1"}
    alone = tmp_path / "alone"
    (alone / "wavs").mkdir(parents=True)
    (alone / "metadata.csv").write_text("x|kah\n")
    with pytest.raises(TrainError, match="nothing is left to train on"):
        aligned_folder(alone, toned / "front-end", False, told.append)
    assert sorted(path.name for path in alone.iterdir()) == ["metadata.csv", "wavs"]
    options = ("--size", "cpu", "--device", "cpu", "--out", "run", "--text", toned / "front-end")
    done = warm.run("adr-train", "speech-text", "--data", "alone", *options, folder=tmp_path)
    assert done.returncode == 2 and "nothing is left" in done.stderr.splitlines()[-1]
    refused("adr-train", "digits", *options, says=("--text is for recordings without alignments",))
    deaf = ("--data", "alone", *options[:-1], front_ends["front-end"])
    refused("adr-train", "speech-text", *deaf, says=("has no graph that finds phones",))


def test_a_command_aligns_by_hand(toned, tmp_path):
    import subprocess

    record(tmp_path / "mine", sentences(3, 7), 8)
    call = [sys.executable, "-m", "adr_train.data.align", "mine", "--text", str(toned / "front-end")]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "mine/aligned: done" in done.stderr, done.stderr
    done = subprocess.run([*call[:3], "none"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("align: none: no metadata.csv"), done.stderr


def test_a_few_sentences_leave_one_to_validate_on():
    texts = [text for n in range(200) if aligned.split_of(text := f"Text {n}.") == "train"][:20]
    (held_out,) = aligned.texts_of(set(texts), "validation")
    assert aligned.texts_of(set(texts), "train") == set(texts) - {held_out} and not aligned.texts_of({"a"}, "test")
    more = [f"Text {n}." for n in range(300)]
    for split in ("train", "validation", "test"):
        assert aligned.texts_of(set(more), split) == {text for text in more if aligned.split_of(text) == split}


def test_rows_of_frames_know_what_is_heard_whatever_was_changed(toned):
    data = aligned.read(toned / "speech", "train")
    tones = {0: 0} | {SOUND_OF[symbol]: tone for symbol, tone in TONES.items()}
    plain, batch = FrameBatches(data, 8, 0, plain=True).at(0), FrameBatches(data, 8, 0, 0.5).at(0)
    assert batch.tokens.shape == (8, FRAMES * HOP) and batch.sounds.shape == (8, FRAMES) and (plain.warp == 1).all()
    assert torch.equal(FrameBatches(data, 8, 0, 0.5).at(0).tokens, batch.tokens)
    for row in range(8):
        ratios = []
        for sound, frame in zip(batch.sounds[row].tolist(), batch.tokens[row].reshape(FRAMES, HOP), strict=True):
            spectrum = np.abs(np.fft.rfft(frame.numpy() * np.hanning(HOP), 4096))
            # What is higher may be above all that is left.
            if 700 <= tones[sound] <= 2000:
                ratios.append(spectrum.argmax() * RATE / 4096 / tones[sound])
        # All of a row is higher by one factor, which is how much faster it is.
        assert np.percentile(ratios, 90) / np.percentile(ratios, 10) < 1.5 and 0.7 < np.median(ratios) < 1.4


def test_a_room_is_a_convolution():
    random = np.random.default_rng(0)
    samples, response = random.normal(size=3000), echo(random)
    assert response[0] > 0.5 and np.sum(response[1:] ** 2) < 0.6 and len(response) > 3000
    np.testing.assert_allclose(filtered(samples, response), np.convolve(samples, response)[:3000], atol=1e-9)


def test_a_run_that_begins_with_other_weights_is_shorter_and_gentler():
    for size in ("cpu", "gpu"):
        alone, begun = (read_recipe("speech-text", size, begun=begun).train for begun in (False, True))
        assert begun.learning_rate == pytest.approx(alone.learning_rate / 3) and begun.minutes < alone.minutes / 3
        assert read_recipe("digits", size, begun=True) == read_recipe("digits", size)


def test_from_recordings_to_a_voice_by_the_installed_commands(toned, command, tmp_path):
    (tmp_path / "speaking.yaml").write_text(SPEAKING)
    options = ("--size", "cpu", "--device", "cpu", "--threads", "1", "--json", "--steps", "2")
    done = command("adr-train", "speaking.yaml", "--data", toned / "speech", *options, "--out", "first")
    assert done.returncode == 0, done.stderr
    done = command("adr-export", "first", "spoken", "--text", toned / "front-end")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "spoken" / "text" / "align.onnx").is_file()
    record(tmp_path / "mine", sentences(8, 7), 8)
    # The voice brings weights, axes and the aligner.
    mine = ("adr-train", "speaking.yaml", "--data", "mine", *options)
    done = command(*mine, "--out", "run", "--from", "spoken")
    assert done.returncode == 0 and "mine: 8 of 8 recordings" in done.stderr, done.stderr
    assert "recordings" not in command(*mine, "--out", "again", "--from", "spoken").stderr
    saved = read_config(latest_checkpoint(tmp_path / "run"))
    assert saved.model["speakers"] == ["mine"] and saved.training["from"] == "speaking"
    assert saved.train["learning_rate"] == 1.25e-4
    factor = saved.training["pace of mine"]
    assert not list((tmp_path / "mine" / "aligned").glob("axes-*"))
    done = command("adr-export", "run", "bundle", "--text", "spoken")
    assert done.returncode == 0, done.stderr
    inner = json.loads((tmp_path / "bundle" / "text" / "manifest.json").read_text())
    assert inner["paces"] == [{"speaker": "mine", "factor": factor}] and 0.5 <= factor <= 2
    spoken = command(
        "adr-run", "audio", "--model", "bundle", "--text", "Kah mee soo.", "--voice", "mine", "--out", "a.wav"
    )
    assert spoken.returncode == 0 and soundfile.info(tmp_path / "a.wav").duration > 0.2, spoken.stderr
    assert adr_runtime.load(tmp_path / "bundle").manifest.speakers == ("mine",)
    # A head of few steps keeps the pace, and where the voice began.
    (tmp_path / "few.yaml").write_text(FEW)
    few = ("adr-train", "few.yaml", "--data", "mine/aligned", "--teacher", "run", *options, "--out", "few")
    assert command(*few).returncode == 0
    saved = read_config(latest_checkpoint(tmp_path / "few"))
    assert saved.training["from"] == "speaking" and saved.about["source"] == "recordings of one's own"
    done = command("adr-export", "few", "few-bundle", "--text", "spoken")
    assert done.returncode == 0, done.stderr
    inner = json.loads((tmp_path / "few-bundle" / "text" / "manifest.json").read_text())
    assert inner["paces"] == [{"speaker": "mine", "factor": factor}]
